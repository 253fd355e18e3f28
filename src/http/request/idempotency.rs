//! The header `Idempotency-Key`.

use crate::domain::input::problem::FieldError;
use crate::domain::key::run_token::Claims;
use crate::domain::run::idempotency::IdempotencyKey;
use crate::http::error::ApiError;
use ::http::{HeaderMap, HeaderName};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The key in `Idempotency-Key`, as the client uses it: the keys of a run token are its own. `None` when the header is missing.
///
/// # Errors
/// 400 if the header is no key.
pub fn key_of_client(headers: &HeaderMap, token: Option<&Claims>) -> Result<Option<IdempotencyKey>, ApiError> {
    let key = idempotency_key(headers)?;
    Ok(match token {
        Some(token) => key.map(|key| key.of_token(&token.id)),
        None => key,
    })
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
