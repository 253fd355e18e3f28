//! Webhooks: the secret of a project, and where the end of a run is reported.

use crate::app::actor::Actor;
use crate::app::context::App;
use crate::domain::account::audit::Action;
use crate::domain::input::page::Page;
use crate::domain::webhook::delivery::Delivery;
use crate::domain::webhook::notice::Receiver;
use crate::domain::webhook::sealed::{current_range, open, seal};
use crate::domain::webhook::secret::SigningSecret;
use crate::domain::webhook::url::WebhookUrl;
use crate::ports::PortError;
use crate::ports::webhooks::{ReportsOf, StoredSecrets};
use crate::store::webhooks;

/// Secrets that one query of the purge reads.
const PAGE: u32 = 100;
/// The most secrets that one purge encrypts anew: each is a query of the thousand that a Worker may make for one request.
const MAX_RESEALED: u32 = 500;

/// Makes the secret of a project, which is the user's own, and switches its webhooks on. `None` if the project is gone.
pub async fn rotate_secret(
    app: &App,
    actor: &Actor<'_>,
    project_id: &str,
) -> Result<Option<(SigningSecret, StoredSecrets)>, PortError> {
    let secret = SigningSecret::from_random(app.random());
    let sealed = seal(&app.secret, project_id, &secret, app.random());
    let event = actor.event(app, Action::WebhookSecretMade, project_id, project_id);
    let stored = webhooks::rotate(&*app.sql, actor.user_id, project_id, (&sealed, app.clock.now()), event).await?;
    let Some(stored) = stored else { return Ok(None) };
    app.webhooks.resume(actor.user_id, project_id).await?;
    Ok(Some((secret, stored)))
}

/// The secrets of a project, encrypted; `None` if it has none.
pub async fn secrets(app: &App, project_id: &str) -> Result<Option<StoredSecrets>, PortError> {
    webhooks::find(&*app.sql, project_id).await
}

/// Deletes the secrets of a project, which is the user's own, and its reports. It may be repeated.
pub async fn delete_secret(app: &App, actor: &Actor<'_>, project_id: &str) -> Result<(), PortError> {
    let event = actor.event(app, Action::WebhookSecretDeleted, project_id, project_id);
    webhooks::delete(&*app.sql, actor.user_id, project_id, event).await?;
    erase(app, actor.user_id, project_id).await
}

/// Deletes all reports of a project.
pub async fn erase(app: &App, user_id: &str, project_id: &str) -> Result<(), PortError> {
    app.webhooks.erase(user_id, &ReportsOf::Project(project_id.to_owned())).await
}

/// The reports of a project, which is the user's own, and the cursor of the next page.
pub async fn deliveries(
    app: &App,
    user_id: &str,
    project_id: &str,
    page: &Page,
) -> Result<(Vec<Delivery>, Option<String>), PortError> {
    let rows = app.webhooks.deliveries(user_id, project_id, page).await?;
    Ok(page.cut(rows, Delivery::position))
}

/// Deletes secrets that sign no more, and encrypts those with the current secret of the deployment that have an earlier one, so that
/// the earlier one can be removed after a day.
pub async fn purge_secrets(app: &App) -> Result<(), PortError> {
    webhooks::purge_previous(&*app.sql, app.clock.now()).await?;
    let current = current_range(&app.secret);
    let mut after = String::new();
    for _ in 0..MAX_RESEALED / PAGE {
        let found = webhooks::outside(&*app.sql, &current, &after, PAGE).await?;
        for (project_id, stored) in &found {
            // What was encrypted with a secret that is gone stays unreadable. Its owner makes a new one.
            let seal_again = |sealed: &str| {
                let secret = open(&app.secret, project_id, sealed)?;
                Some(seal(&app.secret, project_id, &secret, app.random()))
            };
            let previous = stored.previous.as_ref().and_then(|(sealed, _)| seal_again(sealed));
            if let Some(sealed) = seal_again(&stored.sealed) {
                webhooks::reseal(&*app.sql, project_id, &stored.sealed, (&sealed, previous)).await?;
            }
        }
        match found.into_iter().next_back() {
            Some((last, _)) => after = last,
            None => break,
        }
    }
    Ok(())
}

/// Why no report goes to a URL.
pub enum NoReceiver {
    /// A clause about the URL.
    Url(String),
    /// The project has no secret.
    NoSecret,
    Unreadable(PortError),
}

/// Where the end of a run of this project is reported. `called_at` is the URL of this service, as the client called it.
///
/// # Errors
/// No report goes there.
pub async fn receiver(app: &App, url: WebhookUrl, project_id: &str, called_at: &str) -> Result<Receiver, NoReceiver> {
    url.check(&app.config.own_hosts(called_at), app.config.is_development()).map_err(NoReceiver::Url)?;
    let found = webhooks::find_with_owner(&*app.sql, project_id).await.map_err(NoReceiver::Unreadable)?;
    let (_, account) = found.ok_or(NoReceiver::NoSecret)?;
    Ok(Receiver { url: url.text, host: url.host, account })
}
