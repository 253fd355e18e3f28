//! Headers that keep an answer what it is.

use ::http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};

/// Forbids guessing the type, storing the answer and telling other sites about it. A page that needs to tell its own
/// site about itself has said so already.
pub fn add(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
}
