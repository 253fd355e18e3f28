//! `/auth/export` and `DELETE /auth/me`: an account's own data.

use crate::app::App;
use crate::app::accounts::{data, export};
use crate::app::actor::Actor;
use crate::app::keys::StoredKey;
use crate::app::sandboxes::ListedSandbox;
use crate::domain::account::audit::RecordedEvent;
use crate::domain::account::session::ListedSession;
use crate::domain::judge::stored::StoredJudge;
use crate::domain::project::settings::Project;
use crate::domain::timestamp::Timestamp;
use crate::domain::usage_log::query::UsageRun;
use crate::domain::webhook::delivery::Delivery;
use crate::http::auth::caller::SignedIn;
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::request::cookie;
use crate::http::response::respond;
use crate::http::routes::accounts::sign_in;
use crate::http::routes::sandboxes::sandbox;
use crate::http::routes::{audit, judges, keys, projects, usage, webhooks};
use crate::ports::http_messages::{Body, Response};
use ::http::header::{CONTENT_TYPE, HeaderValue, SET_COOKIE};
use serde::Serialize;

/// `GET /auth/export`: the account, its sessions, its projects with their keys and sandboxes, and its audit events.
pub async fn export_account(app: &App, call: Call) -> Result<Response, ApiError> {
    let SignedIn { session, .. } = SignedIn::extract(app, &call).await?;
    let account = sign_in::encode_account(&session);
    let encoder = Encoder { session_id: session.id, now: app.clock.now() };
    let mut response = Response::new(Body::Stream(export::export_account(app, &session.user_id, &account, encoder)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Writes the parts of an export as other routes do.
struct Encoder {
    /// The session that the caller is in.
    session_id: String,
    now: Timestamp,
}

impl export::Encoder for Encoder {
    fn session(&self, session: ListedSession) -> impl Serialize {
        sign_in::encode_session(session, &self.session_id)
    }

    fn project(&self, project: Project) -> impl Serialize {
        projects::encode(project)
    }

    fn key(&self, key: StoredKey) -> impl Serialize {
        keys::encode(key, self.now)
    }

    fn sandbox(&self, sandbox: ListedSandbox) -> impl Serialize {
        sandbox::encode_listed(sandbox)
    }

    fn judge(&self, judge: StoredJudge) -> impl Serialize {
        judges::encode(judge)
    }

    fn delivery(&self, delivery: Delivery) -> impl Serialize {
        webhooks::encode(delivery)
    }

    fn run(&self, run: UsageRun) -> impl Serialize {
        usage::encode_run(run)
    }

    fn event(&self, event: RecordedEvent) -> impl Serialize {
        audit::encode_event(event)
    }
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
