//! `/api/projects/:id/webhook-secret` and `/api/projects/:id/webhook-deliveries`: the webhooks of a project.

use crate::app::App;
use crate::app::actor::Actor;
use crate::app::webhooks::{self, NoReceiver};
use crate::domain::webhook::delivery::{Attempt, Delivery};
use crate::http::auth::caller::SignedIn;
use crate::http::error::ApiError;
use crate::http::request::call::{Call, invalid};
use crate::http::response::respond;
use crate::http::routes::projects::{find, not_found};
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use docle_api::webhooks::{CreatedWebhookSecret, WebhookAttempt, WebhookDelivery, WebhookDeliveryPage, WebhookSecret};

/// `POST /api/projects/:id/webhook-secret`.
pub async fn rotate_webhook_secret(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let project = find(app, &caller, call.param(0)).await?;
    let actor = Actor { user_id: caller.user_id(), origin: call.origin() };
    let (secret, stored) = webhooks::rotate_secret(app, &actor, &project.id).await?.ok_or_else(not_found)?;
    let created = CreatedWebhookSecret {
        secret: secret.to_text(),
        created_at: stored.created_at.into(),
        previous_until: stored.previous.map(|(_, until)| until.into()),
    };
    Ok(respond::json(StatusCode::CREATED, &created))
}

/// `GET /api/projects/:id/webhook-secret`.
pub async fn get_webhook_secret(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let project = find(app, &caller, call.param(0)).await?;
    let stored = webhooks::secrets(app, &project.id).await?;
    let now = app.clock.now();
    let state = match stored {
        None => WebhookSecret { created_at: None, previous_until: None, disabled_at: None },
        Some(stored) => WebhookSecret {
            created_at: Some(stored.created_at.into()),
            previous_until: stored.previous.filter(|(_, until)| *until > now).map(|(_, until)| until.into()),
            disabled_at: stored.disabled_at.map(Into::into),
        },
    };
    Ok(respond::json(StatusCode::OK, &state))
}

/// `DELETE /api/projects/:id/webhook-secret`.
pub async fn delete_webhook_secret(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let project = find(app, &caller, call.param(0)).await?;
    let actor = Actor { user_id: caller.user_id(), origin: call.origin() };
    webhooks::delete_secret(app, &actor, &project.id).await?;
    Ok(respond::empty())
}

/// `GET /api/projects/:id/webhook-deliveries`.
pub async fn list_webhook_deliveries(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let project = find(app, &caller, call.param(0)).await?;
    let (deliveries, next) = webhooks::deliveries(app, caller.user_id(), &project.id, &call.page()?).await?;
    let deliveries = deliveries.into_iter().map(encode).collect();
    Ok(respond::json(StatusCode::OK, &WebhookDeliveryPage { deliveries, next_cursor: next }))
}

/// The error for a run whose end cannot be reported.
pub fn refused(reason: NoReceiver) -> ApiError {
    match reason {
        NoReceiver::Url(clause) => invalid("webhook.url", clause),
        NoReceiver::NoSecret => invalid(
            "webhook",
            "needs a webhook secret of the project, which signs the report: make one with POST \
             /api/projects/:id/webhook-secret",
        ),
        NoReceiver::Unreadable(error) => error.into(),
    }
}

/// A report as its owner sees it, without the URL.
pub fn encode(delivery: Delivery) -> WebhookDelivery {
    let attempt = |Attempt { at, status, error }| WebhookAttempt { at: at.into(), status, error };
    WebhookDelivery {
        id: delivery.notice.id(),
        run_id: delivery.notice.run_id.to_string(),
        event: delivery.notice.event,
        host: delivery.notice.to.host,
        state: delivery.state,
        reason: delivery.reason,
        created_at: delivery.notice.at.into(),
        next_attempt_at: delivery.next_at.map(Into::into),
        attempts: delivery.attempts.into_iter().map(attempt).collect(),
    }
}
