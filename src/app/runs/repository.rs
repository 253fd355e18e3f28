//! Which repositories this deployment fetches.

use crate::app::context::App;
use crate::domain::run::repository;
use docle_protocol::Repository;

/// Whether this deployment fetches a repository. `called_at` is the URL of this service, as the client called it.
///
/// # Errors
/// A clause about the URL.
pub fn check(app: &App, repository: &Repository, called_at: &str) -> Result<(), String> {
    repository::check(repository, &app.config.own_hosts(called_at), app.config.is_development())
}
