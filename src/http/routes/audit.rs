//! `/auth/audit` and `/api/projects/:id/audit`: the audit log.

use crate::app::App;
use crate::app::audit;
use crate::domain::account::audit::{Origin, RecordedEvent};
use crate::http::auth::caller::SignedIn;
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::http::routes::projects;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use docle_api::accounts::{Event, EventPage};

/// `GET /auth/audit`: what the signed-in user did.
pub async fn list_own_events(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract(app, &call).await?;
    let (events, next) = audit::events_of_user(app, caller.user_id(), &call.page()?).await?;
    Ok(events_page(events, next))
}

/// `GET /api/projects/:id/audit`: what was done with a project.
pub async fn list_project_events(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let project = projects::find(app, &caller, call.param(0)).await?;
    let (mut events, next) = audit::events_of_project(app, &project.id, &call.page()?).await?;
    if caller.only_project.is_some() {
        // Where the owner was is none of a server's business.
        events.iter_mut().for_each(|event| event.origin = Origin::default());
    }
    Ok(events_page(events, next))
}

fn events_page(events: Vec<RecordedEvent>, next_cursor: Option<String>) -> Response {
    let events = events.into_iter().map(encode_event).collect();
    respond::json(StatusCode::OK, &EventPage { events, next_cursor })
}

/// An audit event, as the API gives it.
pub fn encode_event(event: RecordedEvent) -> Event {
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
