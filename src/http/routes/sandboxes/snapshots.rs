//! `/api/v1/sandboxes/:id/snapshots`: make, list, read, delete, restore, compare; and `/branch`.

use crate::app::App;
use crate::app::snapshots;
use crate::domain::sandbox::snapshot::{parse_branch, parse_merge, parse_restore, parse_snapshot};
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::error::ApiError;
use crate::http::request::call::{Call, invalid};
use crate::http::response::respond;
use crate::http::routes::sandboxes::sandbox::encode;
use crate::ports::http_messages::Response;
use crate::ports::sandboxes::SandboxOf;
use crate::ports::snapshots::SnapshotRecord;
use ::http::StatusCode;
use docle_api::snapshots::{Snapshot, SnapshotPage};

/// `POST /api/v1/sandboxes/:id/snapshots`.
pub async fn create_snapshot(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let name = parse_snapshot(call.optional_json().await?).map_err(ApiError::invalid)?;
    let record = snapshots::create(app, &sandbox, name).await?;
    Ok(respond::json(StatusCode::CREATED, &encode_snapshot(&sandbox, record)))
}

/// `POST /api/v1/sandboxes/:id/snapshot`: the same.
pub async fn create_version(app: &App, call: Call) -> Result<Response, ApiError> {
    create_snapshot(app, call).await
}

/// `GET /api/v1/sandboxes/:id/snapshots`. It wakes nothing.
pub async fn list_snapshots(app: &App, call: Call) -> Result<Response, ApiError> {
    let (sandbox, page) = (named(app, &call).await?, call.page()?);
    let (records, next_cursor) = snapshots::list(app, &sandbox, &page).await?;
    let snapshots = records.into_iter().map(|record| encode_snapshot(&sandbox, record)).collect();
    Ok(respond::json(StatusCode::OK, &SnapshotPage { snapshots, next_cursor }))
}

/// `GET /api/v1/sandboxes/:id/snapshots/:snapshot`. It wakes nothing.
pub async fn get_snapshot(app: &App, call: Call) -> Result<Response, ApiError> {
    let sandbox = named(app, &call).await?;
    let record = snapshots::read(app, &sandbox, call.param(1)).await?;
    Ok(respond::json(StatusCode::OK, &encode_snapshot(&sandbox, record)))
}

/// `DELETE /api/v1/sandboxes/:id/snapshots/:snapshot`.
pub async fn delete_snapshot(app: &App, call: Call) -> Result<Response, ApiError> {
    let sandbox = named(app, &call).await?;
    snapshots::delete(app, &sandbox, call.param(1)).await?;
    Ok(respond::empty())
}

/// `POST /api/v1/sandboxes/:id/snapshots/:snapshot/restore`.
pub async fn restore_snapshot(app: &App, call: Call) -> Result<Response, ApiError> {
    let sandbox = SandboxCaller::extract(app, &call).await?.sandbox(app, &call).await?;
    let id = call.param(1).to_owned();
    let paths = parse_restore(call.optional_json().await?).map_err(ApiError::invalid)?;
    Ok(respond::json(StatusCode::OK, &encode(snapshots::restore(app, &sandbox, &id, paths).await?)))
}

/// `GET /api/v1/sandboxes/:id/snapshots/:snapshot/diff?to=`.
pub async fn diff_snapshot(app: &App, call: Call) -> Result<Response, ApiError> {
    let sandbox = SandboxCaller::extract(app, &call).await?.sandbox(app, &call).await?;
    let diff = snapshots::diff(app, &sandbox, call.param(1), call.query("to")).await?;
    Ok(respond::json(StatusCode::OK, &diff))
}

/// `POST /api/v1/sandboxes/:id/branch`.
pub async fn branch_sandbox(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let branch = parse_branch(call.optional_json().await?).map_err(ApiError::invalid)?;
    let (made, is_new) = snapshots::branch(app, &sandbox, branch).await?;
    Ok(respond::json(if is_new { StatusCode::CREATED } else { StatusCode::OK }, &encode(made)))
}

/// `POST /api/v1/sandboxes/:id/merge`.
pub async fn merge_sandbox(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let from = parse_merge(call.json().await?).map_err(ApiError::invalid)?;
    let from = caller.named(app, Some(sandbox.project_id.clone()), &from).await?;
    if from == sandbox || from.project_id != sandbox.project_id {
        return Err(invalid("from", "must be another sandbox of the same project"));
    }
    Ok(respond::json(StatusCode::OK, &snapshots::merge(app, &sandbox, &from).await?))
}

async fn named(app: &App, call: &Call) -> Result<SandboxOf, ApiError> {
    SandboxCaller::extract_uncounted(app, call).await?.sandbox(app, call).await
}

fn encode_snapshot(sandbox: &SandboxOf, record: SnapshotRecord) -> Snapshot {
    Snapshot {
        id: record.id,
        sandbox_id: sandbox.id.to_string(),
        name: record.name,
        created_at: record.created_at.into(),
        saved_at: record.saved_at.into(),
        entries: record.entries,
        bytes: record.content_bytes,
    }
}
