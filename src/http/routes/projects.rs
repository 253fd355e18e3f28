//! `/api/projects`: the user's projects.

use crate::app::App;
use crate::app::actor::Actor;
use crate::app::projects;
use crate::app::quotas;
use crate::domain::account::quota::Quota;
use crate::domain::project::settings::{self, Project};
use crate::http::auth::caller::SignedIn;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::Call;
use crate::http::response::{quota, respond};
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use docle_api::projects::{ProjectPage, UsedIsolateSettings};

/// `POST /api/projects`.
pub async fn create_project(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract(app, &call).await?;
    let actor = Actor { user_id: caller.user_id(), origin: call.origin() };
    let settings = settings::parse_new(call.json().await?).map_err(ApiError::invalid)?;
    let project = projects::create(app, &actor, &quotas::limits(app, &caller.session), settings).await?;
    let response = respond::json(StatusCode::CREATED, &encode(project));
    Ok(quota::with_header(app, &caller.session, Quota::Projects, response).await)
}

/// `GET /api/projects`.
pub async fn list_projects(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract(app, &call).await?;
    let (projects, next) = projects::list(app, caller.user_id(), &call.page()?).await?;
    let projects = projects.into_iter().map(encode).collect();
    Ok(respond::json(StatusCode::OK, &ProjectPage { projects, next_cursor: next }))
}

/// `GET /api/projects/:id`.
pub async fn get_project(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let project = find(app, &caller, call.param(0)).await?;
    Ok(respond::json(StatusCode::OK, &encode(project)))
}

/// `PATCH /api/projects/:id`.
pub async fn change_project(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let project = find(app, &caller, call.param(0)).await?;
    let settings = settings::parse_change(call.json().await?, project.settings).map_err(ApiError::invalid)?;
    let project = projects::change(app, caller.user_id(), Project { settings, ..project }).await?;
    Ok(respond::json(StatusCode::OK, &encode(project)))
}

/// `DELETE /api/projects/:id`: with its keys and its statistics.
pub async fn delete_project(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract(app, &call).await?;
    let actor = Actor { user_id: caller.user_id(), origin: call.origin() };
    if projects::delete(app, &actor, call.param(0)).await? {
        return Ok(respond::empty());
    }
    Err(not_found())
}

/// One of the caller's projects, or the answer that there is none.
pub async fn find(app: &App, caller: &SignedIn, id: &str) -> Result<Project, ApiError> {
    if !caller.may_reach(id) {
        return Err(not_found());
    }
    projects::read(app, caller.user_id(), id).await?.ok_or_else(not_found)
}

/// The answer that the caller has no such project.
pub fn not_found() -> ApiError {
    ApiError::new(ErrorCode::ProjectNotFound, "You have no project with this id.")
}

/// A project as its owner sees it.
pub fn encode(project: Project) -> docle_api::projects::Project {
    let Project { id, log_id: _, settings, created_at } = project;
    docle_api::projects::Project {
        id,
        name: settings.name,
        store_ip: settings.store_ip,
        private_results: settings.private_results,
        isolates: UsedIsolateSettings {
            allowed_domains: settings.isolates.allowed_domains,
            database: settings.isolates.database,
        },
        created_at: created_at.into(),
    }
}
