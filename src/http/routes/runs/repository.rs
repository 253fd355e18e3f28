//! Which clients may start a run with the files of a repository, and which repositories.

use crate::app::App;
use crate::app::runs;
use crate::domain::run::request::RunRequest;
use crate::http::auth::key_error;
use crate::http::error::ApiError;
use docle_api::errors::FieldError;

/// Checks the repository of a request, if it has one. `called_at` is the URL of this service, as the client called it.
///
/// # Errors
/// The key is publishable, or this deployment does not fetch from there.
pub fn check(app: &App, request: &RunRequest, called_at: &str, is_publishable: bool) -> Result<(), ApiError> {
    let Some(repository) = &request.job.repo else { return Ok(()) };
    if is_publishable {
        return Err(key_error::publishable_key_fetches_not());
    }
    let refused = |message| ApiError::invalid(vec![FieldError { field: "repo.url".to_owned(), message }]);
    runs::repository::check(app, repository, called_at).map_err(refused)
}
