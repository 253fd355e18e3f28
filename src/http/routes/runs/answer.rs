//! The response for a run in progress: its events as a stream, or its result.

use crate::app::App;
use crate::app::runs::progress::StartedRun;
use crate::app::runs::read::{ReadRun, ResultApart, output};
use crate::domain::run::id::RunId;
use crate::domain::run::position::OutputPosition;
use crate::domain::run::result::with_fields_before;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::middleware::log::About;
use crate::http::request::accept::wants_event_stream;
use crate::http::request::call::invalid;
use crate::http::response::json_result::{JsonResult, escaped};
use crate::http::response::sse::LastEventId;
use crate::http::response::{event_stream as events, respond, sse};
use crate::ports::PendingRun;
use crate::ports::http_messages::{Body, Response};
use ::http::header::{HeaderName, HeaderValue, LOCATION};
use ::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use docle_protocol::Stream;
use futures::{StreamExt, stream};
use std::rc::Rc;

const IDEMPOTENT_REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");
/// The id of the run, before its result is there.
const RUN_ID: HeaderName = HeaderName::from_static("x-docle-run-id");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Responds with the events of a run if the request accepts an event stream, else with its result.
pub async fn answer(app: &App, headers: &HeaderMap, run: StartedRun, project_id: String) -> Result<Response, ApiError> {
    let about = About { run_id: Some(run.id), project_id: Some(project_id) };
    let (id, replayed) = (run.id, run.replayed);
    let mut response = match wants_event_stream(headers) {
        // A call that is repeated with an idempotency key takes the stream up.
        true => match if replayed { last_event_id(headers)? } else { None } {
            Some(LastEventId::End) => respond::empty(),
            Some(LastEventId::Before(known)) => event_stream(app, run, Some(known)),
            None => event_stream(app, run, None),
        },
        false => wait(app, run).await?,
    };
    name_run(&mut response, id);
    if replayed {
        response.headers_mut().insert(IDEMPOTENT_REPLAY, HeaderValue::from_static("true"));
    }
    response.extensions_mut().insert(about);
    Ok(response)
}

/// The response to a call whose run goes on without it.
pub fn pending(run: &PendingRun, project_id: String) -> Response {
    let mut response = respond::json(StatusCode::ACCEPTED, &encode_pending(run));
    let location = format!("/api/run/{}", run.id);
    let location = HeaderValue::try_from(location).expect("an id has visible characters only");
    response.headers_mut().insert(LOCATION, location);
    name_run(&mut response, run.id);
    response.extensions_mut().insert(About { run_id: Some(run.id), project_id: Some(project_id) });
    response
}

/// A run that has not ended.
pub fn encode_pending(run: &PendingRun) -> docle_api::pending_runs::PendingRun {
    let PendingRun { id, created_at, phase, .. } = run;
    docle_api::pending_runs::PendingRun {
        id: id.to_string(),
        status: (*phase).into(),
        created_at: (*created_at).into(),
        output: None,
    }
}

pub fn name_run(response: &mut Response, id: RunId) {
    let id = HeaderValue::try_from(id.to_string()).expect("an id has visible characters only");
    response.headers_mut().insert(RUN_ID, id);
}

/// The last event that the client has, by `Last-Event-ID`.
pub fn last_event_id(headers: &HeaderMap) -> Result<Option<LastEventId>, ApiError> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let id = value.to_str().ok().and_then(sse::read_event_id);
    id.map(Some).ok_or_else(|| {
        invalid(
            "Last-Event-ID",
            "must be the id of an event of this run, such as \"12-0\"; leave it out to get all events",
        )
    })
}

/// The result as JSON. The response of a long run begins with spaces, which JSON allows before a value. The run has
/// started, so the status is 200 in any case.
async fn wait(app: &App, run: StartedRun) -> Result<Response, ApiError> {
    let mut body = JsonResult::new(run, Rc::clone(&app.clock));
    let first =
        body.next().await.ok_or_else(|| ApiError::new(ErrorCode::Internal, "The run ended without a result."))?;
    if body.is_sent() {
        return Ok(respond::raw_json(StatusCode::OK, first));
    }
    Ok(respond::json_stream(stream::once(async { first }).chain(body.into_stream()).boxed_local()))
}

/// Responds with a result that is read again. Output that is stored apart is sent chunk by chunk.
pub fn read_again(app: &App, run: ReadRun) -> Response {
    let (id, json, chunks) = match run {
        ReadRun::Whole(json) => return respond::raw_json(StatusCode::OK, json),
        ReadRun::Apart(ResultApart { id, json, chunks }) => (id, json, chunks),
    };
    let text = |of: Stream| {
        let begin = if of == Stream::Stdout { "{" } else { "\"," };
        let begin = Bytes::from(format!("{begin}\"{}\":\"", of.name()));
        let chunks = output(Rc::clone(&app.runs), Rc::clone(&app.log), id, of, chunks);
        stream::once(async { begin }).chain(chunks.map(|text| Bytes::from(escaped(&text))))
    };
    let end = with_fields_before(&json, "").slice(1..);
    let end = stream::iter([Bytes::from_static(b"\","), end]);
    let all = text(Stream::Stdout).chain(text(Stream::Stderr)).chain(end).boxed_local();
    respond::raw_json(StatusCode::OK, Bytes::new()).map(|_| Body::Stream(all))
}

/// The events of a run, for a client that has those up to `known`.
pub fn event_stream(app: &App, run: StartedRun, known: Option<OutputPosition>) -> Response {
    events::of(app, sse::events(run, known))
}
