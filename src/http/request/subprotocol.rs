//! Subprotocols of a WebSocket. They carry credentials, because a page can set no other header of the handshake.

use crate::http::request::call::Call;
use crate::ports::http_messages::{Body, Response, Upgrade};
use ::http::StatusCode;
use ::http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};

/// The prefix of a room token that is offered as a protocol.
pub const TOKEN: &str = "docle.token.";
/// The prefix of an API key that is offered as a protocol.
pub const KEY: &str = "docle.key.";

/// The response that opens a WebSocket, with the chosen protocol.
pub fn switch(call: &Call, upgrade: Upgrade) -> Response {
    let mut response = Response::new(Body::Socket(upgrade));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    if let Some(protocol) = chosen(call).and_then(|protocol| HeaderValue::from_str(protocol).ok()) {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    response
}

/// The protocol for the response: the first one without credentials.
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
