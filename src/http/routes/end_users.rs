//! `/api/projects/:id/end-users`: the runs for one end user, read and deleted.

use crate::app::App;
use crate::app::end_users;
use crate::http::auth::caller::SignedIn;
use crate::http::error::ApiError;
use crate::http::request::call::{Call, invalid};
use crate::http::response::respond;
use crate::http::routes::{projects, usage};
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use docle_api::end_users::{Deletion, RunPage};

/// `GET /api/projects/:id/end-users?id=`: the runs for one end user.
pub async fn export_end_user(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let project = projects::find(app, &caller, call.param(0)).await?;
    let (runs, next) = end_users::runs_of_end_user(app, &project, &end_user(&call)?, &call.page()?).await?;
    let history = runs.into_iter().map(usage::encode_run).collect();
    Ok(respond::json(StatusCode::OK, &RunPage { history, next_cursor: next }))
}

/// `DELETE /api/projects/:id/end-users?id=`: the runs for one end user with their results. `complete` is false
/// when more are left: repeat the call then.
pub async fn delete_end_user(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let project = projects::find(app, &caller, call.param(0)).await?;
    let erased = end_users::delete_end_user(app, caller.user_id(), &project, &end_user(&call)?).await?;
    Ok(respond::json(StatusCode::OK, &Deletion { deleted_runs: erased.runs, complete: erased.complete }))
}

fn end_user(call: &Call) -> Result<String, ApiError> {
    call.query("id").filter(|id| !id.is_empty()).ok_or_else(|| invalid("id", "is required: a userContext.id"))
}
