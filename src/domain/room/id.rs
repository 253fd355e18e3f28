//! The name of a room: which kind of room it is, 96 random bits, and a code of both that needs the secret of the
//! deployment, so that the Worker refuses made-up names before it wakes an object.

use crate::domain::secret::{DeploymentSecret, Purpose};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Random bytes in an id.
pub const RANDOM_BYTES: usize = 12;
const CODE_BYTES: usize = 4;

/// The id of a room.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoomId(String);

/// Whose a room is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Open: everybody who knows the id may connect and edit. Nothing can be run in it.
    Open,
    /// A project's: clients connect with a token, and programs run on a key of the project.
    Owned,
}

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Open => "open_",
            Self::Owned => "room_",
        }
    }
}

impl RoomId {
    /// A new id made of random bytes.
    pub fn from_random(kind: Kind, bytes: [u8; RANDOM_BYTES], secret: &DeploymentSecret) -> Self {
        let named = format!("{}{}", kind.prefix(), hex::encode(bytes));
        let code = secret.code(Purpose::RoomId, named.as_bytes());
        Self(named + &hex::encode(&code[..CODE_BYTES]))
    }

    /// The id that `text` is; `None` if this deployment has not made it.
    pub fn parse_own(text: &str, secret: &DeploymentSecret) -> Option<Self> {
        let id = Self::parse(text)?;
        let (named, code) = id.0.split_at(id.0.len() - 2 * CODE_BYTES);
        let code = hex::decode(code).ok()?;
        secret.verify(Purpose::RoomId, named.as_bytes(), &code).then_some(id)
    }

    /// The id that `text` is, by its form. Text of a client is for [`Self::parse_own`].
    pub fn parse(text: &str) -> Option<Self> {
        let digits = [Kind::Open, Kind::Owned].iter().find_map(|kind| text.strip_prefix(kind.prefix()))?;
        let is_lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_id = digits.len() == 2 * (RANDOM_BYTES + CODE_BYTES) && digits.bytes().all(is_lower_hex);
        is_id.then(|| Self(text.to_owned()))
    }

    /// Whose room it is.
    pub fn kind(&self) -> Kind {
        if self.0.starts_with(Kind::Owned.prefix()) { Kind::Owned } else { Kind::Open }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_id_format_unchanged() {
        let secret = DeploymentSecret::parse("0123456789abcdef0123456789abcdef", "").unwrap();
        let id = RoomId::from_random(Kind::Owned, [0xab; RANDOM_BYTES], &secret);
        assert!(id.as_str().starts_with("room_abababababababababababab"), "{id}");
        assert_eq!((RoomId::parse(id.as_str()), id.kind()), (Some(id.clone()), Kind::Owned));
        let open = RoomId::from_random(Kind::Open, [0; RANDOM_BYTES], &secret);
        assert_eq!(open.kind(), Kind::Open);
        for wrong in ["", "room_", "abc-123-def", "interview-session-123", &id.as_str().to_uppercase(), "é"] {
            assert_eq!(RoomId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_made_up_room_woke_an_object() {
        let secret = DeploymentSecret::parse("0123456789abcdef0123456789abcdef", "").unwrap();
        let other = DeploymentSecret::parse("fedcba9876543210fedcba9876543210", "").unwrap();
        let id = RoomId::from_random(Kind::Owned, [0xab; RANDOM_BYTES], &secret);
        assert_eq!(RoomId::parse_own(id.as_str(), &secret), Some(id.clone()));
        for wrong in [&id.as_str().replace("room", "open"), &id.as_str().replacen('a', "c", 1)] {
            assert_eq!(RoomId::parse_own(wrong, &secret), None, "{wrong}");
        }
        assert_eq!(RoomId::parse_own(id.as_str(), &other), None);
    }
}
