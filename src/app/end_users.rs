//! The end users of a project: their runs, read and deleted.

use crate::app::context::App;
use crate::domain::input::page::Page;
use crate::domain::project::settings::Project;
use crate::domain::usage_log::name::LogName;
use crate::domain::usage_log::query::{Erased, Filter, HistoryQuery, UsageRun};
use crate::ports::PortError;
use crate::ports::webhooks::ReportsOf;

/// The runs for one end user of a project, which is the caller's own, and the cursor of the next page.
pub async fn runs_of_end_user(
    app: &App,
    project: &Project,
    end_user_id: &str,
    page: &Page,
) -> Result<(Vec<UsageRun>, Option<String>), PortError> {
    let query = HistoryQuery::of(Filter::EndUser(end_user_id.to_owned()), page, 0);
    let rows = app.logs.history(LogName::of_project(project.log_id), &query).await?;
    Ok(page.cut(rows, UsageRun::position))
}

/// Deletes runs for one end user of a project of the user with their results and their reports, as many as one request can.
/// Runs that have begun and not ended are not recorded.
pub async fn delete_end_user(
    app: &App,
    user_id: &str,
    project: &Project,
    end_user_id: &str,
) -> Result<Erased, PortError> {
    // Runs that wait in the pool are dropped by the log, and what they have in KV is deleted.
    app.run_pools.flush(&project.id).await?;
    let reports = ReportsOf::EndUser { project_id: project.id.clone(), end_user_id: end_user_id.to_owned() };
    app.webhooks.erase(user_id, &reports).await?;
    app.logs.erase_end_user(LogName::of_project(project.log_id), end_user_id).await
}
