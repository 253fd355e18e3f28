//! Secrets of webhooks as the database has them: encrypted with a key of the deployment, and bound to their project.

use crate::domain::secret::{DeploymentSecret, Purpose};
use crate::domain::webhook::secret::{SECRET_BYTES, SigningSecret};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Bytes of a nonce of AES-GCM. With random nonces one key encrypts 2³² secrets (NIST SP 800-38D, section 8.3).
pub const NONCE_BYTES: usize = 12;
/// What the key is the code of.
const SEALING_KEY: &[u8] = b"seal";

/// What the name of the key is the beginning of.
const KEY_NAME: &[u8] = b"name";

/// The name of the key that encrypts now. It tells nothing about the key.
fn key_name(keys: &DeploymentSecret) -> String {
    hex::encode(&keys.code(Purpose::WebhookSecret, KEY_NAME)[..4])
}

/// What lies between these two texts was encrypted with the key that encrypts now; the second one is excluded.
pub fn current_range(keys: &DeploymentSecret) -> (String, String) {
    let name = key_name(keys);
    // In ASCII the slash follows the full stop.
    (format!("{name}."), format!("{name}/"))
}

/// The secret of a project, encrypted with AES-256-GCM, after the name of the key.
pub fn seal(keys: &DeploymentSecret, project_id: &str, secret: &SigningSecret, nonce: [u8; NONCE_BYTES]) -> String {
    let key = keys.code(Purpose::WebhookSecret, SEALING_KEY);
    let payload = Payload { msg: secret.bytes(), aad: project_id.as_bytes() };
    let sealed = Aes256Gcm::new(&key.into()).encrypt(Nonce::from_slice(&nonce), payload);
    let sealed = sealed.expect("AES-GCM encrypts 32 bytes");
    format!("{}.{}", key_name(keys), URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
}

/// What [`seal`] wrote with a secret of the deployment that is still valid; `None` if that was another one, or another project.
pub fn open(keys: &DeploymentSecret, project_id: &str, sealed: &str) -> Option<SigningSecret> {
    let (_, sealed) = sealed.split_once('.')?;
    let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
    keys.codes(Purpose::WebhookSecret, SEALING_KEY).find_map(|key| {
        let payload = Payload { msg: sealed, aad: project_id.as_bytes() };
        let opened = Aes256Gcm::new(&key.into()).decrypt(Nonce::from_slice(nonce), payload).ok()?;
        Some(SigningSecret::from_random(<[u8; SECRET_BYTES]>::try_from(opened).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(current: char, previous: &str) -> DeploymentSecret {
        DeploymentSecret::parse(&String::from(current).repeat(32), previous).unwrap()
    }

    #[test]
    fn sealed_secret_format_unchanged() {
        let secret = SigningSecret::from_random([7; SECRET_BYTES]);
        let sealed = seal(&keys('k', ""), "proj_1", &secret, [9; NONCE_BYTES]);
        // By Node's crypto.hkdfSync, createHmac and createCipheriv.
        assert_eq!(sealed, "bb8b008d.CQkJCQkJCQkJCQkJdAWQo_fKEE7LFF0AZ3lQW5SuP2qTFjESxbr6Gd8Ec9VDht6J4Yhc_dmLxaLLHavx");
        assert_eq!(open(&keys('k', ""), "proj_1", &sealed), Some(secret.clone()));
        let (first, end) = current_range(&keys('k', ""));
        assert!(first <= sealed && sealed < end);
        let rotated = keys('n', &"k".repeat(32));
        assert_eq!(
            open(&rotated, "proj_1", &sealed),
            Some(secret),
            "an earlier secret stays valid until it is removed"
        );
        let (first, end) = current_range(&rotated);
        assert!(sealed < first || end <= sealed, "and it is known to be an earlier one");
    }

    #[test]
    fn a_secret_opens_for_its_project_and_its_deployment_only() {
        let secret = SigningSecret::from_random([7; SECRET_BYTES]);
        let sealed = seal(&keys('k', ""), "proj_1", &secret, [9; NONCE_BYTES]);
        assert_eq!(open(&keys('k', ""), "proj_2", &sealed), None);
        assert_eq!(open(&keys('n', ""), "proj_1", &sealed), None);
        let other = seal(&keys('k', ""), "proj_1", &secret, [8; NONCE_BYTES]);
        assert_ne!(sealed, other);
        for wrong in ["", "AAAA", ".", "a.é", &sealed[..sealed.len() - 2], &sealed.replace(".C", ".B"), &sealed[9..]] {
            assert_eq!(open(&keys('k', ""), "proj_1", wrong), None, "{wrong:?}");
        }
    }
}
