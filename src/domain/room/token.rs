//! The right to be in a room: signed, short-lived, and checked without asking anybody.
//!
//! `base64url(claims).base64url(HMAC-SHA-256 of the first part)`. All of its characters may stand in a header, also in
//! `Sec-WebSocket-Protocol`, which is the only header that a browser lets a page choose for a WebSocket.

use crate::domain::room::id::RoomId;
use crate::domain::timestamp::Timestamp;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use docle_room::role::Role;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;

/// As long as the hash: no shorter key is as hard to guess.
const MIN_KEY_BYTES: usize = 32;

/// What tokens are signed with. It never shows in logs.
#[derive(Clone)]
pub struct SigningKey(Vec<u8>);

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

impl SigningKey {
    /// The key that `text` is; `None` where it is too short to be one.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() >= MIN_KEY_BYTES).then(|| Self(text.as_bytes().to_vec()))
    }

    /// The token that says `claims`.
    pub fn sign(&self, claims: &Claims) -> String {
        let claims = serde_json::to_vec(claims).expect("claims are plain data, which always encodes");
        let claims = BASE64.encode(claims);
        let signature = BASE64.encode(self.mac(&claims).finalize().into_bytes());
        format!("{claims}.{signature}")
    }

    /// What `token` says; `None` where we never said it, or it has ended.
    pub fn verify(&self, token: &str, now: Timestamp) -> Option<Claims> {
        let (claims, signature) = token.split_once('.')?;
        // Compares in a time that says nothing.
        self.mac(claims).verify_slice(&BASE64.decode(signature).ok()?).ok()?;
        let claims: Claims = serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()?;
        (now.0 < claims.expires_at).then_some(claims)
    }

    fn mac(&self, claims: &str) -> Hmac<Sha256> {
        Hmac::new_from_slice(&self.0).expect("HMAC takes keys of any length").chain_update(claims)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::room::id::{Kind, RANDOM_BYTES};

    #[test]
    fn room_token_format_unchanged() {
        let key = SigningKey::parse(&"k".repeat(32)).unwrap();
        let room = RoomId::from_random(Kind::Owned, [0xab; RANDOM_BYTES]);
        let claims = Claims { room, role: Role::Viewer, name: None, expires_at: 10 };
        let token = key.sign(&claims);
        let (said, _) = token.split_once('.').unwrap();
        let json = String::from_utf8(BASE64.decode(said).unwrap()).unwrap();
        assert_eq!(json, r#"{"room":"room_abababababababababababab5842a59b","role":"viewer","expiresAt":10}"#);
        assert_eq!(key.verify(&token, Timestamp(9)), Some(claims.clone()));
        assert_eq!(key.verify(&token, Timestamp(10)), None);

        let other = SigningKey::parse(&"l".repeat(32)).unwrap();
        assert_eq!(other.verify(&token, Timestamp(0)), None);
        let owner = key.sign(&Claims { role: Role::Owner, ..claims });
        let forged = format!("{}.{}", owner.split_once('.').unwrap().0, token.split_once('.').unwrap().1);
        for wrong in [forged.as_str(), "", ".", said, "a.b"] {
            assert_eq!(key.verify(wrong, Timestamp(0)), None, "{wrong}");
        }
        assert!(SigningKey::parse("short").is_none());
        assert_eq!(format!("{key:?}"), "SigningKey(…)");
    }
}
