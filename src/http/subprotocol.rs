//! What a page offers as protocols of a WebSocket: browsers let it choose no other header, so credentials are among them.

use crate::http::call::Call;
use ::http::header::SEC_WEBSOCKET_PROTOCOL;

/// What a token to a room is offered as.
pub const TOKEN: &str = "docle.token.";
/// What an API key is offered as.
pub const KEY: &str = "docle.key.";

/// The protocol to answer with: the first that is no secret.
pub fn chosen(call: &Call) -> Option<&str> {
    offered(call).find(|offered| ![TOKEN, KEY].iter().any(|secret| offered.starts_with(secret)))
}

/// The credentials that are offered as a protocol with this prefix.
pub fn credentials<'a>(call: &'a Call, prefix: &str) -> Option<&'a str> {
    offered(call).find_map(|offered| offered.strip_prefix(prefix))
}

fn offered(call: &Call) -> impl Iterator<Item = &str> {
    call.header(SEC_WEBSOCKET_PROTOCOL).unwrap_or_default().split(',').map(str::trim).filter(|text| !text.is_empty())
}
