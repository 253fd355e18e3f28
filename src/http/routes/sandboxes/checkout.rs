//! `POST /api/v1/sandboxes/:id/git/checkout`: a repository into a directory.

use crate::app::App;
use crate::app::runs;
use crate::domain::sandbox::checkout::parse;
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::error::ApiError;
use crate::http::request::call::{Call, invalid};
use crate::http::response::respond;
use crate::http::routes::sandboxes::refusal::with_restored_from;
use crate::ports::http_messages::Response;
use crate::ports::sandboxes::Given;
use ::http::StatusCode;
use docle_api::sandboxes::CheckoutResult;

/// `POST …/git/checkout`.
pub async fn check_out_repository(app: &App, call: Call) -> Result<Response, ApiError> {
    let sandbox = SandboxCaller::extract(app, &call).await?.sandbox(app, &call).await?;
    let (id, called_at) = (format!("checkout_{}", hex::encode(app.random::<12>())), call.base_url(app));
    let job = parse(call.json().await?, id).map_err(ApiError::invalid)?;
    runs::repository::check(app, &job.repository, &called_at).map_err(|clause| invalid("url", clause))?;
    let Given { value, restored_from } = app.sandboxes.check_out(&sandbox, &job).await?;
    let result =
        CheckoutResult { url: job.repository.url, dir: value.path, commit: value.commit, branch: value.branch };
    Ok(with_restored_from(respond::json(StatusCode::OK, &result), restored_from))
}
