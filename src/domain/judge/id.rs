//! The id of a stored judge: 100 random bits, and a code of 30 bits that needs the secret of the deployment, so that the Worker
//! refuses made-up ids before it looks for them.

use crate::domain::secret::{DeploymentSecret, Purpose};

/// Random bytes in an id, of which 100 bits are used.
pub const RANDOM_BYTES: usize = 13;
const PREFIX: &str = "jdg_";
const RANDOM_CHARS: usize = 20;
const CODE_CHARS: usize = 6;
/// The digits of base 32 (RFC 4648, section 6) in lower case.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The id of a judge that this deployment has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgeId(String);

impl JudgeId {
    /// A new id made of random bytes.
    pub fn from_random(bytes: [u8; RANDOM_BYTES], secret: &DeploymentSecret) -> Self {
        let random = digits(&bytes, RANDOM_CHARS);
        let code = digits(&secret.code(Purpose::JudgeId, random.as_bytes()), CODE_CHARS);
        Self(format!("{PREFIX}{random}{code}"))
    }

    /// The id that `text` is; `None` if this deployment has not made it.
    pub fn parse(text: &str, secret: &DeploymentSecret) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let is_id = rest.len() == RANDOM_CHARS + CODE_CHARS && rest.bytes().all(|byte| DIGITS.contains(&byte));
        let (random, code) = is_id.then(|| rest.split_at(RANDOM_CHARS))?;
        let is_own = secret.codes(Purpose::JudgeId, random.as_bytes()).any(|bytes| digits(&bytes, CODE_CHARS) == code);
        is_own.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first `count` digits of `bytes` in base 32.
fn digits(bytes: &[u8], count: usize) -> String {
    let bit = |index: usize| bytes[index / 8] >> (7 - index % 8) & 1;
    let digit = |place: usize| (0..5).fold(0, |value, offset| value << 1 | bit(place * 5 + offset));
    (0..count).map(|place| char::from(DIGITS[usize::from(digit(place))])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judge_id_format_unchanged() {
        let secret = DeploymentSecret::parse(&"k".repeat(32), "").unwrap();
        let id = JudgeId::from_random([0xff; RANDOM_BYTES], &secret);
        assert!(id.as_str().starts_with("jdg_77777777777777777777") && id.as_str().len() == 30, "{id:?}");
        assert_eq!(JudgeId::parse(id.as_str(), &secret), Some(id.clone()));
        let other = DeploymentSecret::parse(&"o".repeat(32), "").unwrap();
        assert_eq!(JudgeId::parse(id.as_str(), &other), None);
        for wrong in ["", "jdg_", "jdg_é", &id.as_str().to_uppercase(), &id.as_str().replace("jdg", "sbx")] {
            assert_eq!(JudgeId::parse(wrong, &secret), None, "{wrong}");
        }
    }
}
