//! The secret that signs webhooks, and the signature: <https://www.standardwebhooks.com>.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;

/// Bytes of a secret.
pub const SECRET_BYTES: usize = 32;
/// How long the secret before the current one signs as well, in milliseconds.
pub const OVERLAP_MS: i64 = 24 * 3_600_000;

/// The secret of one project. It is never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret([u8; SECRET_BYTES]);

impl SigningSecret {
    /// The secret made of random bytes.
    pub const fn from_random(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }

    /// As its owner gets it.
    pub fn to_text(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.0))
    }

    /// The signature of a message: HMAC-SHA-256 over its id, the time in seconds and its body, with full stops between.
    pub fn sign(&self, id: &str, at_seconds: i64, body: &str) -> String {
        let mac: Hmac<Sha256> = Hmac::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        let code = mac.chain_update(format!("{id}.{at_seconds}.{body}")).finalize().into_bytes();
        format!("v1,{}", STANDARD.encode(code))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningSecret(…)")
    }
}

/// The header `webhook-signature`: the signature by each secret, the current one first.
pub fn signatures(secrets: &[SigningSecret], id: &str, at_seconds: i64, body: &str) -> String {
    let signed: Vec<_> = secrets.iter().map(|secret| secret.sign(id, at_seconds, body)).collect();
    signed.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_format_unchanged() {
        let [one, two] = [1, 2].map(|byte| SigningSecret::from_random([byte; SECRET_BYTES]));
        assert_eq!(one.to_text(), "whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
        // By Node's crypto.createHmac.
        let expected = "v1,xtZ05xWlw5OgOLjDd6HtOXxhC1OXgHe80DYwEPUhaCI=";
        assert_eq!(one.sign("msg_1", 1_700_000_000, "{}"), expected);
        let both = signatures(&[one, two.clone()], "msg_1", 1_700_000_000, "{}");
        assert_eq!(both, format!("{expected} {}", two.sign("msg_1", 1_700_000_000, "{}")));
        assert_eq!(format!("{two:?}"), "SigningSecret(…)");
    }
}
