//! The hourly purge of everything that has expired.

use crate::app::accounts::sign_in;
use crate::app::context::App;
use crate::app::retention;
use crate::app::rooms;
use crate::app::sandboxes;
use crate::app::webhooks;
use crate::ports::PortError;

/// Deletes what has expired. A step that fails is logged, and the next purge repeats it; the other steps go on.
pub async fn purge(app: &App) {
    let note = |step: &str, done: Result<(), PortError>| {
        if let Err(error) = done {
            app.log_error(&format!("The purge could not delete all {step}."), &error);
        }
    };
    note("expired sessions and links", sign_in::purge_expired(app).await);
    note("rooms of deleted projects", rooms::delete_orphans(app).await);
    note("sandboxes of deleted projects", sandboxes::delete_orphans(app).await);
    note("logs of deleted projects", retention::delete_orphans(app).await);
    note("replaced webhook secrets", webhooks::purge_secrets(app).await);
    note("old counts of runs", retention::purge_hours(app).await);
}
