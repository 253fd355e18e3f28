//! `/auth/export` and `DELETE /auth/me`: an account's own data.

use crate::app::App;
use crate::app::accounts::data;
use crate::app::actor::Actor;
use crate::http::auth::caller::SignedIn;
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::request::cookie;
use crate::http::response::respond;
use crate::http::routes::accounts::sign_in;
use crate::http::routes::{audit, keys, projects, usage};
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use ::http::header::SET_COOKIE;
use docle_api::accounts::{AccountExport, ExportedProject};

/// `GET /auth/export`: the account, its sessions, its projects with their keys, and its audit events.
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
        events: export.events.into_iter().map(audit::encode_event).collect(),
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
