//! What happens once an hour: everything that has lost its meaning is deleted.

use crate::app::App;
use crate::app::accounts::privacy;
use crate::app::accounts::sign_in;
use crate::app::rooms;
use crate::ports::PortError;

/// Deletes what has expired. Repeating it changes nothing.
pub async fn purge(app: &App) -> Result<(), PortError> {
    sign_in::purge_expired(app).await?;
    rooms::delete_orphans(app).await?;
    privacy::purge_runs(app).await
}
