//! Makes responses.

use crate::ports::http_messages::Body;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use ::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use bytes::Bytes;
use futures::stream::LocalBoxStream;
use serde::Serialize;

/// `Cache-Control` of what is the same for every caller and changes with deployments only.
pub const FOR_FIVE_MINUTES: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// A response with `value` as JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let bytes = serde_json::to_vec(value).expect("answers are plain data with string keys, which always encodes");
    raw_json(status, bytes.into())
}

/// A response whose body is JSON already.
pub fn raw_json(status: StatusCode, bytes: Bytes) -> Response {
    let mut response = Response::new(Body::Whole(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A response with one JSON value in pieces, between which time passes. It is not compressed: a server that compresses holds
/// small pieces back, and then does not notice that the client has left.
pub fn json_stream(pieces: LocalBoxStream<'static, Bytes>) -> Response {
    let mut response = raw_json(StatusCode::OK, Bytes::new()).map(|_| Body::Stream(pieces));
    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("identity"));
    response
}

/// A response in Markdown, which is the same for every client.
pub fn markdown(text: &'static str) -> Response {
    let mut response = Response::new(Body::Whole(Bytes::from_static(text.as_bytes())));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/markdown; charset=utf-8"));
    response
}

/// A response without a body: 204.
pub fn empty() -> Response {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
