//! The security headers of every response.

use ::http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};

/// Forbids browsers to guess the content type, to store the response, and to send its URL to other sites. A response
/// that says how it may be stored, or that has set a referrer policy, keeps that.
pub fn add(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
}
