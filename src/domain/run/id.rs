//! The name of one run.

use crate::domain::secret::{DeploymentSecret, Purpose};
use crate::domain::usage_log::name::{LOG_ID_BYTES, LogId, LogName};
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// A UUID as version 4 writes it. Its first 40 bits are those of the project's log, the next four the shard: together they
/// name the UsageLog object that keeps the run. 48 are random, and the last 30 are a code of the others that needs the secret
/// of the deployment. Random bits and code together keep a result private: every caller who knows the id may read it. An id
/// that a caller made up is refused without a look-up.
///
/// Of a million runs a day in one project, two of the same week have the same id once in 40 days. The log then counts both,
/// and the later result is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RunId(Uuid);

impl RunId {
    /// A new id from random bytes.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// A new id of a run that this log keeps.
    pub fn in_log(name: LogName, mut bytes: [u8; 16], secret: &DeploymentSecret) -> Self {
        bytes[..LOG_ID_BYTES].copy_from_slice(&name.log.bytes());
        bytes[LOG_ID_BYTES] = bytes[LOG_ID_BYTES] & 0x0f | name.shard() << 4;
        let id = Self::from_random(bytes);
        id.with_code(secret.code(Purpose::RunId, &id.signed()))
    }

    /// The log that keeps the run.
    pub fn log(&self) -> LogName {
        let bytes = self.0.as_bytes();
        let log = LogId::from_bytes(std::array::from_fn(|index| bytes[index]));
        LogName::with_shard(log, bytes[LOG_ID_BYTES] >> 4).expect("four bits are at most 15")
    }

    /// The id written as `text`; `None` if this deployment has not made it.
    pub fn parse_own(text: &str, secret: &DeploymentSecret) -> Option<Self> {
        let id = Self::parse(text)?;
        secret.codes(Purpose::RunId, &id.signed()).any(|code| id.with_code(code) == id).then_some(id)
    }

    /// What the code is of: all bits before it.
    fn signed(&self) -> [u8; 16] {
        self.with_code([0; 32]).0.into_bytes()
    }

    /// The same id with its last 30 bits from `code`.
    fn with_code(&self, code: [u8; 32]) -> Self {
        let mut bytes = self.0.into_bytes();
        bytes[12] = bytes[12] & 0b1100_0000 | code[0] & 0b0011_1111;
        bytes[13..].copy_from_slice(&code[1..4]);
        Self(Uuid::from_bytes(bytes))
    }

    /// The id written as `text` in its one form: 36 lower-case characters, version 4. Text of a client is for
    /// [`Self::parse_own`].
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

    fn secret() -> DeploymentSecret {
        DeploymentSecret::parse("0123456789abcdef0123456789abcdef", "").unwrap()
    }

    fn log() -> LogName {
        LogName::with_shard(LogId::parse("0badcafe01").unwrap(), 11).unwrap()
    }

    #[test]
    fn a_made_up_id_cost_queries_of_the_database() {
        let id = RunId::in_log(log(), [0xff; 16], &secret());
        assert_eq!(RunId::parse_own(&id.to_string(), &secret()), Some(id));
        for bit in 0..128 {
            let mut bytes = id.0.into_bytes();
            bytes[bit / 8] ^= 0x80 >> (bit % 8);
            let changed = Uuid::from_bytes(bytes).to_string();
            assert_eq!(RunId::parse_own(&changed, &secret()), None, "{changed}");
        }
        let other = DeploymentSecret::parse("fedcba9876543210fedcba9876543210", "").unwrap();
        assert_eq!(RunId::parse_own(&id.to_string(), &other), None);
        assert_eq!(RunId::parse_own("550e8400-e29b-41d4-a716-446655440000", &secret()), None);
    }

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

    #[test]
    fn an_id_leads_to_its_log() {
        let id = RunId::in_log(log(), [0xff; 16], &secret());
        assert!(id.to_string().starts_with("0badcafe-01bf-4fff-bfff-"), "{id}");
        assert_eq!(id.log(), log());
    }
}
