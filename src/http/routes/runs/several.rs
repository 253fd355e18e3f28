//! What the calls that ask for several runs have in common.

use crate::app::App;
use crate::domain::run::idempotency::{Fingerprint, IdempotencyKey};
use crate::http::auth::caller::ApiClient;
use crate::http::error::ApiError;
use crate::http::middleware::log::About;
use crate::http::request::body;
use crate::http::request::call::Call;
use crate::http::request::idempotency::key_of_client;
use crate::http::response::respond;
use crate::http::response::{event_stream as events, keep_alive};
use crate::ports::http_messages::Response;
use ::http::HeaderMap;
use bytes::Bytes;
use docle_protocol::limits::MAX_BODY_BYTES;
use futures::stream::LocalBoxStream;
use serde::Serialize;
use serde_json::Value;
use std::rc::Rc;

/// White space, which JSON allows between values.
const SPACE: &[u8] = b" ";

/// A call that asks for several runs.
pub struct SeveralRuns {
    pub headers: HeaderMap,
    pub body: Value,
    /// The idempotency key of the call, and what tells its body from others.
    pub once: Option<(IdempotencyKey, Fingerprint)>,
}

/// The headers and the JSON body of a call that asks for several runs.
///
/// # Errors
/// The idempotency key is none; the body is no JSON.
pub async fn read_body(call: Call, client: &ApiClient) -> Result<SeveralRuns, ApiError> {
    let Call { parts, body, .. } = call;
    let bytes = body::read(body, MAX_BODY_BYTES).await?;
    let key = key_of_client(&parts.headers, client.token.as_ref())?;
    let once = key.map(|key| (key, Fingerprint::of(&bytes)));
    let body = body::parse_json(&parts.headers, bytes)?;
    Ok(SeveralRuns { headers: parts.headers, body, once })
}

/// A response of server-sent events, with comments during silence.
pub fn event_stream(app: &App, events: LocalBoxStream<'static, Bytes>, project_id: String) -> Response {
    about(events::of(app, events), project_id)
}

/// A response of one JSON value in pieces, each of which ends between two tokens, with spaces during silence.
pub fn json_stream(app: &App, pieces: LocalBoxStream<'static, Bytes>, project_id: String) -> Response {
    let pieces = keep_alive::fill(pieces, SPACE, Rc::clone(&app.clock));
    about(respond::json_stream(pieces), project_id)
}

/// An event whose `type` is also its name.
pub fn event(name: &str, value: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(value).expect("answers are plain data with string keys, which always encodes");
    format!("event: {name}\ndata: {data}\n\n").into()
}

fn about(mut response: Response, project_id: String) -> Response {
    response.extensions_mut().insert(About { run_id: None, project_id: Some(project_id) });
    response
}
