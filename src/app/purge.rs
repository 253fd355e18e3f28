//! What happens once an hour: everything that has lost its meaning is deleted.

use crate::app::{App, privacy, rooms, sign_in};
use crate::ports::PortError;

/// Deletes what has expired. Repeating it changes nothing.
pub async fn purge(app: &App) -> Result<(), PortError> {
    sign_in::purge_expired(app).await?;
    rooms::delete_orphans(app).await?;
    privacy::purge_runs(app).await
}
