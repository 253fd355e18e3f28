//! Refuses a WebSocket for good, so that a client learns why and does not come back by itself.
//!
//! A refused handshake looks like a lost connection to a client: close code 1006, and no reason. Stock Yjs clients then
//! reconnect again and again. So the Worker itself accepts the socket, sends why, and closes with a code that says whether
//! to come back. No object and no database is called for it.

use crate::app::App;
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::request::subprotocol;
use crate::ports::http_messages::Response;
use crate::ports::socket::{Message, Socket};
use ::http::StatusCode;
use docle_room::{json_protocol, yjs_protocol};
use futures::future::{Either, select};

/// How long a client has to show its protocol by its first message, in milliseconds. A Yjs client sends it at once.
const FIRST_MESSAGE_MS: u32 = 500;
/// Bytes of the reason in a close frame, RFC 6455.
const MAX_REASON_BYTES: usize = 123;

/// The response to a handshake that is refused. What may pass by itself, such as a rate limit, stays an HTTP error: the
/// client comes back then, as it should.
pub fn refuse(app: &App, call: &Call, error: ApiError, speaks_yjs: bool) -> Result<Response, ApiError> {
    let Some(code) = close_code(error.code().status()) else { return Err(error) };
    let (upgrade, socket) = app.sockets.pair()?;
    let clock = app.clock.clone();
    app.background.spawn(Box::pin(async move {
        let mut socket = socket;
        let is_yjs = speaks_yjs
            || match select(socket.next(), clock.sleep(FIRST_MESSAGE_MS)).await {
                Either::Left((first, _)) => matches!(first, Some(Message::Binary(_))),
                Either::Right(_) => false,
            };
        close(&*socket, is_yjs, code, &error);
    }));
    Ok(subprotocol::switch(call, upgrade))
}

/// The close code for a status: 44xx, as rooms use it. `None` for what may pass by itself.
fn close_code(status: u16) -> Option<u16> {
    (matches!(status, 400..=499) && status != StatusCode::TOO_MANY_REQUESTS.as_u16()).then_some(4_000 + status)
}

fn close(socket: &dyn Socket, is_yjs: bool, code: u16, error: &ApiError) {
    let message = error.message();
    socket.send(if is_yjs {
        Message::Binary(yjs_protocol::permission_denied(message))
    } else {
        Message::Text(json_protocol::error(error.code().name(), "", message).to_string())
    });
    let end = message.floor_char_boundary(MAX_REASON_BYTES);
    socket.close(code, &message[..end]);
}
