//! Reading bodies, as far as they may go.

use crate::http::error::{ApiError, ErrorCode};
use crate::ports::exchange::RequestBody;
use ::http::HeaderMap;
use ::http::header::CONTENT_LENGTH;
use docle_protocol::limits::MAX_BODY_BYTES;
use futures::StreamExt;

/// Refuses a body that says of itself that it is too large, before anything of it is read.
pub fn check_declared_size(headers: &HeaderMap) -> Result<(), ApiError> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > MAX_BODY_BYTES as u64) { Err(too_large()) } else { Ok(()) }
}

/// Reads a whole body, and stops as soon as it is too large.
pub async fn read(mut body: RequestBody) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk =
            chunk.map_err(|_| ApiError::new(ErrorCode::IncompleteBody, "The body ended before it was complete."))?;
        if bytes.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(too_large());
        }
        // A body in one chunk, which is what small ones are, is not copied.
        if bytes.is_empty() { bytes = chunk } else { bytes.extend_from_slice(&chunk) }
    }
    Ok(bytes)
}

fn too_large() -> ApiError {
    ApiError::new(ErrorCode::BodyTooLarge, format!("The body may have at most {MAX_BODY_BYTES} bytes."))
}
