//! Which repositories this deployment fetches.

use crate::app::context::App;
use crate::domain::host::host_of;
use crate::domain::run::repository;
use docle_protocol::Repository;

/// Whether this deployment fetches a repository. `called_at` is the URL of this service, as the client called it.
///
/// # Errors
/// A clause about the URL.
pub fn check(app: &App, repository: &Repository, called_at: &str) -> Result<(), String> {
    let ours = [Some(called_at), app.config.public_url.as_deref(), app.config.app_url.as_deref()];
    let hosts: Vec<String> = ours.into_iter().flatten().map(host_of).collect();
    repository::check(repository, &hosts, app.config.is_development())
}
