//! The name of one run.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// A version 4 UUID. Its 122 random bits are what keeps a result private: whoever knows the id may read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RunId(Uuid);

impl RunId {
    /// A new id from random bytes.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// The id written as `text` in its one form: 36 lower-case characters, version 4.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Uuid::try_parse(text).ok()?;
        let canonical = id.get_version_num() == 4 && id.hyphenated().to_string() == text;
        canonical.then_some(Self(id))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for RunId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a run id")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_written_form() {
        let text = "550e8400-e29b-41d4-a716-446655440000";
        assert_eq!(RunId::parse(text).unwrap().to_string(), text);
        for wrong in [
            "",
            "run_abc123",
            "550E8400-E29B-41D4-A716-446655440000",
            "550e8400e29b41d4a716446655440000",
            "{550e8400-e29b-41d4-a716-446655440000}",
            "550e8400-e29b-11d4-a716-446655440000",
            "../../etc/passwd",
        ] {
            assert_eq!(RunId::parse(wrong), None, "{wrong}");
        }
        assert!(RunId::parse(&RunId::from_random([0xff; 16]).to_string()).is_some());
    }
}
