//! The id of a stored judge: 100 random bits, and a code of 30 bits that needs the secret of the deployment, so that the Worker
//! refuses made-up ids before it looks for them.

use crate::domain::base32_code::{CODE_CHARS, code, digits, is_code, is_digits};
use crate::domain::secret::{DeploymentSecret, Purpose};

/// Random bytes in an id, of which 100 bits are used.
pub const RANDOM_BYTES: usize = 13;
const PREFIX: &str = "jdg_";
const RANDOM_CHARS: usize = 20;

/// The id of a judge that this deployment has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgeId(String);

impl JudgeId {
    /// A new id made of random bytes.
    pub fn from_random(bytes: [u8; RANDOM_BYTES], secret: &DeploymentSecret) -> Self {
        let random = digits(&bytes, RANDOM_CHARS);
        let code = code(secret, Purpose::JudgeId, &random);
        Self(format!("{PREFIX}{random}{code}"))
    }

    /// The id that `text` is; `None` if this deployment has not made it.
    pub fn parse(text: &str, secret: &DeploymentSecret) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let is_id = is_digits(rest, RANDOM_CHARS + CODE_CHARS);
        let (random, code) = is_id.then(|| rest.split_at(RANDOM_CHARS))?;
        is_code(secret, Purpose::JudgeId, random, code).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
