//! The trees of a sandbox over HTTP: saved as what is new, restored, and changed where two of them differ.

use super::answers::{Answer, broken, find, invalid};
use super::sandbox_files::failed;
use crate::sandbox::{Sandboxes, receive_base};
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use std::sync::Arc;

/// Saves everything, and sends what the tree before does not have.
pub async fn save_tree(
    State(sandboxes): State<Arc<Sandboxes>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    body: Body,
) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    let number = query.as_deref().and_then(|query| query.strip_prefix("save=")?.parse().ok());
    let number = number.ok_or_else(|| invalid("save: expected in the query, a number"))?;
    let base = receive_base(body.into_data_stream()).await.map_err(|failure| failed(&sandbox, failure))?;
    let frames = sandbox.save_tree(base, number).await.map_err(|error| broken(&sandbox, &error))?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], Body::from_stream(frames)).into_response())
}

/// Replaces everything that is saved.
pub async fn restore_tree(State(sandboxes): State<Arc<Sandboxes>>, Path(id): Path<String>, body: Body) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    let restored = sandbox.restore_tree(body.into_data_stream(), &sandboxes.spool).await;
    restored.map_err(|failure| failed(&sandbox, failure))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Changes what differs between two trees.
pub async fn patch_tree(State(sandboxes): State<Arc<Sandboxes>>, Path(id): Path<String>, body: Body) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    let patched = sandbox.patch_tree(body.into_data_stream(), &sandboxes.spool).await;
    patched.map_err(|failure| failed(&sandbox, failure))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
