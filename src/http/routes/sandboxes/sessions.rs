//! `/api/v1/sandboxes/:id/sessions`: make, list, delete.

use crate::app::App;
use crate::domain::sandbox::command::WORKSPACE;
use crate::domain::sandbox::session::parse_session;
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::ports::http_messages::Response;
use crate::ports::sandboxes::{SandboxOf, SessionRecord, SessionRequest};
use ::http::StatusCode;
use docle_api::sandbox_sessions::{SandboxSession, SessionList};
use serde_json::Value;

/// `POST /api/v1/sandboxes/:id/sessions`. It wakes nothing.
pub async fn create_sandbox_session(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_uncounted(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let session = create(app, &sandbox, call.optional_json().await?).await?;
    Ok(respond::json(StatusCode::CREATED, &encode(session)))
}

/// Makes the session that a body asks for.
///
/// # Errors
/// The body is wrong, or the sandbox has such a session, or as many as it may.
pub async fn create(app: &App, sandbox: &SandboxOf, body: Value) -> Result<SessionRecord, ApiError> {
    let new = parse_session(body).map_err(ApiError::invalid)?;
    let id = new.id.unwrap_or_else(|| format!("session_{}", hex::encode(app.random::<12>())));
    let session = SessionRecord { id, cwd: new.cwd, env: new.env, is_used: false, created_at: app.clock.now() };
    app.sandboxes.sessions(sandbox, &SessionRequest::Create { session: session.clone() }).await?;
    Ok(session)
}

/// `GET /api/v1/sandboxes/:id/sessions`. It wakes nothing.
pub async fn list_sandbox_sessions(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_uncounted(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let sessions = app.sandboxes.sessions(&sandbox, &SessionRequest::List).await?;
    let list = SessionList { sessions: sessions.into_iter().map(encode).collect() };
    Ok(respond::json(StatusCode::OK, &list))
}

/// `DELETE /api/v1/sandboxes/:id/sessions/:session`.
pub async fn delete_sandbox_session(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_uncounted(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    delete(app, &sandbox, call.param(1)).await?;
    Ok(respond::empty())
}

/// Ends a session.
///
/// # Errors
/// There is none.
pub async fn delete(app: &App, sandbox: &SandboxOf, id: &str) -> Result<(), ApiError> {
    app.sandboxes.sessions(sandbox, &SessionRequest::Delete { id: id.to_owned() }).await?;
    Ok(())
}

fn encode(session: SessionRecord) -> SandboxSession {
    let cwd = if session.cwd.is_empty() { WORKSPACE.to_owned() } else { session.cwd };
    let env_names = session.env.into_keys().collect();
    SandboxSession { id: session.id, cwd, env_names, created_at: session.created_at.into() }
}
