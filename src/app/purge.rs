//! The hourly purge of everything that has expired.

use crate::app::accounts::sign_in;
use crate::app::context::App;
use crate::app::retention;
use crate::app::rooms;
use crate::ports::PortError;

/// Deletes what has expired. Repeating it changes nothing.
pub async fn purge(app: &App) -> Result<(), PortError> {
    sign_in::purge_expired(app).await?;
    rooms::delete_orphans(app).await?;
    retention::purge_runs(app).await
}
