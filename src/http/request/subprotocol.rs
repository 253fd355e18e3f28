//! What a page offers as protocols of a WebSocket: browsers let it choose no other header, so credentials are among them.

use crate::http::request::call::Call;
use crate::ports::http_messages::{Body, Response, Upgrade};
use ::http::StatusCode;
use ::http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};

/// What a token to a room is offered as.
pub const TOKEN: &str = "docle.token.";
/// What an API key is offered as.
pub const KEY: &str = "docle.key.";

/// The answer that opens a WebSocket, with the protocol that is chosen of those.
pub fn switch(call: &Call, upgrade: Upgrade) -> Response {
    let mut response = Response::new(Body::Socket(upgrade));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    if let Some(protocol) = chosen(call).and_then(|protocol| HeaderValue::from_str(protocol).ok()) {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    response
}

/// The protocol to answer with: the first that is no secret.
fn chosen(call: &Call) -> Option<&str> {
    offered(call).find(|offered| ![TOKEN, KEY].iter().any(|secret| offered.starts_with(secret)))
}

/// The credentials that are offered as a protocol with this prefix.
pub fn credentials<'a>(call: &'a Call, prefix: &str) -> Option<&'a str> {
    offered(call).find_map(|offered| offered.strip_prefix(prefix))
}

fn offered(call: &Call) -> impl Iterator<Item = &str> {
    call.header(SEC_WEBSOCKET_PROTOCOL).unwrap_or_default().split(',').map(str::trim).filter(|text| !text.is_empty())
}
