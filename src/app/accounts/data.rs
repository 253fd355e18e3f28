//! An account's own data: exported, and deleted with the account.

use crate::app::accounts::sign_in;
use crate::app::actor::Actor;
use crate::app::context::App;
use crate::app::{audit, keys, projects};
use crate::domain::account::audit::RecordedEvent;
use crate::domain::account::session::ListedSession;
use crate::domain::input::page::Page;
use crate::domain::project::settings::Project;
use crate::ports::PortError;
use crate::store::sessions;
use crate::store::usage::{self, UsageRun};

/// The most runs in one export. Each has at most 200 characters of source and 8 KiB of user context. Together they have
/// 9 MB, which fits into an isolate. Clients read the other runs page by page.
const MAX_EXPORTED_RUNS: u32 = 1_000;

/// Everything that is stored about an account, with the newest of its runs.
pub struct Export {
    pub sessions: Vec<ListedSession>,
    pub projects: Vec<ExportedProject>,
    pub events: Vec<RecordedEvent>,
}

/// A project with its keys and runs.
pub struct ExportedProject {
    pub project: Project,
    pub keys: Vec<keys::StoredKey>,
    pub runs: Vec<UsageRun>,
    /// The cursor of the runs that are not in the export.
    pub next_cursor: Option<String>,
}

/// Collects an account's export.
pub async fn export_account(app: &App, user_id: &str) -> Result<Export, PortError> {
    let sessions = all(async |page| sign_in::list(app, user_id, &page).await).await?;
    let (mut owned, mut room) = (Vec::new(), MAX_EXPORTED_RUNS);
    for project in all(async |page| projects::list(app, user_id, &page).await).await? {
        let keys = all(async |page| keys::list(app, &project.id, &page).await).await?;
        // At least one run of each project, because an empty page has no cursor to continue from.
        let page = Page::beginning(room.max(1));
        let (runs, next_cursor) = page.cut(usage::history(&*app.sql, &project.id, &page).await?, UsageRun::position);
        room = room.saturating_sub(u32::try_from(runs.len()).unwrap_or(u32::MAX));
        owned.push(ExportedProject { project, keys, runs, next_cursor });
    }
    let events = all(async |page| audit::events_of_user(app, user_id, &page).await).await?;
    Ok(Export { sessions, projects: owned, events })
}

/// Deletes an account with its projects, keys, sessions and audit events. After an error it may be repeated, because
/// the session is deleted last.
pub async fn delete_account(app: &App, actor: &Actor<'_>, email: &str) -> Result<(), PortError> {
    for project in all(async |page| projects::list(app, actor.user_id, &page).await).await? {
        projects::delete(app, actor, &project.id).await?;
    }
    sessions::delete_user(&*app.sql, actor.user_id, email).await
}

/// All pages of a list.
async fn all<T>(list: impl AsyncFn(Page) -> Result<(Vec<T>, Option<String>), PortError>) -> Result<Vec<T>, PortError> {
    let (mut items, mut page) = (Vec::new(), Page::first());
    loop {
        let (more, next) = list(page).await?;
        items.extend(more);
        match next.map(|cursor| Page::parse(None, Some(&cursor))) {
            Some(Ok(next)) => page = next,
            _ => return Ok(items),
        }
    }
}
