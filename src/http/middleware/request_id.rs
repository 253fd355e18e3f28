//! The id of a request, in the response, in errors and in the log.

use crate::ports::Entropy;
use ::http::header::{HeaderMap, HeaderName, HeaderValue};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The caller's own id where it is 1 to 64 letters, digits, `_` or `-`; a new UUID otherwise.
pub fn of(entropy: &dyn Entropy, headers: &HeaderMap) -> String {
    let is_good = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    let sent = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok()).filter(is_good);
    sent.map_or_else(|| new(entropy), str::to_owned)
}

fn new(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// Adds the id to the response.
pub fn add(headers: &mut HeaderMap, id: &str) {
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(X_REQUEST_ID, value);
    }
}
