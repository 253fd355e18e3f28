//! The id of a sandbox: 100 random bits, and a code of 30 bits that needs the secret of the deployment, so that the Worker
//! refuses made-up ids before it wakes an object.

use crate::domain::secret::{DeploymentSecret, Purpose};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Random bytes in an id, of which 100 bits are used.
pub const RANDOM_BYTES: usize = 13;
const PREFIX: &str = "sbx_";
const RANDOM_CHARS: usize = 20;
const CODE_CHARS: usize = 6;
/// The digits of base 32 (RFC 4648, section 6) in lower case.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The id of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SandboxId(String);

impl SandboxId {
    /// A new id made of random bytes.
    pub fn from_random(bytes: [u8; RANDOM_BYTES], secret: &DeploymentSecret) -> Self {
        let random = digits(&bytes, RANDOM_CHARS);
        let code = code(&random, secret);
        Self(format!("{PREFIX}{random}{code}"))
    }

    /// The id that `text` is; `None` if this deployment has not made it.
    pub fn parse_own(text: &str, secret: &DeploymentSecret) -> Option<Self> {
        let id = Self::parse(text)?;
        let (random, code) = id.0[PREFIX.len()..].split_at(RANDOM_CHARS);
        let is_own = secret
            .codes(Purpose::SandboxId, random.as_bytes())
            .any(|bytes| subtle_eq(digits(&bytes, CODE_CHARS).as_bytes(), code.as_bytes()));
        is_own.then_some(id)
    }

    /// The id that `text` is, by its form. Text of a client is for [`Self::parse_own`].
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let is_id = rest.len() == RANDOM_CHARS + CODE_CHARS && rest.bytes().all(|byte| DIGITS.contains(&byte));
        is_id.then(|| Self(text.to_owned()))
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

fn code(random: &str, secret: &DeploymentSecret) -> String {
    digits(&secret.code(Purpose::SandboxId, random.as_bytes()), CODE_CHARS)
}

/// The first `count` digits of `bytes` in base 32.
pub(super) fn digits(bytes: &[u8], count: usize) -> String {
    let bit = |index: usize| bytes[index / 8] >> (7 - index % 8) & 1;
    let digit = |place: usize| (0..5).fold(0, |value, offset| value << 1 | bit(place * 5 + offset));
    (0..count).map(|place| char::from(DIGITS[usize::from(digit(place))])).collect()
}

/// Compares in the same time whatever differs.
pub(super) fn subtle_eq(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
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
