//! Reads request bodies, up to their limits.

use crate::domain::input::json;
use crate::http::error::{ApiError, ErrorCode};
use crate::ports::http_messages::RequestBody;
use ::http::HeaderMap;
use ::http::header::CONTENT_LENGTH;
use docle_protocol::limits::MAX_BODY_BYTES;
use futures::StreamExt;
use serde_json::Value;

/// How much of a refused body is read and dropped. A client that is still writing when the connection closes gets a
/// broken pipe instead of the response. A body that is too large by mistake has rarely more than six times the limit.
const MAX_THROWN_AWAY: usize = 6 * MAX_BODY_BYTES;

/// Refuses a body whose `Content-Length` is too large, before any of it is stored.
pub async fn check_declared_size(headers: &HeaderMap, body: &mut RequestBody) -> Result<(), ApiError> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_none_or(|length| length <= MAX_BODY_BYTES as u64) {
        return Ok(());
    }
    throw_away(body).await;
    Err(too_large(MAX_BODY_BYTES))
}

async fn throw_away(body: &mut RequestBody) {
    let mut left = MAX_THROWN_AWAY;
    while let Some(Ok(chunk)) = body.next().await {
        left = left.saturating_sub(chunk.len());
        if left == 0 {
            return;
        }
    }
}

/// Reads a whole body of at most `max_bytes`. If the body is larger, everything read so far is dropped.
pub async fn read(mut body: RequestBody, max_bytes: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk =
            chunk.map_err(|_| ApiError::new(ErrorCode::IncompleteBody, "The body is incomplete; send it again."))?;
        if bytes.len() + chunk.len() > max_bytes {
            drop(bytes);
            throw_away(&mut body).await;
            return Err(too_large(max_bytes));
        }
        // A body in one chunk, which is what small ones are, is not copied.
        if bytes.is_empty() { bytes = chunk } else { bytes.extend_from_slice(&chunk) }
    }
    Ok(bytes)
}

/// The body as JSON; comments and trailing commas are allowed.
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
