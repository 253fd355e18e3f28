//! Export and deletion of what is known of somebody, and the audit log.

use crate::app::App;
use crate::app::accounts::data;
use crate::app::actor::Actor;
use crate::app::{audit, end_users};
use crate::domain::account::audit::RecordedEvent;
use crate::http::auth::caller::SignedIn;
use crate::http::error::ApiError;
use crate::http::request::call::{Call, invalid};
use crate::http::request::cookie;
use crate::http::response::respond;
use crate::http::routes::accounts::sign_in;
use crate::http::routes::{keys, projects, usage};
use crate::ports::exchange::Response;
use ::http::StatusCode;
use ::http::header::SET_COOKIE;
use docle_api::accounts::{AccountExport, Event, EventPage, ExportedProject};
use docle_api::end_users::{Deletion, RunPage};

/// `GET /auth/export`: the account, where it is signed in, its projects with their keys, what it did.
pub async fn export_account(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract(app, &call).await?;
    let export = data::export_account(app, caller.user_id()).await?;
    let now = app.clock.now();
    let projects = export.projects.into_iter().map(|owned| ExportedProject {
        project: projects::encode(owned.project),
        api_keys: owned.keys.into_iter().map(|key| keys::encode(key, now)).collect(),
        history: owned.runs.into_iter().map(usage::encode_run).collect(),
        next_cursor: owned.next_cursor,
    });
    let body = AccountExport {
        account: sign_in::encode_account(&caller.session),
        projects: projects.collect(),
        sessions: export.sessions.into_iter().map(|one| sign_in::encode_session(one, &caller.session.id)).collect(),
        events: export.events.into_iter().map(encode_event).collect(),
    };
    Ok(respond::json(StatusCode::OK, &body))
}

/// `DELETE /auth/me`: the account with everything in it.
pub async fn delete_account(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract(app, &call).await?;
    let actor = Actor { user_id: caller.user_id(), origin: call.origin() };
    data::delete_account(app, &actor, &caller.session.email).await?;
    let mut response = respond::empty();
    response.headers_mut().insert(SET_COOKIE, cookie::clear(&call.base_url(app)));
    Ok(response)
}

/// `GET /auth/audit`: what one did oneself.
pub async fn list_own_events(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract(app, &call).await?;
    let (events, next) = audit::events_of_user(app, caller.user_id(), &call.page()?).await?;
    Ok(events_page(events, next))
}

/// `GET /api/projects/:id/audit`: what was done with a project.
pub async fn list_project_events(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract(app, &call).await?;
    let project = projects::find(app, &caller, call.param(0)).await?;
    let (events, next) = audit::events_of_project(app, &project.id, &call.page()?).await?;
    Ok(events_page(events, next))
}

/// `GET /api/projects/:id/end-users?id=`: the runs for one end user.
pub async fn export_end_user(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract(app, &call).await?;
    let project = projects::find(app, &caller, call.param(0)).await?;
    let (runs, next) = end_users::runs_of_end_user(app, &project.id, &end_user(&call)?, &call.page()?).await?;
    let history = runs.into_iter().map(usage::encode_run).collect();
    Ok(respond::json(StatusCode::OK, &RunPage { history, next_cursor: next }))
}

/// `DELETE /api/projects/:id/end-users?id=`: the runs for one end user with their results. `complete` says whether that
/// was all of them; where it was not, the call is to be repeated.
pub async fn delete_end_user(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract(app, &call).await?;
    let project = projects::find(app, &caller, call.param(0)).await?;
    let (count, complete) = end_users::delete_end_user(app, &project.id, &end_user(&call)?).await?;
    Ok(respond::json(StatusCode::OK, &Deletion { deleted_runs: count, complete }))
}

fn end_user(call: &Call) -> Result<String, ApiError> {
    call.query("id").filter(|id| !id.is_empty()).ok_or_else(|| invalid("id", "is required: a userContext.id"))
}

fn events_page(events: Vec<RecordedEvent>, next_cursor: Option<String>) -> Response {
    let events = events.into_iter().map(encode_event).collect();
    respond::json(StatusCode::OK, &EventPage { events, next_cursor })
}

fn encode_event(event: RecordedEvent) -> Event {
    Event {
        id: event.id,
        action: event.action,
        subject: event.subject,
        project_id: event.project_id,
        created_at: event.at.into(),
        ip_address: event.origin.ip,
        user_agent: event.origin.user_agent,
    }
}
