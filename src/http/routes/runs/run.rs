//! `/api/run`: run a program, read a result.

use crate::app::App;
use crate::app::runs::cancel::{self, CancelledRun, NotCancelled};
use crate::app::runs::detach::{DetachedRun, detach_run};
use crate::app::runs::follow::{self, follow_run};
use crate::app::runs::read::{self, FoundRun, Reader};
use crate::app::runs::start::start_with_files;
use crate::app::webhooks;
use crate::domain::input::multipart;
use crate::domain::run;
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{Fingerprint, IdempotencyKey};
use crate::domain::script;
use crate::http::auth::caller::{ApiClient, SignedIn};
use crate::http::auth::key_error;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::middleware::log::About;
use crate::http::request::accept::wants_event_stream;
use crate::http::request::body;
use crate::http::request::call::{Call, invalid};
use crate::http::request::form::{self, Attached, Form};
use crate::http::request::idempotency::key_of_client;
use crate::http::response::sse::LastEventId;
use crate::http::response::{rate, respond};
use crate::http::routes::runs::answer::{answer, encode_pending, event_stream, last_event_id, pending, read_again};
use crate::http::routes::runs::repository;
use crate::http::routes::scripts::execute;
use crate::http::routes::webhooks::refused;
use crate::ports::http_messages::Response;
use crate::ports::spool::Outside;
use ::http::header::CONTENT_TYPE;
use ::http::{HeaderMap, StatusCode};
use docle_api::pending_runs::PendingRun;
use docle_protocol::limits::MAX_BODY_BYTES;
use docle_protocol::{AttachedFile, RunJob};
use futures::StreamExt;
use serde_json::Value;

/// `POST /api/run`: checks size, key, rate and fields in this order, so that a client without a key learns nothing from
/// validation errors.
pub async fn create_run(app: &App, mut call: Call) -> Result<Response, ApiError> {
    body::check_declared_size(&call.parts.headers, &mut call.body).await?;
    let client = ApiClient::extract_for_run(app, &call).await?;
    let rate = client.rate;
    let boundary = call.header(CONTENT_TYPE).and_then(multipart::boundary);
    let answer = match boundary {
        Some(boundary) => run_form(app, call, client, &boundary).await,
        None => run_for(app, call, client).await,
    };
    rate::with_headers(answer, &rate, app.clock.now())
}

/// The same with a form, whose parts are the request and its files.
async fn run_form(
    app: &App,
    Call { parts, body, .. }: Call,
    client: ApiClient,
    boundary: &str,
) -> Result<Response, ApiError> {
    let key = key_of_client(&parts.headers, client.token.as_ref())?;
    let Form { body, attached, fingerprint } = form::read(body, boundary, &*app.spool).await?;
    run_body(app, &parts.headers, client, (body, attached), key.map(|key| (key, fingerprint))).await
}

/// The same for a client whose call was counted. The body is that of `POST /api/run`.
pub async fn run_for(app: &App, call: Call, client: ApiClient) -> Result<Response, ApiError> {
    let Call { parts, body, .. } = call;
    let bytes = body::read(body, MAX_BODY_BYTES).await?;
    let key = key_of_client(&parts.headers, client.token.as_ref())?;
    let once = key.map(|key| (key, Fingerprint::of(&bytes)));
    let body = body::parse_json(&parts.headers, bytes)?;
    run_body(app, &parts.headers, client, (body, Vec::new()), once).await
}

/// Runs what a body asks for, and with a key at most once.
async fn run_body(
    app: &App,
    headers: &HeaderMap,
    client: ApiClient,
    (body, attached): (Value, Vec<Attached>),
    once: Option<(IdempotencyKey, Fingerprint)>,
) -> Result<Response, ApiError> {
    let id = app.new_run_id(client.owner.log_id);
    if body["tier"] == "isolate" {
        if body["detach"] == true {
            let message =
                "is not available with tier \"isolate\": leave it out, because a script answers within its time limit";
            return Err(invalid("detach", message));
        }
        let request = script::request::parse_run(body, app.config.max_timeout_ms).map_err(ApiError::invalid)?;
        return execute::run(app, headers, client.for_script(app).await?, request).await;
    }
    let mut request = run::request::parse(body, id, app.config.max_timeout_ms).map_err(ApiError::invalid)?;
    repository::check(app, &request, &client.base_url, client.is_publishable)?;
    let attached = attach(&mut request.job, attached);
    if let Some(token) = &client.token {
        token.restrict_run(&mut request).map_err(ApiError::invalid)?;
    }
    let project_id = client.owner.project_id.clone();
    if request.detach {
        if client.is_publishable {
            return Err(key_error::publishable_key_detaches_not());
        }
        if wants_event_stream(headers) {
            let message = "is not available with Accept: text/event-stream: leave that header out, and follow the run with \
                           GET /api/run/:id and the same header";
            return Err(invalid("detach", message));
        }
        let webhook = match request.webhook.take() {
            // Anyone who has seen the URL has the key, and the secret of the project would sign what they send.
            Some(_) if client.is_anybody => {
                return Err(invalid(
                    "webhook",
                    "is not available with a key for URLs: start the run with another secret key",
                ));
            }
            Some(url) => Some(webhooks::receiver(app, url, &project_id, &client.base_url).await.map_err(refused)?),
            None => None,
        };
        return match detach_run(app, id, client.into(), (request, attached), webhook, once).await? {
            DetachedRun::Pending(run) => Ok(pending(&run, project_id)),
            DetachedRun::Replayed(run) => answer(app, headers, run, project_id).await,
        };
    }
    let run = start_with_files(app, id, client.into(), (request, attached), once).await?;
    answer(app, headers, run, project_id).await
}

