//! Updates that the room has sent and not stored yet.
//!
//! The attachment of the sender's socket holds them until they are stored. So they outlive an eviction of the room from
//! memory, which keeps the sockets, and are lost only with the process of the runtime.

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An update that is not stored yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsaved {
    /// The revision that the update makes.
    pub rev: u64,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub update: Vec<u8>,
}

/// Characters that updates take in an attachment, with what JSON puts around them.
pub fn encoded_chars(unsaved: &[Unsaved]) -> usize {
    unsaved.iter().map(|one| 48 + one.update.len() * 4 / 3).sum()
}

fn to_base64<S: Serializer>(update: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(update))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    BASE64.decode(text).map_err(serde::de::Error::custom)
}
