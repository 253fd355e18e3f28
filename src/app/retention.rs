//! How long the database keeps counts of runs, and the logs of projects that are gone.

use crate::app::context::App;
use crate::domain::timestamp::DAY_MS;
use crate::domain::usage_log::name::{LogId, LogName};
use crate::ports::PortError;
use crate::store::{erasure, usage};

/// How long the counts of an hour stay in the database: a year, and some weeks to compare it with the year before.
const HOURS_KEPT_MS: i64 = 400 * DAY_MS;
/// Logs that one query lists.
const PAGE: u32 = 100;
/// The most logs that one purge tries to delete: half of the thousand calls that a Worker may make for one request.
const MAX_PURGED: usize = 500;

/// Deletes counts of hours that have expired. The logs delete expired runs themselves.
pub async fn purge_hours(app: &App) -> Result<(), PortError> {
    while usage::delete_hours_before(&*app.sql, app.clock.now().plus_ms(-HOURS_KEPT_MS)).await? {}
    Ok(())
}

/// Deletes the log of a project that is gone. If something is left, the log goes on by itself, and the purge asks again.
pub async fn delete_log(app: &App, log: LogId) -> Result<(), PortError> {
    if app.logs.delete(LogName::of_project(log)).await? {
        erasure::forget_orphan(&*app.sql, log).await?;
    }
    Ok(())
}

/// Deletes logs that the deletion of their projects has left, as many as one purge may. One that fails is logged and skipped.
pub async fn delete_orphans(app: &App) -> Result<(), PortError> {
    let (mut after, mut tried) = (LogId::default(), 0);
    while tried < MAX_PURGED {
        let logs = erasure::orphans(&*app.sql, after, PAGE).await?;
        let Some(last) = logs.last() else { break };
        after = *last;
        tried += logs.len();
        for log in logs {
            if let Err(error) = delete_log(app, log).await {
                app.log_error("The log of a deleted project could not be deleted.", &error);
            }
        }
    }
    Ok(())
}
