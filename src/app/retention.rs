//! How long runs and their results are kept.

use crate::app::context::App;
use crate::app::runs::read;
use crate::domain::timestamp::{HOUR_MS, Timestamp};
use crate::ports::PortError;
use crate::store::erasure::{self, AT_ONCE};

/// How long results are kept: a week. Older runs have no result to delete.
const RESULTS_KEPT_MS: i64 = 7 * 24 * HOUR_MS;
/// How long the rows of runs are kept: 90 days. The hourly counts stay.
const RUNS_KEPT_MS: i64 = 90 * 24 * HOUR_MS;

/// Deletes expired runs, and a limited number of runs of deleted projects. The next purges delete the others.
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
