//! The header `Idempotency-Key`.

use crate::domain::input::problem::FieldError;
use crate::domain::key::run_token::Claims;
use crate::domain::run::idempotency::{Fingerprint, IdempotencyKey};
use crate::http::error::ApiError;
use ::http::{HeaderMap, HeaderName};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The idempotency key of a call and the fingerprint of its body; `None` when the header is missing. The keys of a run token are its
/// own.
///
/// # Errors
/// 400 if the header is no key.
pub fn once(
    headers: &HeaderMap,
    token: Option<&Claims>,
    body: &[u8],
) -> Result<Option<(IdempotencyKey, Fingerprint)>, ApiError> {
    let Some(key) = idempotency_key(headers)? else { return Ok(None) };
    let key = match token {
        Some(token) => key.of_token(&token.id),
        None => key,
    };
    Ok(Some((key, Fingerprint::of(body))))
}

/// The key in `Idempotency-Key`; `None` when the header is missing.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, ApiError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().ok().and_then(IdempotencyKey::parse);
    key.map(Some).ok_or_else(|| {
        let message = "must be 1 to 255 visible ASCII characters".to_owned();
        ApiError::invalid(vec![FieldError { field: "Idempotency-Key".to_owned(), message }])
    })
}
