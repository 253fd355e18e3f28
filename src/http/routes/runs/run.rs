//! `/api/run`: run a program, read what a run gave.

use crate::app::App;
use crate::app::runs::read;
use crate::app::runs::read::Reader;
use crate::app::runs::start::{Progress, StartedRun, start_run};
use crate::domain::input::problem::FieldError;
use crate::domain::run;
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{Fingerprint, IdempotencyKey};
use crate::domain::script;
use crate::http::auth::caller::{ApiClient, SignedIn};
use crate::http::error::{ApiError, ErrorCode};
use crate::http::middleware::log::About;
use crate::http::request::accept::wants_event_stream;
use crate::http::request::body;
use crate::http::request::call::Call;
use crate::http::response::keep_alive;
use crate::http::response::rate;
use crate::http::response::respond;
use crate::http::response::sse;
use crate::http::routes::scripts::execute;
use crate::ports::exchange::{Body, Response};
use ::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use ::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use docle_protocol::limits::MAX_BODY_BYTES;
use futures::{StreamExt, stream};
use std::rc::Rc;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");
/// Tells proxies of the nginx family to pass events on as they come.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// `POST /api/run`: size, key, rate, validation, work, in this order, so that a stranger learns nothing from our errors.
pub async fn create_run(app: &App, mut call: Call) -> Result<Response, ApiError> {
    body::check_declared_size(&call.parts.headers, &mut call.body).await?;
    let client = ApiClient::extract(app, &call).await?;
    let rate = client.rate;
    rate::told(run_for(app, call, client).await, &rate, app.clock.now())
}

async fn run_for(app: &App, call: Call, client: ApiClient) -> Result<Response, ApiError> {
    let Call { parts, body, .. } = call;
    let bytes = body::read(body, MAX_BODY_BYTES).await?;
    let id = RunId::with_key(&client.key_hash, app.clock.now(), app.random());
    let once = idempotency_key(&parts.headers)?.map(|key| (key, Fingerprint::of(&bytes)));
    let body = body::parse_json(bytes)?;
    if body["tier"] == "isolate" {
        let request = script::request::parse_run(body, app.config.max_timeout_ms).map_err(ApiError::invalid)?;
        return execute::run(app, &parts.headers, client, request).await;
    }
    let request = run::request::parse(body, id, app.config.max_timeout_ms).map_err(ApiError::invalid)?;
    let project_id = client.owner.project_id.clone();
    let run = start_run(app, id, client.into(), request, once).await?;
    answer(app, &parts.headers, run, project_id).await
}

/// The answer to a run that goes on: its events where the caller asks for them, else its result.
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

/// `GET /api/run/:id`: open to whoever knows the id, unless the project keeps its results to itself; the project's own
/// key and its owner's session see the input, too.
pub async fn get_run(app: &App, call: Call) -> Result<Response, ApiError> {
    let reader = reader(app, &call).await?;
    let not_found =
        || ApiError::new(ErrorCode::RunNotFound, "There is no run with this id; results are kept for 7 days.");
    let id = RunId::parse(call.param(0)).ok_or_else(not_found)?;
    let run = read::read_run(app, id, &reader).await?.ok_or_else(not_found)?;
    let mut response = respond::raw_json(StatusCode::OK, run);
    let project_id = if let Reader::Project(id) = reader { Some(id) } else { None };
    response.extensions_mut().insert(About { run_id: Some(id), project_id });
    Ok(response)
}

/// Who reads: the holder of the key, else whoever is signed in. Reading changes nothing, so that a session needs no
/// proof of its page: pages of other sites cannot read the answer to a call with a cookie.
async fn reader(app: &App, call: &Call) -> Result<Reader, ApiError> {
    if let Some(client) = ApiClient::extract_if_present(app, call).await? {
        return Ok(Reader::Project(client.owner.project_id));
    }
    let user = SignedIn::extract_if_present(app, call).await?;
    Ok(user.map_or(Reader::Anyone, |caller| Reader::User(caller.session.user_id)))
}

/// The key in `Idempotency-Key`, where there is one.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, ApiError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().ok().and_then(IdempotencyKey::parse);
    key.map(Some).ok_or_else(|| {
        let message = "must be 1 to 255 visible ASCII characters".to_owned();
        ApiError::invalid(vec![FieldError { field: "Idempotency-Key".to_owned(), message }])
    })
}

/// The result as JSON. A run that takes its time is answered with blanks until it ends, which JSON allows before a value:
/// it has started, so the status is 200 whatever comes.
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
