//! `/api/v1/sandboxes/:id/env`: the variables of its commands. Their values are never shown.

use crate::app::App;
use crate::domain::sandbox::env::{Change, parse};
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::ports::http_messages::Response;
use crate::ports::sandboxes::{EnvRequest, SandboxOf};
use ::http::StatusCode;
use docle_api::sandboxes::EnvNames;

/// `GET …/env`. It wakes nothing.
pub async fn list_sandbox_env(app: &App, call: Call) -> Result<Response, ApiError> {
    let sandbox = named(app, &call).await?;
    answer(app, &sandbox, EnvRequest::List).await
}

/// `PUT …/env`.
pub async fn replace_sandbox_env(app: &App, call: Call) -> Result<Response, ApiError> {
    let sandbox = named(app, &call).await?;
    let Change { set, .. } = parse(call.json().await?).map_err(ApiError::invalid)?;
    answer(app, &sandbox, EnvRequest::Replace { env: set }).await
}

/// `PATCH …/env`.
pub async fn change_sandbox_env(app: &App, call: Call) -> Result<Response, ApiError> {
    let sandbox = named(app, &call).await?;
    let Change { set, remove } = parse(call.json().await?).map_err(ApiError::invalid)?;
    answer(app, &sandbox, EnvRequest::Change { set, remove }).await
}

async fn named(app: &App, call: &Call) -> Result<SandboxOf, ApiError> {
    SandboxCaller::extract_uncounted(app, call).await?.sandbox(app, call).await
}

async fn answer(app: &App, sandbox: &SandboxOf, request: EnvRequest) -> Result<Response, ApiError> {
    let env_names = app.sandboxes.env(sandbox, &request).await?;
    Ok(respond::json(StatusCode::OK, &EnvNames { env_names }))
}
