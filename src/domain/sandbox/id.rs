//! The id of a sandbox: 100 random bits, and a code of 30 bits that needs the secret of the deployment, so that the Worker
//! refuses made-up ids before it wakes an object.

use crate::domain::base32_code::{CODE_CHARS, code, digits, is_code, is_digits};
use crate::domain::secret::{DeploymentSecret, Purpose};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Random bytes in an id, of which 100 bits are used.
pub const RANDOM_BYTES: usize = 13;
const PREFIX: &str = "sbx_";
const RANDOM_CHARS: usize = 20;

/// The id of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SandboxId(String);

impl SandboxId {
    /// A new id made of random bytes.
    pub fn from_random(bytes: [u8; RANDOM_BYTES], secret: &DeploymentSecret) -> Self {
        let random = digits(&bytes, RANDOM_CHARS);
        let code = code(secret, Purpose::SandboxId, &random);
        Self(format!("{PREFIX}{random}{code}"))
    }

    /// The id that `text` is; `None` if this deployment has not made it.
    pub fn parse_own(text: &str, secret: &DeploymentSecret) -> Option<Self> {
        let id = Self::parse(text)?;
        let (random, code) = id.0[PREFIX.len()..].split_at(RANDOM_CHARS);
        is_code(secret, Purpose::SandboxId, random, code).then_some(id)
    }

    /// The id that `text` is, by its form. Text of a client is for [`Self::parse_own`].
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        is_digits(rest, RANDOM_CHARS + CODE_CHARS).then(|| Self(text.to_owned()))
    }

    /// The id without its prefix, which has characters that the name of a host cannot have.
    pub fn digits(&self) -> &str {
        &self.0[PREFIX.len()..]
    }

    /// The id that has these digits, by its form.
    pub fn of_digits(digits: &str) -> Option<Self> {
        Self::parse(&format!("{PREFIX}{digits}"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SandboxId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(letter: &str) -> DeploymentSecret {
        DeploymentSecret::parse(&letter.repeat(32), "").unwrap()
    }

    #[test]
    fn sandbox_id_format_unchanged() {
        let id = SandboxId::from_random([0xff; RANDOM_BYTES], &secret("k"));
        assert!(id.as_str().starts_with("sbx_77777777777777777777"), "{id}");
        assert_eq!(id.as_str().len(), 30);
        assert_eq!(SandboxId::parse(id.as_str()), Some(id.clone()));
        assert_eq!(serde_json::to_value(&id).unwrap(), id.as_str());
        for wrong in ["", "sbx_", "key:a", &id.as_str().to_uppercase(), &id.as_str().replace('7', "1"), "sbx_é"] {
            assert_eq!(SandboxId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_made_up_id_wakes_no_object() {
        let id = SandboxId::from_random([0xab; RANDOM_BYTES], &secret("k"));
        assert_eq!(SandboxId::parse_own(id.as_str(), &secret("k")), Some(id.clone()));
        assert_eq!(SandboxId::parse_own(id.as_str(), &secret("l")), None);
        let made_up = format!("sbx_{}", "a".repeat(26));
        assert_eq!(SandboxId::parse_own(&made_up, &secret("k")), None);
    }
}
