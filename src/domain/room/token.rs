//! The right to be in a room for a while: a [signed token](crate::domain::signed_token).

use crate::domain::room::id::RoomId;
use crate::domain::secret::{DeploymentSecret, Purpose};
use crate::domain::signed_token;
use crate::domain::timestamp::Timestamp;
use docle_room::role::Role;
use serde::{Deserialize, Serialize};

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    pub room: RoomId,
    pub role: Role,
    /// The name of its holder in the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it ends.
    pub expires_at: i64,
}

impl Claims {
    /// The token with these claims.
    pub fn sign(&self, secret: &DeploymentSecret) -> String {
        signed_token::sign(self, Purpose::RoomToken, secret)
    }

    /// The claims of `token`; `None` if this deployment has not signed it, or it has expired.
    pub fn verify(token: &str, secret: &DeploymentSecret, now: Timestamp) -> Option<Self> {
        let claims: Self = signed_token::verify(token, Purpose::RoomToken, secret)?;
        (now.0 < claims.expires_at).then_some(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::room::id::{Kind, RANDOM_BYTES};
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

    #[test]
    fn room_token_format_unchanged() {
        let secret = DeploymentSecret::parse(&"k".repeat(32), "").unwrap();
        let room = RoomId::from_random(Kind::Owned, [0xab; RANDOM_BYTES], &secret);
        let claims = Claims { room: room.clone(), role: Role::Viewer, name: None, expires_at: 10 };
        let token = claims.sign(&secret);
        let (said, _) = token.strip_prefix("rt_").unwrap().split_once('.').unwrap();
        let json = String::from_utf8(BASE64.decode(said).unwrap()).unwrap();
        assert_eq!(json, format!(r#"{{"room":"{room}","role":"viewer","expiresAt":10}}"#));
        let verify = |token: &str, now: i64| Claims::verify(token, &secret, Timestamp(now));
        assert_eq!(verify(&token, 9), Some(claims.clone()));
        assert_eq!(verify(&token, 10), None);

        let other = DeploymentSecret::parse(&"l".repeat(32), "").unwrap();
        assert_eq!(Claims::verify(&token, &other, Timestamp(0)), None);
        let owner = Claims { role: Role::Owner, ..claims }.sign(&secret);
        let forged = format!("{}.{}", owner.split_once('.').unwrap().0, token.split_once('.').unwrap().1);
        let cut = &token[..token.len() - 3];
        for wrong in [forged.as_str(), cut, "", ".", said, "a.b", &token[3..]] {
            assert_eq!(verify(wrong, 0), None, "{wrong}");
        }
    }
}
