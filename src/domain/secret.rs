//! The secret of a deployment. One key for each purpose is derived from it, so that no key tells anything about another.

use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;
use std::rc::Rc;

/// The shortest secret, in bytes: as long as the hash, because a shorter one is easier to guess.
const MIN_SECRET_BYTES: usize = 32;
/// Bytes of a code.
pub const CODE_BYTES: usize = 32;

/// What a derived key authenticates, or encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    ApiKey,
    ArtifactLink,
    DeviceCode,
    JudgeId,
    PortToken,
    RunId,
    RoomId,
    RoomToken,
    RunToken,
    SandboxId,
    WebhookSecret,
}

impl Purpose {
    const ALL: [Self; 11] = [
        Self::ApiKey,
        Self::ArtifactLink,
        Self::DeviceCode,
        Self::JudgeId,
        Self::PortToken,
        Self::RunId,
        Self::RoomId,
        Self::RoomToken,
        Self::RunToken,
        Self::SandboxId,
        Self::WebhookSecret,
    ];

    /// The `info` of HKDF (RFC 5869, section 2.3). scripts/setup/development.mjs repeats that of API keys.
    const fn info(self) -> &'static str {
        match self {
            Self::ApiKey => "docle api key",
            Self::ArtifactLink => "docle artifact link",
            Self::DeviceCode => "docle device code",
            Self::JudgeId => "docle judge id",
            Self::PortToken => "docle port token",
            Self::RunId => "docle run id",
            Self::RoomId => "docle room id",
            Self::RoomToken => "docle room token",
            Self::RunToken => "docle run token",
            Self::SandboxId => "docle sandbox id",
            Self::WebhookSecret => "docle webhook secret",
        }
    }
}

/// The secret of a deployment, and the earlier ones, which stay valid for what was made with them. It is never logged.
#[derive(Clone)]
pub struct DeploymentSecret(Rc<[Derived]>);

/// The keys of one secret, in the order of [`Purpose::ALL`].
type Derived = [Hmac<Sha256>; Purpose::ALL.len()];

impl DeploymentSecret {
    /// The secret `current`, and the earlier ones, which are separated by commas.
    ///
    /// # Errors
    /// A sentence that names the variable with a secret that is too short.
    pub fn parse(current: &str, previous: &str) -> Result<Self, String> {
        let earlier = previous.split(',').map(str::trim).filter(|secret| !secret.is_empty());
        let named = [("DEPLOYMENT_SECRET", current.trim())];
        let named = named.into_iter().chain(earlier.map(|secret| ("DEPLOYMENT_SECRET_PREVIOUS", secret)));
        let derived: Result<Vec<Derived>, String> = named
            .map(|(variable, secret)| match secret.len() {
                MIN_SECRET_BYTES.. => Ok(derive(secret)),
                _ => Err(format!(
                    "{variable} must have at least {MIN_SECRET_BYTES} characters, for example from `openssl rand -hex 32`"
                )),
            })
            .collect();
        derived.map(|derived| Self(derived.into()))
    }

    /// The code of `text` for a purpose (HMAC-SHA-256), with the current secret.
    pub fn code(&self, purpose: Purpose, text: &[u8]) -> [u8; CODE_BYTES] {
        self.codes(purpose, text).next().expect("there is a current secret")
    }

    /// The codes of `text` with each secret that is valid, the current one first.
    pub fn codes(&self, purpose: Purpose, text: &[u8]) -> impl Iterator<Item = [u8; CODE_BYTES]> {
        self.0
            .iter()
            .map(move |derived| derived[purpose as usize].clone().chain_update(text).finalize().into_bytes().into())
    }

    /// Whether `code` begins a code of `text` with a valid secret. The comparison takes the same time for every code.
    pub fn verify(&self, purpose: Purpose, text: &[u8], code: &[u8]) -> bool {
        self.0
            .iter()
            .any(|derived| derived[purpose as usize].clone().chain_update(text).verify_truncated_left(code).is_ok())
    }
}

fn derive(secret: &str) -> Derived {
    let secret = Hkdf::<Sha256>::new(None, secret.as_bytes());
    Purpose::ALL.map(|purpose| {
        let mut key = [0; CODE_BYTES];
        secret.expand(purpose.info().as_bytes(), &mut key).expect("HKDF makes keys of up to 8,160 bytes");
        Hmac::new_from_slice(&key).expect("HMAC takes keys of any length")
    })
}

impl fmt::Debug for DeploymentSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DeploymentSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURRENT: &str = "0123456789abcdef0123456789abcdef";
    const EARLIER: &str = "fedcba9876543210fedcba9876543210";

    fn secret(current: &str, previous: &str) -> DeploymentSecret {
        DeploymentSecret::parse(current, previous).unwrap()
    }

    #[test]
    fn derived_keys_unchanged() {
        let code = secret(CURRENT, "").code(Purpose::ApiKey, b"text");
        // By Node's crypto.hkdfSync and createHmac.
        assert_eq!(hex::encode(code), "692014857550524f5f4e66e93a258b0f6505a9eb33fa77039620afef655a8ff7");
    }

    #[test]
    fn purposes_have_different_keys() {
        let secret = secret(CURRENT, "");
        let codes: Vec<_> = Purpose::ALL.iter().map(|purpose| secret.code(*purpose, b"text")).collect();
        for (index, code) in codes.iter().enumerate() {
            assert!(!codes[index + 1..].contains(code), "{index}");
            assert_eq!(Purpose::ALL[index] as usize, index);
        }
    }

    #[test]
    fn earlier_secrets_stay_valid_until_they_are_removed() {
        let made = secret(EARLIER, "").code(Purpose::RunId, b"text");
        let rotated = secret(CURRENT, &format!(" {EARLIER} ,"));
        assert!(rotated.verify(Purpose::RunId, b"text", &made[..4]));
        assert_ne!(rotated.code(Purpose::RunId, b"text"), made);
        assert!(!rotated.verify(Purpose::RunId, b"other", &made[..4]));
        assert!(!rotated.verify(Purpose::ApiKey, b"text", &made[..4]));
        assert!(!rotated.verify(Purpose::RunId, b"text", &[]));
        assert!(!secret(CURRENT, "").verify(Purpose::RunId, b"text", &made[..4]));
    }

    #[test]
    fn short_secrets_are_refused_by_name_and_never_shown() {
        let wrong = |current: &str, previous: &str| DeploymentSecret::parse(current, previous).unwrap_err();
        assert!(wrong("", "").starts_with("DEPLOYMENT_SECRET must"));
        assert!(wrong("short", EARLIER).starts_with("DEPLOYMENT_SECRET must"));
        assert!(wrong(CURRENT, "short").starts_with("DEPLOYMENT_SECRET_PREVIOUS must"));
        assert!(!wrong("short", "").contains("short"));
        assert_eq!(format!("{:?}", secret(CURRENT, "")), "DeploymentSecret(…)");
    }
}
