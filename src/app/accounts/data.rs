//! The deletion of an account with everything in it.

use crate::app::accounts::export::following;
use crate::app::actor::Actor;
use crate::app::context::App;
use crate::app::projects;
use crate::domain::input::page::Page;
use crate::ports::PortError;
use crate::store::sessions;

/// Deletes an account with its projects, keys, sessions and audit events. After an error it may be repeated, because
/// the session is deleted last.
pub async fn delete_account(app: &App, actor: &Actor<'_>, email: &str) -> Result<(), PortError> {
    let mut pages = Some(Page::first());
    while let Some(page) = pages {
        let (owned, next) = projects::list(app, actor.user_id, &page).await?;
        for project in owned {
            projects::delete(app, actor, &project.id).await?;
        }
        // A cursor is a place in the order, so the deletion of what came before it does not move it.
        pages = following(next);
    }
    sessions::delete_user(&*app.sql, actor.user_id, email).await
}
