//! What is known of somebody: handed over and deleted, for account holders and for the end users of their products.

use crate::app::accounts::sign_in;
use crate::app::projects::{self, Actor};
use crate::app::runs::read;
use crate::app::{App, keys};
use crate::domain::account::audit::RecordedEvent;
use crate::domain::account::session::ListedSession;
use crate::domain::input::page::Page;
use crate::domain::project::settings::Project;
use crate::domain::timestamp::Timestamp;
use crate::domain::usage::HOUR_MS;
use crate::ports::PortError;
use crate::store;
use crate::store::erasure::{self, AT_ONCE};
use crate::store::usage::{self, UsageRun};
use crate::store::{audit, sessions};

/// Results are kept for a week, so of older runs there is none to delete.
const RESULTS_KEPT_MS: i64 = 7 * 24 * HOUR_MS;
/// Runs are kept one by one for 90 days; counts of them stay.
const RUNS_KEPT_MS: i64 = 90 * 24 * HOUR_MS;

/// Runs in one export. With 200 characters of source and 8 KiB of user context at most they are 9 MB, which an isolate
/// has room for; the rest is read page by page.
const MAX_EXPORTED_RUNS: u32 = 1_000;

/// Everything that is known of an account, of its runs the newest.
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
    /// Where its runs go on.
    pub next_cursor: Option<String>,
}

/// Collects an account's export.
pub async fn export_account(app: &App, user_id: &str) -> Result<Export, PortError> {
    let sessions = all(async |page| sign_in::list(app, user_id, &page).await).await?;
    let (mut owned, mut room) = (Vec::new(), MAX_EXPORTED_RUNS);
    for project in all(async |page| projects::list(app, user_id, &page).await).await? {
        let keys = all(async |page| keys::list(app, &project.id, &page).await).await?;
        // One of each project at least, because a page of none has no cursor to go on from.
        let page = Page::beginning(room.max(1));
        let (runs, next_cursor) = page.cut(usage::history(&*app.sql, &project.id, &page).await?, UsageRun::position);
        room = room.saturating_sub(u32::try_from(runs.len()).unwrap_or(u32::MAX));
        owned.push(ExportedProject { project, keys, runs, next_cursor });
    }
    let events = all(async |page| events_of_user(app, user_id, &page).await).await?;
    Ok(Export { sessions, projects: owned, events })
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

/// Deletes an account with its projects, keys, sessions and audit events. Where it fails in the middle, it may be
/// repeated as long as the session lives, which goes last.
pub async fn delete_account(app: &App, actor: &Actor<'_>, email: &str) -> Result<(), PortError> {
    for project in all(async |page| projects::list(app, actor.user_id, &page).await).await? {
        projects::delete(app, actor, &project.id).await?;
    }
    sessions::delete_user(&*app.sql, actor.user_id, email).await
}

/// What an account's holder did, the newest first, and the cursor of the next page.
pub async fn events_of_user(
    app: &App,
    user_id: &str,
    page: &Page,
) -> Result<(Vec<RecordedEvent>, Option<String>), PortError> {
    let rows = audit::list_of_user(&*app.sql, user_id, page).await?;
    Ok(page.cut(rows, RecordedEvent::position))
}

/// What was done with a project, which is the user's own.
pub async fn events_of_project(
    app: &App,
    project_id: &str,
    page: &Page,
) -> Result<(Vec<RecordedEvent>, Option<String>), PortError> {
    let rows = audit::list_of_project(&*app.sql, project_id, page).await?;
    Ok(page.cut(rows, RecordedEvent::position))
}

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

/// Deletes runs for one end user with their results, as many as one request can. Answers with how many, and whether
/// that was all.
pub async fn delete_end_user(app: &App, project_id: &str, end_user_id: &str) -> Result<(usize, bool), PortError> {
    // What is not flushed yet would come afterwards.
    for key_hash in store::keys::hashes(&*app.sql, project_id).await? {
        app.gates.flush(&key_hash).await?;
    }
    let erased = erasure::erase_end_user(&*app.sql, project_id, end_user_id, results_since(app)).await?;
    read::forget(app, &erased.recent_run_ids).await?;
    Ok((erased.count, erased.count < AT_ONCE))
}

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

fn results_since(app: &App) -> Timestamp {
    app.clock.now().plus_ms(-RESULTS_KEPT_MS)
}
