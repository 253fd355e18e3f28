//! The export of an account: a JSON document that is made page by page, so that its size does not matter.

use crate::app::accounts::sign_in;
use crate::app::context::App;
use crate::app::{audit, judges, keys, projects, sandboxes, webhooks};
use crate::domain::account::audit::RecordedEvent;
use crate::domain::account::session::ListedSession;
use crate::domain::input::page::Page;
use crate::domain::judge::stored::StoredJudge;
use crate::domain::project::settings::Project;
use crate::domain::usage_log::name::LogName;
use crate::domain::usage_log::query::{Filter, HistoryQuery, UsageRun};
use crate::domain::webhook::delivery::Delivery;
use crate::ports::PortError;
use bytes::Bytes;
use futures::channel::mpsc::{Sender, channel};
use futures::stream::{LocalBoxStream, once, select};
use futures::{FutureExt, SinkExt, StreamExt};
use serde::Serialize;

/// The most runs in one export. Clients read the other runs page by page.
const MAX_EXPORTED_RUNS: u32 = 1_000;
/// The most runs in memory. Each has at most 200 characters of source and 8 KiB of user context: 900 KB together.
const RUNS_AT_ONCE: u32 = 100;

/// How the parts of an export are written. The names are those of `docle_api::accounts::AccountExport`.
pub trait Encoder {
    fn session(&self, session: ListedSession) -> impl Serialize;
    fn project(&self, project: Project) -> impl Serialize;
    fn key(&self, key: keys::StoredKey) -> impl Serialize;
    fn sandbox(&self, sandbox: sandboxes::ListedSandbox) -> impl Serialize;
    fn judge(&self, judge: StoredJudge) -> impl Serialize;
    fn delivery(&self, delivery: Delivery) -> impl Serialize;
    fn run(&self, run: UsageRun) -> impl Serialize;
    fn event(&self, event: RecordedEvent) -> impl Serialize;
}

/// The export of a user in chunks; `account` is its member `account`. After a failure the document ends early, so that
/// it is no JSON: half an export must not look like a whole one.
pub fn export_account(
    app: &App,
    user_id: &str,
    account: &impl Serialize,
    encoder: impl Encoder + 'static,
) -> LocalBoxStream<'static, Bytes> {
    // One chunk waits for the client, and the next page is read when that is taken.
    let (sender, chunks) = channel(0);
    let (app, user_id) = (app.clone(), user_id.to_owned());
    let begin = format!("{{\"account\":{}", json(account));
    let written = async move {
        let mut document = Document { chunks: sender };
        if let Err(error) = write(&app, &user_id, begin, &encoder, &mut document).await {
            app.log_error("An export ended early.", &error);
        }
    };
    select(chunks, once(written.map(|()| None)).filter_map(async |none: Option<Bytes>| none)).boxed_local()
}

async fn write(
    app: &App,
    user_id: &str,
    begin: String,
    encoder: &impl Encoder,
    document: &mut Document,
) -> Result<(), PortError> {
    document.put(begin).await?;
    document.put(",\"sessions\":[".to_owned()).await?;
    let sessions = async |page: Page| sign_in::list(app, user_id, &page).await;
    document.list(sessions, |session| encoder.session(session)).await?;
    document.put("],\"projects\":[".to_owned()).await?;
    let (mut left, mut pages, mut is_first) = (MAX_EXPORTED_RUNS, Some(Page::first()), true);
    while let Some(page) = pages {
        let (owned, next) = projects::list(app, user_id, &page).await?;
        for project in owned {
            let comma = if std::mem::take(&mut is_first) { "" } else { "," };
            write_project(app, (user_id, project), encoder, comma, &mut left, document).await?;
        }
        pages = following(next);
    }
    document.put("],\"events\":[".to_owned()).await?;
    let events = async |page: Page| audit::events_of_user(app, user_id, &page).await;
    document.list(events, |event| encoder.event(event)).await?;
    document.put("]}".to_owned()).await
}

/// Writes a project of a user with its keys and its newest runs, of which `left` may follow in the export.
async fn write_project(
    app: &App,
    (user_id, project): (&str, Project),
    encoder: &impl Encoder,
    comma: &str,
    left: &mut u32,
    document: &mut Document,
) -> Result<(), PortError> {
    let (id, log) = (project.id.clone(), LogName::of_project(project.log_id));
    document.put(format!("{comma}{{\"project\":{},\"apiKeys\":[", json(&encoder.project(project)))).await?;
    document.list(async |page: Page| keys::list(app, &id, &page).await, |key| encoder.key(key)).await?;
    document.put("],\"sandboxes\":[".to_owned()).await?;
    document
        .list(async |page: Page| sandboxes::list(app, &id, &page).await, |sandbox| encoder.sandbox(sandbox))
        .await?;
    document.put("],\"judges\":[".to_owned()).await?;
    document.list(async |page: Page| judges::list(app, &id, &page).await, |judge| encoder.judge(judge)).await?;
    document.put("],\"webhook_deliveries\":[".to_owned()).await?;
    let deliveries = async |page: Page| webhooks::deliveries(app, user_id, &id, &page).await;
    document.list(deliveries, |delivery| encoder.delivery(delivery)).await?;
    document.put("],\"history\":[".to_owned()).await?;
    // At least one run of each project, because an empty page has no cursor to continue from.
    let (mut room, mut cursor, mut is_first) = ((*left).max(1), None, true);
    loop {
        let page = Page::of(room.min(RUNS_AT_ONCE), cursor.as_deref());
        let rows = app.logs.history(log, &HistoryQuery::of(Filter::All, &page, 0)).await?;
        let (runs, next) = page.cut(rows, UsageRun::position);
        let count = u32::try_from(runs.len()).unwrap_or(u32::MAX);
        document.items(runs, &mut is_first, |run| encoder.run(run)).await?;
        (room, *left) = (room.saturating_sub(count), left.saturating_sub(count));
        cursor = next;
        if room == 0 || cursor.is_none() {
            break;
        }
    }
    document.put(format!("],\"next_cursor\":{}}}", json(&cursor))).await
}

/// The document on its way to the client.
struct Document {
    chunks: Sender<Bytes>,
}

impl Document {
    /// Sends a piece, and waits until the client takes it.
    async fn put(&mut self, text: String) -> Result<(), PortError> {
        self.chunks.send(text.into()).await.map_err(|_| PortError("The client has left.".to_owned()))
    }

    /// Sends items of a list, each page in one piece.
    async fn items<T, S: Serialize>(
        &mut self,
        items: Vec<T>,
        is_first: &mut bool,
        encode: impl Fn(T) -> S,
    ) -> Result<(), PortError> {
        let mut text = String::new();
        for item in items {
            text.push_str(if std::mem::take(is_first) { "" } else { "," });
            text.push_str(&json(&encode(item)));
        }
        if text.is_empty() { Ok(()) } else { self.put(text).await }
    }

    /// Sends all pages of a list.
    async fn list<T, S: Serialize>(
        &mut self,
        read: impl AsyncFn(Page) -> Result<(Vec<T>, Option<String>), PortError>,
        encode: impl Fn(T) -> S,
    ) -> Result<(), PortError> {
        let (mut pages, mut is_first) = (Some(Page::first()), true);
        while let Some(page) = pages {
            let (items, next) = read(page).await?;
            self.items(items, &mut is_first, &encode).await?;
            pages = following(next);
        }
        Ok(())
    }
}

/// The page that a cursor leads to.
pub fn following(cursor: Option<String>) -> Option<Page> {
    Page::parse(None, Some(&cursor?)).ok()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("an export is plain data with string keys, which always encodes")
}
