//! A response of server-sent events.

use crate::app::App;
use crate::http::response::{keep_alive, sse};
use crate::ports::http_messages::{Body, Response};
use ::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use bytes::Bytes;
use futures::stream::LocalBoxStream;
use std::rc::Rc;

/// Tells proxies of the nginx family to pass events on as they come.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Responds with events, and with comments while there are none.
pub fn of(app: &App, events: LocalBoxStream<'static, Bytes>) -> Response {
    let events = keep_alive::fill(events, sse::COMMENT, Rc::clone(&app.clock));
    let mut response = Response::new(Body::Stream(events));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}
