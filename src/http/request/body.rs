//! Reads request bodies, up to their limits.

use crate::domain::input::json;
use crate::http::error::{ApiError, ErrorCode};
use crate::ports::http_messages::RequestBody;
use ::http::HeaderMap;
use ::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use docle_protocol::limits::MAX_BODY_BYTES;
use futures::{StreamExt, stream};
use serde_json::Value;

/// How much of a refused body is read and dropped. A client that is still writing when the connection closes gets a
/// broken pipe instead of the response. A body that is too large by mistake has rarely more than six times the limit.
const MAX_THROWN_AWAY: usize = 6 * MAX_BODY_BYTES;

/// A body of these bytes.
pub fn of(bytes: Vec<u8>) -> RequestBody {
    stream::once(async { Ok(bytes) }).boxed_local()
}

/// No body.
pub fn none() -> RequestBody {
    stream::empty().boxed_local()
}

/// Refuses a body whose `Content-Length` is too large, before any of it is stored.
pub async fn check_declared_size(headers: &HeaderMap, body: &mut RequestBody) -> Result<(), ApiError> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_none_or(|length| length <= MAX_BODY_BYTES as u64) {
        return Ok(());
    }
    throw_away(body).await;
    Err(too_large(MAX_BODY_BYTES))
}

/// Reads and drops the rest of a refused body.
pub async fn throw_away(body: &mut RequestBody) {
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

/// The body as JSON; comments and trailing commas are allowed. Its content type does not matter, but a body that is not
/// JSON is explained by it.
pub fn parse_json(headers: &HeaderMap, bytes: Vec<u8>) -> Result<Value, ApiError> {
    let invalid_json = |message: String| ApiError::new(ErrorCode::InvalidJson, message);
    if let Some(other) = other_than_json(headers, &bytes) {
        return Err(invalid_json(other));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        invalid_json(format!("The body is not UTF-8: byte {} begins no character.", error.utf8_error().valid_up_to()))
    })?;
    json::parse(&text).map_err(|error| invalid_json(format!("The body is not JSON: {error}.")))
}

/// The body as JSON, whatever content type and encoding it was sent with. `body` is empty afterwards.
///
/// # Errors
/// As for [`read`] and [`parse_json`].
pub async fn take_untyped_json(body: &mut RequestBody) -> Result<Value, ApiError> {
    let bytes = read(std::mem::replace(body, none()), MAX_BODY_BYTES).await?;
    parse_json(&HeaderMap::new(), bytes)
}

/// What a body is that is surely not JSON.
fn other_than_json(headers: &HeaderMap, bytes: &[u8]) -> Option<String> {
    const SEND: &str = "send a JSON object, such as {\"lang\": \"python\", \"code\": \"print(1)\"} for a run";
    /// The first two bytes of a file in the format of gzip (RFC 1952).
    const GZIP: &[u8] = &[0x1f, 0x8b];
    let Some(first) = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) else {
        return Some(format!("The body is empty; {SEND}."));
    };
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let encoding = header(CONTENT_ENCODING);
    let is_encoded = !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity");
    if bytes.starts_with(GZIP) || (is_encoded && *first != b'{') {
        return Some("The body is compressed; send it uncompressed and without Content-Encoding.".to_owned());
    }
    let media_type = header(CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_form = matches!(media_type.as_str(), "multipart/form-data" | "application/x-www-form-urlencoded");
    // Without a content type of its own, curl names that of a form, whatever the body is.
    if is_form && !matches!(first, b'{' | b'[' | b'"' | b'/') {
        return Some(format!("The body is a form ({media_type}); {SEND}."));
    }
    None
}

/// The error for a body of more bytes.
pub fn too_large(max_bytes: usize) -> ApiError {
    ApiError::new(ErrorCode::BodyTooLarge, format!("The body may have at most {max_bytes} bytes."))
}
