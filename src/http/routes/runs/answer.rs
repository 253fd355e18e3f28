//! The response for a run in progress: its events as a stream, or its result.

use crate::app::App;
use crate::app::runs::start::{Progress, StartedRun};
use crate::http::error::{ApiError, ErrorCode};
use crate::http::middleware::log::About;
use crate::http::request::accept::wants_event_stream;
use crate::http::response::{keep_alive, respond, sse};
use crate::ports::http_messages::{Body, Response};
use ::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use ::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use futures::{StreamExt, stream};
use std::rc::Rc;

const IDEMPOTENT_REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");
/// Tells proxies of the nginx family to pass events on as they come.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Responds with the events of a run if the request accepts an event stream, else with its result.
pub async fn answer(app: &App, headers: &HeaderMap, run: StartedRun, project_id: String) -> Result<Response, ApiError> {
    let about = About { run_id: Some(run.id), project_id: Some(project_id) };
    let replayed = run.replayed;
    let mut response = if wants_event_stream(headers) { event_stream(app, run) } else { wait(app, run).await? };
    if replayed {
        response.headers_mut().insert(IDEMPOTENT_REPLAY, HeaderValue::from_static("true"));
    }
    response.extensions_mut().insert(about);
    Ok(response)
}

/// The result as JSON. The response of a long run begins with spaces, which JSON allows before a value. The run has
/// started, so the status is 200 in any case.
async fn wait(app: &App, run: StartedRun) -> Result<Response, ApiError> {
    const BLANK: &[u8] = b" ";
    let result = run.progress.filter_map(|progress| async {
        match progress {
            Progress::Complete(result) => Some(result.json().clone()),
            Progress::Stdout(_) | Progress::Stderr(_) | Progress::Heartbeat => None,
        }
    });
    let mut chunks = keep_alive::fill(result.boxed_local(), BLANK, Rc::clone(&app.clock));
    let first =
        chunks.next().await.ok_or_else(|| ApiError::new(ErrorCode::Internal, "The run ended without a result."))?;
    if first != BLANK {
        return Ok(respond::raw_json(StatusCode::OK, first));
    }
    let all = stream::once(async { first }).chain(chunks).boxed_local();
    Ok(respond::raw_json(StatusCode::OK, Bytes::new()).map(|_| Body::Stream(all)))
}

fn event_stream(app: &App, run: StartedRun) -> Response {
    let events = keep_alive::fill(sse::events(run), sse::COMMENT, Rc::clone(&app.clock));
    let mut response = Response::new(Body::Stream(events));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}