/// Starts a detached run for a client with a secret key whose call was counted, and keeps `submission` with its input.
///
/// # Errors
/// As for `POST /api/run`.
pub async fn submit(app: &App, client: &ApiClient, body: Value, submission: Value) -> Result<RunId, ApiError> {
    let id = app.new_run_id(client.owner.log_id);
    let mut request = run::request::parse(body, id, app.config.max_timeout_ms).map_err(ApiError::invalid)?;
    request.submission = Some(submission);
    if let Some(token) = &client.token {
        token.restrict_run(&mut request).map_err(ApiError::invalid)?;
    }
    Ok(match detach_run(app, id, client.client(), (request, Vec::new()), None, None).await? {
        DetachedRun::Pending(run) => run.id,
        DetachedRun::Replayed(run) => run.id,
    })
}

/// Waits until a run of this client has ended.
pub async fn wait_for(app: &App, client: &ApiClient, id: &str) {
    let Some(id) = RunId::parse_own(id, &app.secret) else { return };
    let mut progress = follow::to_the_end(app, client.owner.project_id.clone(), id, app.clock.now());
    while progress.next().await.is_some() {}
}

/// Takes the files that are outside from the job, and attaches them to it.
fn attach(job: &mut RunJob, attached: Vec<Attached>) -> Vec<Outside> {
    // From the last one on, so that the indexes stay true.
    for Attached { index, size, .. } in attached.iter().rev() {
        let path = job.files.remove(*index).path;
        job.attached.insert(0, AttachedFile { path, size: *size });
    }
    attached.into_iter().flat_map(|file| file.bytes).collect()
}

/// `GET /api/run/:id`: a caller who knows the id can read the state and the result, unless the project keeps its results private.
/// With a key of the project, or the session of its owner, the response also has the input. A caller that accepts an event
/// stream follows the run.
pub async fn get_run(app: &App, call: Call) -> Result<Response, ApiError> {
    let reader = reader(app, &call).await?;
    let not_found = || ApiError::new(ErrorCode::RunNotFound, "No run of the last 7 days has this id.");
    let id = RunId::parse_own(call.param(0), &app.secret).ok_or_else(not_found)?;
    let mut response = if wants_event_stream(call.headers()) {
        let known = match last_event_id(call.headers())? {
            None => None,
            Some(LastEventId::Before(known)) => Some(known),
            // A client that follows a run with an `EventSource` stops at this status.
            Some(LastEventId::End) => return Ok(respond::empty()),
        };
        let run = follow_run(app, id, &reader, known.unwrap_or_default()).await?.ok_or_else(not_found)?;
        event_stream(app, run, known)
    } else {
        match read::find_run(app, id, &reader).await?.ok_or_else(not_found)? {
            FoundRun::Ended(run) => read_again(app, run),
            FoundRun::Pending { project_id, run } => {
                let output = read::output_so_far(app, &project_id, id).await;
                respond::json(StatusCode::OK, &PendingRun { output, ..encode_pending(&run) })
            }
        }
    };
    response.extensions_mut().insert(about(id, reader));
    Ok(response)
}

/// `DELETE /api/run/:id`: ends a run of the project of the key, of the token, or of the signed-in user's projects. The answer is
/// its result, also to a repeated call.
pub async fn cancel_run(app: &App, call: Call) -> Result<Response, ApiError> {
    let not_found = || ApiError::new(ErrorCode::RunNotFound, "You have no run of the last 7 days with this id.");
    let id = RunId::parse_own(call.param(0), &app.secret);
    let caller = match ApiClient::extract_if_present(app, &call).await? {
        // The log is that of the project, so the call concerns no other one.
        Some(client) if id.is_some_and(|id| id.log().log != client.owner.log_id) => return Err(not_found()),
        Some(client) => reader_of(client),
        None => Reader::User(SignedIn::extract(app, &call).await?.session.user_id),
    };
    let id = id.ok_or_else(not_found)?;
    let cancelled = cancel::cancel_run(app, id, &caller).await.map_err(|failure| match failure {
        NotCancelled::Pool(failure) => {
            let detail = "The run may go on. Repeat the call.";
            ApiError::new(ErrorCode::ServiceUnavailable, detail).with_cause(failure.message)
        }
        NotCancelled::Unreadable(error) => error.into(),
    })?;
    let mut response = match cancelled.ok_or_else(not_found)? {
        CancelledRun::Cancelled(run) => read_again(app, run),
        CancelledRun::Ended(status) => {
            let detail = format!("The run has ended before, with status {:?}.", status.name());
            return Err(ApiError::new(ErrorCode::RunEnded, detail));
        }
    };
    response.extensions_mut().insert(about(id, caller));
    Ok(response)
}

/// What the log says of a call that concerns a run.
fn about(id: RunId, caller: Reader) -> About {
    let project_id = match caller {
        Reader::Project(owner) | Reader::Token { owner, .. } => Some(owner.project_id),
        Reader::Anyone | Reader::User(_) => None,
    };
    About { run_id: Some(id), project_id }
}

/// The reader: the project or the token of the client, else the signed-in user. Reading changes nothing, so the `Origin` does not
/// matter: pages of other sites cannot read the response to a call with a cookie.
async fn reader(app: &App, call: &Call) -> Result<Reader, ApiError> {
    if let Some(client) = ApiClient::extract_if_present(app, call).await? {
        return Ok(reader_of(client));
    }
    let user = SignedIn::extract_if_present(app, call).await?;
    Ok(user.map_or(Reader::Anyone, |caller| Reader::User(caller.session.user_id)))
}

fn reader_of(ApiClient { owner, token, is_anybody, .. }: ApiClient) -> Reader {
    match token {
        _ if is_anybody => Reader::Anyone,
        Some(token) => Reader::Token { owner, token: token.id },
        None => Reader::Project(owner),
    }
}
