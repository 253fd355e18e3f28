//! How long runs and their results are kept.

use crate::app::context::App;
use crate::app::runs::read;
use crate::domain::timestamp::{HOUR_MS, Timestamp};
use crate::ports::PortError;
use crate::store::erasure::{self, AT_ONCE};

/// Results are kept for a week, so of older runs there is none to delete.
const RESULTS_KEPT_MS: i64 = 7 * 24 * HOUR_MS;
/// Runs are kept one by one for 90 days; counts of them stay.
const RUNS_KEPT_MS: i64 = 90 * 24 * HOUR_MS;

/// Deletes runs that are kept no longer, and some of those whose project is gone: the rest in the hours to come.
pub async fn purge_runs(app: &App) -> Result<(), PortError> {
    while erasure::erase_old(&*app.sql, app.clock.now().plus_ms(-RUNS_KEPT_MS)).await? {}
    let mut results = 0;
    while results < AT_ONCE {
        let Some(erased) = erasure::erase_orphans(&*app.sql, results_since(app)).await? else { break };
        read::forget(app, &erased.recent_run_ids).await?;
        results += erased.recent_run_ids.len();
    }
    Ok(())
}

/// The time since which results are kept.
pub fn results_since(app: &App) -> Timestamp {
    app.clock.now().plus_ms(-RESULTS_KEPT_MS)
}
