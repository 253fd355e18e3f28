//! The end users of a project: their runs, read and deleted.

use crate::app::context::App;
use crate::app::retention::results_since;
use crate::app::runs::read;
use crate::domain::input::page::Page;
use crate::ports::PortError;
use crate::store;
use crate::store::erasure::{self, AT_ONCE};
use crate::store::usage::{self, UsageRun};

/// The runs for one end user of a project, which is the caller's own, and the cursor of the next page.
pub async fn runs_of_end_user(
    app: &App,
    project_id: &str,
    end_user_id: &str,
    page: &Page,
) -> Result<(Vec<UsageRun>, Option<String>), PortError> {
    let rows = usage::history_of_end_user(&*app.sql, project_id, end_user_id, page).await?;
    Ok(page.cut(rows, UsageRun::position))
}

/// Deletes runs for one end user with their results, as many as one request can. Returns how many, and whether no more
/// are left.
pub async fn delete_end_user(app: &App, project_id: &str, end_user_id: &str) -> Result<(usize, bool), PortError> {
    // Usage that is still pending would appear after the deletion.
    app.run_pools.flush(project_id).await?;
    for key_hash in store::keys::hashes(&*app.sql, project_id).await? {
        app.gates.flush(&key_hash).await?;
    }
    let erased = erasure::erase_end_user(&*app.sql, project_id, end_user_id, results_since(app)).await?;
    read::forget(app, &erased.recent_run_ids).await?;
    Ok((erased.count, erased.count < AT_ONCE))
}
