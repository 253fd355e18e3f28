//! The header `Idempotency-Key`.

use crate::domain::input::problem::FieldError;
use crate::domain::run::idempotency::IdempotencyKey;
use crate::http::error::ApiError;
use ::http::{HeaderMap, HeaderName};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The key in `Idempotency-Key`; `None` when the header is missing.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, ApiError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().ok().and_then(IdempotencyKey::parse);
    key.map(Some).ok_or_else(|| {
        let message = "must be 1 to 255 visible ASCII characters".to_owned();
        ApiError::invalid(vec![FieldError { field: "Idempotency-Key".to_owned(), message }])
    })
}
