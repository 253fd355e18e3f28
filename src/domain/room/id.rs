//! The name of a room: which kind of room it is, 96 random bits, and a checksum by which made-up names are refused
//! without waking anything.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Random bytes in an id.
pub const RANDOM_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 4;

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
    pub fn from_random(kind: Kind, bytes: [u8; RANDOM_BYTES]) -> Self {
        let named = format!("{}{}", kind.prefix(), hex::encode(bytes));
        let checksum = checksum(&named);
        Self(named + &checksum)
    }

    /// The id that `text` is; `None` when it is not one that this service has made.
    pub fn parse(text: &str) -> Option<Self> {
        let (named, sum) = text.split_at_checked(text.len().checked_sub(2 * CHECKSUM_BYTES)?)?;
        let random = [Kind::Open, Kind::Owned].iter().find_map(|kind| named.strip_prefix(kind.prefix()))?;
        (random.len() == 2 * RANDOM_BYTES && checksum(named) == sum).then(|| Self(text.to_owned()))
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

fn checksum(named: &str) -> String {
    hex::encode(&Sha256::digest(named)[..CHECKSUM_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_id_format_unchanged() {
        let id = RoomId::from_random(Kind::Owned, [0xab; RANDOM_BYTES]);
        assert_eq!(id.as_str(), "room_abababababababababababab5842a59b");
        assert_eq!((RoomId::parse(id.as_str()), id.kind()), (Some(id.clone()), Kind::Owned));
        let open = RoomId::from_random(Kind::Open, [0; RANDOM_BYTES]);
        assert_eq!(open.kind(), Kind::Open);
        for wrong in ["", "room_", "abc-123-def", "interview-session-123", &id.as_str().replace("room", "open"), "é"] {
            assert_eq!(RoomId::parse(wrong), None, "{wrong}");
        }
    }
}
