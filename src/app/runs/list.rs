//! Lists the runs of a project: those that have not ended, and its history.

use crate::app::context::App;
use crate::domain::input::page::Page;
use crate::domain::usage_log::name::{LogId, LogName};
use crate::domain::usage_log::query::{Filter, HistoryQuery, RunFilter, UsageRun};
use crate::ports::{ListedRun, PortError};
use docle_api::pending_runs::PendingStatus;

/// Runs of a project, the newest first.
pub struct ListedRuns {
    /// Those that have not ended; `None` if the pool of the project does not answer.
    pub pending: Option<Vec<ListedRun>>,
    /// A page of those that have ended.
    pub ended: Vec<UsageRun>,
    /// The cursor of the next page.
    pub next: Option<String>,
}

/// The runs that match the filter, of the project with this id and this log. Those that have not ended are on the first page.
pub async fn list_runs(
    app: &App,
    (project_id, log): (&str, LogId),
    filter: RunFilter,
    page: &Page,
) -> Result<ListedRuns, PortError> {
    let is_pending = |status: &String| PendingStatus::ALL.iter().any(|pending| pending.name() == status);
    let asks_pending = filter.status.as_ref().map(is_pending);
    let pending = match asks_pending != Some(false) && page.is_first() {
        // Before the history is read: a run that ends meanwhile is in both, and not in neither.
        true => pending_runs(app, project_id, &filter).await,
        false => Some(Vec::new()),
    };
    if asks_pending == Some(true) {
        return Ok(ListedRuns { pending, ended: Vec::new(), next: None });
    }
    let query = HistoryQuery::of(Filter::Runs(filter), page, 0);
    let (ended, next) = page.cut(app.logs.history(LogName::of_project(log), &query).await?, UsageRun::position);
    let has_ended = |run: &ListedRun| ended.iter().any(|other| other.run_id == run.id.to_string());
    let pending = pending.map(|runs| runs.into_iter().filter(|run| !has_ended(run)).collect());
    Ok(ListedRuns { pending, ended, next })
}

async fn pending_runs(app: &App, project_id: &str, filter: &RunFilter) -> Option<Vec<ListedRun>> {
    let listed = app.run_pools.list(project_id, filter).await;
    listed
        .inspect_err(|failure| app.log_error("A pool did not list its runs.", &PortError(failure.message.clone())))
        .ok()
}
