//! Tokens that say what they allow: signed by this deployment, and checked without asking anybody.
//!
//! `rt_base64url(claims).base64url(HMAC-SHA-256 of the claims as they stand there)`. All of its characters may stand in a header,
//! also in `Sec-WebSocket-Protocol`, which is the only header that a browser lets a page choose for a WebSocket. Each purpose has a
//! key of its own, so no token stands for one of another purpose.

use crate::domain::secret::{CODE_BYTES, DeploymentSecret, Purpose};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What every token begins with.
pub const PREFIX: &str = "rt_";

/// The token with these claims.
pub fn sign(claims: &impl Serialize, purpose: Purpose, secret: &DeploymentSecret) -> String {
    let claims = serde_json::to_vec(claims).expect("claims are plain data, which always encodes");
    let claims = BASE64.encode(claims);
    let signature = BASE64.encode(secret.code(purpose, claims.as_bytes()));
    format!("{PREFIX}{claims}.{signature}")
}

/// The claims of a token; `None` if this deployment has not signed it for the purpose.
pub fn verify<C: DeserializeOwned>(token: &str, purpose: Purpose, secret: &DeploymentSecret) -> Option<C> {
    let (claims, signature) = token.strip_prefix(PREFIX)?.split_once('.')?;
    let signature: [u8; CODE_BYTES] = BASE64.decode(signature).ok()?.try_into().ok()?;
    if !secret.verify(purpose, claims.as_bytes(), &signature) {
        return None;
    }
    serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()
}
