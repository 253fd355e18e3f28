//! `/api/v1/sandboxes`: make, list, read, change, delete, put to sleep and wake.

use crate::app::App;
use crate::app::sandboxes::{self, WholeSandbox};
use crate::domain::sandbox::settings::{parse_change, parse_new};
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use docle_api::sandboxes::{ListedSandbox, Sandbox, SandboxPage};
use serde_json::Value;

/// `POST /api/v1/sandboxes`: makes a sandbox, or answers with the one that has the same key.
pub async fn create_sandbox(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract(app, &call).await?;
    let (sandbox, is_new) = create(app, &caller, call.optional_json().await?).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(respond::json(status, &encode(sandbox)))
}

/// Makes a sandbox with the settings in `body`, or finds the one with the same key; whether it was made.
///
/// # Errors
/// The settings are wrong, or the project or its account has as many sandboxes as it may.
pub async fn create(app: &App, caller: &SandboxCaller, body: Value) -> Result<(WholeSandbox, bool), ApiError> {
    let new = parse_new(body).map_err(ApiError::invalid)?;
    let project_id = caller.project(app, new.project_id.clone()).await?;
    Ok(sandboxes::create(app, &project_id, new).await?)
}

/// `GET /api/v1/sandboxes`.
pub async fn list_sandboxes(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_uncounted(app, &call).await?;
    let project_id = caller.project(app, call.query("project_id")).await?;
    let (listed, next_cursor) = sandboxes::list(app, &project_id, &call.page()?).await?;
    let page = SandboxPage { sandboxes: listed.into_iter().map(encode_listed).collect(), next_cursor };
    Ok(respond::json(StatusCode::OK, &page))
}

/// `GET /api/v1/sandboxes/:id`. It wakes nothing.
pub async fn get_sandbox(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_uncounted(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    Ok(respond::json(StatusCode::OK, &encode(sandboxes::read(app, &sandbox).await?)))
}

/// `PATCH /api/v1/sandboxes/:id`.
pub async fn change_sandbox(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_uncounted(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let change = parse_change(call.json().await?).map_err(ApiError::invalid)?;
    Ok(respond::json(StatusCode::OK, &encode(sandboxes::change(app, &sandbox, change).await?)))
}

/// `DELETE /api/v1/sandboxes/:id`: deletes the sandbox with everything in it.
pub async fn delete_sandbox(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_uncounted(app, &call).await?;
    sandboxes::delete(app, &caller.sandbox(app, &call).await?).await?;
    Ok(respond::empty())
}

/// `POST /api/v1/sandboxes/:id/sleep`: saves the files and ends the processes.
pub async fn sleep_sandbox(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    app.sandboxes.sleep(&sandbox).await?;
    Ok(respond::json(StatusCode::OK, &encode(sandboxes::read(app, &sandbox).await?)))
}

/// `POST /api/v1/sandboxes/:id/wake`: starts the sandbox unless it runs.
pub async fn wake_sandbox(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    app.sandboxes.wake(&sandbox).await?;
    Ok(respond::json(StatusCode::OK, &encode(sandboxes::read(app, &sandbox).await?)))
}

/// A sandbox as responses show it.
pub fn encode(WholeSandbox { listed, report }: WholeSandbox) -> Sandbox {
    Sandbox {
        listed: encode_listed(listed),
        env_names: report.config.env.into_keys().collect(),
        runtime_config: report.config.runtime.config(),
        saved_at: report.saved_at.map(Into::into),
        save_failing: report.save_failing.map(Into::into),
        restored_from: report.restored_from.map(Into::into),
    }
}

/// A sandbox as lists show it.
pub fn encode_listed(listed: sandboxes::ListedSandbox) -> ListedSandbox {
    ListedSandbox {
        id: listed.id.to_string(),
        project_id: listed.project_id,
        key: listed.key,
        name: listed.name,
        description: listed.description,
        language: listed.language,
        status: listed.status,
        created_at: listed.created_at.into(),
        updated_at: listed.updated_at.into(),
        last_used_at: listed.last_used_at.map(Into::into),
    }
}
