//! `/execute`, `/validate`, `/executions`: scripts in isolates.

use crate::app::App;
use crate::app::scripts::{self, Listing, NoIsolates, ScriptQuota};
use crate::domain::run::id::RunId;
use crate::domain::script::request::{self, ScriptRequest};
use crate::domain::usage_log::query::UsageRun;
use crate::http::auth::caller::ApiClient;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::middleware::log::About;
use crate::http::request::body;
use crate::http::request::call::{Call, invalid};
use crate::http::request::idempotency::idempotency_key;
use crate::http::response::rate;
use crate::http::response::respond;
use crate::http::routes::runs::answer::answer;
use crate::ports::http_messages::Response;
use ::http::{HeaderMap, StatusCode};
use docle_api::executions::{ExecutionPage, ListedExecution};
use docle_api::limits::{MAX_BODY_BYTES, OFFSET};
use docle_api::runs::RunStatus;
use docle_api::scripts::Validation;

/// `POST /execute`: size, key, rate, validation, work, as for runs.
pub async fn execute_script(app: &App, mut call: Call) -> Result<Response, ApiError> {
    body::check_declared_size(&call.parts.headers, &mut call.body).await?;
    let client = ApiClient::extract_for_script(app, &call).await?;
    let rate = client.rate;
    rate::with_headers(execute_for(app, call, client).await, &rate, app.clock.now())
}

async fn execute_for(app: &App, call: Call, client: ApiClient) -> Result<Response, ApiError> {
    let body = body::parse_json(&call.parts.headers, body::read(call.body, MAX_BODY_BYTES).await?)?;
    let request = request::parse(body, app.config.max_timeout_ms).map_err(ApiError::invalid)?;
    run(app, &call.parts.headers, client, request).await
}

/// Runs a script, and responds as for a run.
pub async fn run(
    app: &App,
    headers: &HeaderMap,
    client: ApiClient,
    mut request: ScriptRequest,
) -> Result<Response, ApiError> {
    if let Some(token) = &client.token {
        token.restrict_script(&mut request).map_err(ApiError::invalid)?;
    }
    if idempotency_key(headers)?.is_some() {
        return Err(invalid("Idempotency-Key", "is not available for scripts in isolates: leave it out"));
    }
    let id = app.new_run_id(client.owner.log_id);
    let project_id = client.owner.project_id.clone();
    let settings = client.isolates.clone();
    let quota = ScriptQuota { key_hash: client.key_hash.clone(), has_ai: client.has_ai };
    let started = scripts::start(app, id, client.into(), request, &settings, quota)?;
    answer(app, headers, started, project_id).await
}

/// `POST /validate`: what is wrong with a script, without running it.
pub async fn validate_script(app: &App, mut call: Call) -> Result<Response, ApiError> {
    body::check_declared_size(&call.parts.headers, &mut call.body).await?;
    let client = ApiClient::extract_for_run(app, &call).await?;
    rate::with_headers(validate_for(app, call).await, &client.rate, app.clock.now())
}

async fn validate_for(app: &App, call: Call) -> Result<Response, ApiError> {
    let body = body::parse_json(&call.parts.headers, body::read(call.body, MAX_BODY_BYTES).await?)?;
    let script = request::parse_script(body).map_err(ApiError::invalid)?;
    let isolates = app.isolates.as_ref().ok_or(NoIsolates)?;
    let findings = isolates.validate(&script).await?;
    let body = Validation { valid: findings.errors.is_empty(), errors: findings.errors };
    Ok(respond::json(StatusCode::OK, &body))
}

/// `GET /executions`: the scripts of the key's project. Reading does not count against the key's limit.
pub async fn list_executions(app: &App, call: Call) -> Result<Response, ApiError> {
    let client = ApiClient::extract_uncounted(app, &call).await?;
    let offset = match call.query("offset").map(|text| text.parse()) {
        None => 0,
        Some(Ok(offset)) if OFFSET.contains(&offset) => offset,
        Some(_) => {
            let message =
                format!("must be an integer from {} to {}; use cursor to go further", OFFSET.start(), OFFSET.end());
            return Err(invalid("offset", message));
        }
    };
    let listing = Listing { page: call.page()?, offset };
    let (runs, next) = scripts::list(app, client.owner.log_id, &listing).await?;
    let executions = runs.into_iter().map(encode).collect();
    Ok(respond::json(StatusCode::OK, &ExecutionPage { executions, next_cursor: next }))
}

/// `GET /executions/:id`: a script of the key's project, with its input.
pub async fn get_execution(app: &App, call: Call) -> Result<Response, ApiError> {
    let client = ApiClient::extract_uncounted(app, &call).await?;
    let not_found =
        || ApiError::new(ErrorCode::RunNotFound, "Your project has no execution of the last 7 days with this id.");
    let id = RunId::parse_own(call.param(0), &app.secret).ok_or_else(not_found)?;
    let execution = scripts::read(app, id, &client.owner).await?.ok_or_else(not_found)?;
    let mut response = respond::raw_json(StatusCode::OK, execution);
    response.extensions_mut().insert(About { run_id: Some(id), project_id: Some(client.owner.project_id) });
    Ok(response)
}

/// A script in a list.
fn encode(run: UsageRun) -> ListedExecution {
    ListedExecution {
        id: run.run_id,
        language: run.language,
        success: run.status == RunStatus::Success.name(),
        status: run.status,
        execution_time: run.duration_ms,
        snippet: run.snippet,
        created_at: run.created_at.into(),
    }
}

impl From<NoIsolates> for ApiError {
    fn from(_: NoIsolates) -> Self {
        Self::new(ErrorCode::IsolatesUnavailable, "This deployment has no isolate tier; POST /api/run runs programs.")
    }
}
