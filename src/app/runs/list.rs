//! Lists the runs of a project that have ended, out of its history.

use crate::app::context::App;
use crate::domain::input::page::Page;
use crate::domain::usage_log::name::{LogId, LogName};
use crate::domain::usage_log::query::{Filter, HistoryQuery, RunFilter, UsageRun};
use crate::ports::PortError;

/// The runs of the project with this log that match the filter, the newest first, and the cursor of the next page.
pub async fn list_runs(
    app: &App,
    log: LogId,
    filter: RunFilter,
    page: &Page,
) -> Result<(Vec<UsageRun>, Option<String>), PortError> {
    let query = HistoryQuery::of(Filter::Runs(filter), page, 0);
    let rows = app.logs.history(LogName::of_project(log), &query).await?;
    Ok(page.cut(rows, UsageRun::position))
}
