//! The audit log: what users did with their accounts, projects and keys.

use crate::app::context::App;
use crate::domain::account::audit::RecordedEvent;
use crate::domain::input::page::Page;
use crate::ports::PortError;
use crate::store::audit;

/// The events of a user, the newest first, and the cursor of the next page.
pub async fn events_of_user(
    app: &App,
    user_id: &str,
    page: &Page,
) -> Result<(Vec<RecordedEvent>, Option<String>), PortError> {
    let rows = audit::list_of_user(&*app.sql, user_id, page).await?;
    Ok(page.cut(rows, RecordedEvent::position))
}

/// The events of a project that belongs to the user, the newest first, and the cursor of the next page.
pub async fn events_of_project(
    app: &App,
    project_id: &str,
    page: &Page,
) -> Result<(Vec<RecordedEvent>, Option<String>), PortError> {
    let rows = audit::list_of_project(&*app.sql, project_id, page).await?;
    Ok(page.cut(rows, RecordedEvent::position))
}
