//! Reading bodies, as far as they may go.

use crate::domain::json;
use crate::http::error::{ApiError, ErrorCode};
use crate::ports::exchange::RequestBody;
use ::http::HeaderMap;
use ::http::header::CONTENT_LENGTH;
use docle_protocol::limits::MAX_BODY_BYTES;
use futures::StreamExt;
use serde_json::Value;

/// Refuses a body that says of itself that it is too large, before anything of it is read.
pub fn check_declared_size(headers: &HeaderMap) -> Result<(), ApiError> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > MAX_BODY_BYTES as u64) { Err(too_large(MAX_BODY_BYTES)) } else { Ok(()) }
}

/// Reads a whole body of at most `max_bytes`, and stops as soon as it is too large.
pub async fn read(mut body: RequestBody, max_bytes: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk =
            chunk.map_err(|_| ApiError::new(ErrorCode::IncompleteBody, "The body ended before it was complete."))?;
        if bytes.len() + chunk.len() > max_bytes {
            return Err(too_large(max_bytes));
        }
        // A body in one chunk, which is what small ones are, is not copied.
        if bytes.is_empty() { bytes = chunk } else { bytes.extend_from_slice(&chunk) }
    }
    Ok(bytes)
}

/// The body as JSON; comments and trailing commas are forgiven.
pub fn parse_json(bytes: Vec<u8>) -> Result<Value, ApiError> {
    let invalid_json = |message: String| ApiError::new(ErrorCode::InvalidJson, message);
    let text = String::from_utf8(bytes).map_err(|error| {
        invalid_json(format!("The body is not UTF-8: byte {} begins no character.", error.utf8_error().valid_up_to()))
    })?;
    json::parse(&text).map_err(|error| invalid_json(format!("The body is not JSON: {error}.")))
}

fn too_large(max_bytes: usize) -> ApiError {
    ApiError::new(ErrorCode::BodyTooLarge, format!("The body may have at most {max_bytes} bytes."))
}
