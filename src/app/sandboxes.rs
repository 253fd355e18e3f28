//! Sandboxes: what a project can do with its own.

use crate::app::context::App;
use crate::app::quotas::{self, QuotaRefusal};
use crate::domain::account::amounts::MEGABYTE;
use crate::domain::account::quota::{Quota, QuotaExceeded};
use crate::domain::input::page::{Page, Position};
use crate::domain::sandbox::id::SandboxId;
use crate::domain::sandbox::settings::{NewSandbox, Settings, SettingsChange};
use crate::ports::PortError;
use crate::ports::sandboxes::{ConfigChange, ExecutionRecord, SandboxConfig, SandboxOf, SandboxRefusal, SandboxReport};
use crate::store::sandboxes::{self, ListedChange, SandboxLimits, StoredBytes};
use docle_api::limits::MAX_SANDBOXES_PER_PROJECT;
use docle_api::sandboxes::SandboxStatus;
use futures::{StreamExt, stream};

pub use crate::store::sandboxes::ListedSandbox;

/// Projects that one query lists.
const PAGE: u32 = 100;
/// Sandboxes that are deleted side by side. Each costs a call of an object.
const SIDE_BY_SIDE: usize = 16;
/// The most sandboxes of deleted projects that one purge tries to delete: half of the thousand calls that a Worker may make
/// for one request.
const MAX_PURGED: usize = 500;

/// Why a sandbox is not made.
#[derive(Debug, PartialEq, Eq)]
pub enum CreateRefusal {
    /// The project has as many as it may.
    ProjectFull,
    /// The account of the project has as many as it may, or the database does not respond.
    Quota(QuotaRefusal),
    Sandbox(SandboxRefusal),
}

impl From<PortError> for CreateRefusal {
    fn from(error: PortError) -> Self {
        Self::Quota(error.into())
    }
}

impl From<SandboxRefusal> for CreateRefusal {
    fn from(refusal: SandboxRefusal) -> Self {
        Self::Sandbox(refusal)
    }
}

/// A sandbox with what its object says.
pub struct WholeSandbox {
    pub listed: ListedSandbox,
    pub report: SandboxReport,
}

impl WholeSandbox {
    fn new(mut listed: ListedSandbox, report: SandboxReport) -> Self {
        // The directory may be a moment late.
        (listed.status, listed.last_used_at) = (report.status, report.last_used_at);
        Self { listed, report }
    }

    /// What the owner decides about it.
    pub fn settings(&self) -> Settings {
        let ListedSandbox { name, description, language, .. } = self.listed.clone();
        let SandboxConfig { env, runtime } = self.report.config.clone();
        Settings { name, description, language, env, runtime }
    }
}

/// Makes a sandbox of a project, or finds the one with its key; whether it was made.
///
/// # Errors
/// The project or its account has as many as it may.
pub async fn create(app: &App, project_id: &str, new: NewSandbox) -> Result<(WholeSandbox, bool), CreateRefusal> {
    let NewSandbox { settings, key, .. } = new;
    if let Some(found) = find_by_key(app, project_id, key.as_deref(), &settings).await? {
        return Ok((found, false));
    }
    match register(app, project_id, &settings, key).await? {
        Ok(listed) => Ok((open(app, listed, &settings).await?, true)),
        // Another call may have made one with this key meanwhile.
        Err(key) => match find_by_key(app, project_id, Some(&key), &settings).await? {
            Some(found) => Ok((found, false)),
            None => Err(PortError("A key of a sandbox is taken and free at once.".to_owned()).into()),
        },
    }
}

/// Adds a sandbox to the directory; `Ok(Err(key))` if the project has one with this key.
///
/// # Errors
/// The project or its account has as many as it may.
pub(super) async fn register(
    app: &App,
    project_id: &str,
    settings: &Settings,
    key: Option<String>,
) -> Result<Result<ListedSandbox, String>, CreateRefusal> {
    let now = app.clock.now();
    let listed = ListedSandbox {
        id: SandboxId::from_random(app.random(), &app.secret),
        project_id: project_id.to_owned(),
        key,
        name: settings.name.clone(),
        description: settings.description.clone(),
        language: settings.language,
        status: SandboxStatus::Creating,
        created_at: now,
        updated_at: now,
        last_used_at: None,
    };
    if let Some(full) = stored_too_much(app, project_id).await? {
        return Err(CreateRefusal::Quota(QuotaRefusal::Exceeded(full)));
    }
    let limits = SandboxLimits {
        of_project: MAX_SANDBOXES_PER_PROJECT,
        of_account: app.config.quotas.at_most(Quota::Sandboxes),
    };
    if !sandboxes::add(&*app.sql, &listed, limits).await? {
        if let Some(key) = listed.key
            && sandboxes::id_of_key(&*app.sql, project_id, &key).await?.is_some()
        {
            return Ok(Err(key));
        }
        let is_full = sandboxes::count(&*app.sql, project_id).await? >= MAX_SANDBOXES_PER_PROJECT;
        let of_account = || CreateRefusal::Quota(quotas::full(app, &app.config.quotas, Quota::Sandboxes));
        return Err(if is_full { CreateRefusal::ProjectFull } else { of_account() });
    }
    Ok(Ok(listed))
}

/// The quota of stored bytes, if the account that owns a project has used it up. Sandboxes that there are go on: they are saved, and
/// wake.
pub(super) async fn stored_too_much(app: &App, project_id: &str) -> Result<Option<QuotaExceeded>, PortError> {
    let quota = Quota::SandboxMegabytes;
    let StoredBytes { bytes, is_trusted } = sandboxes::stored_bytes(&*app.sql, project_id).await?;
    let limit = app.config.quotas.for_account(is_trusted).of(quota);
    let is_full = |limit: &u64| bytes >= limit.saturating_mul(MEGABYTE);
    Ok(limit.filter(is_full).map(|limit| QuotaExceeded::new(quota, limit, app.clock.now())))
}

/// The sandbox with this key. A call that was interrupted between directory and object is completed by the next one.
async fn find_by_key(
    app: &App,
    project_id: &str,
    key: Option<&str>,
    settings: &Settings,
) -> Result<Option<WholeSandbox>, CreateRefusal> {
    let Some(key) = key else { return Ok(None) };
    let Some(id) = sandboxes::id_of_key(&*app.sql, project_id, key).await? else { return Ok(None) };
    let Some(listed) = sandboxes::find(&*app.sql, project_id, &id).await? else { return Ok(None) };
    let sandbox = SandboxOf { project_id: project_id.to_owned(), id };
    match app.sandboxes.report(&sandbox).await {
        Ok(report) => Ok(Some(WholeSandbox::new(listed, report))),
        Err(SandboxRefusal::NotFound) if listed.status == SandboxStatus::Creating => {
            Ok(Some(open(app, listed, settings).await?))
        }
        Err(SandboxRefusal::NotFound) => {
            let why = "The sandbox with this key is being deleted.".to_owned();
            Err(SandboxRefusal::Unavailable(why).into())
        }
        Err(refusal) => Err(refusal.into()),
    }
}

async fn open(app: &App, listed: ListedSandbox, settings: &Settings) -> Result<WholeSandbox, SandboxRefusal> {
    let sandbox = SandboxOf { project_id: listed.project_id.clone(), id: listed.id.clone() };
    let config = SandboxConfig { env: settings.env.clone(), runtime: settings.runtime.clone() };
    app.sandboxes.open(&sandbox, &config).await?;
    let report = SandboxReport {
        status: SandboxStatus::Creating,
        config,
        last_used_at: None,
        saved_at: None,
        save_failing: None,
        restored_from: None,
    };
    Ok(WholeSandbox::new(listed, report))
}

/// A sandbox of a project.
///
/// # Errors
/// There is none, or it cannot be reached.
pub async fn read(app: &App, sandbox: &SandboxOf) -> Result<WholeSandbox, SandboxRefusal> {
    let listed = sandboxes::find(&*app.sql, &sandbox.project_id, &sandbox.id).await?;
    let report = app.sandboxes.report(sandbox).await?;
    Ok(WholeSandbox::new(listed.ok_or(SandboxRefusal::NotFound)?, report))
}

/// Changes the settings of a sandbox.
///
/// # Errors
/// There is none, or it cannot be reached.
pub async fn change(app: &App, sandbox: &SandboxOf, change: SettingsChange) -> Result<WholeSandbox, SandboxRefusal> {
    let SettingsChange { name, description, language, env, runtime } = change;
    app.sandboxes.configure(sandbox, &ConfigChange { env, runtime }).await?;
    let listed = ListedChange { name, description, language };
    sandboxes::change(&*app.sql, sandbox, &listed, app.clock.now()).await?;
    read(app, sandbox).await
}

/// The sandboxes of a project, and the cursor of the next page.
pub async fn list(app: &App, project_id: &str, page: &Page) -> Result<(Vec<ListedSandbox>, Option<String>), PortError> {
    let rows = sandboxes::list(&*app.sql, project_id, page).await?;
    Ok(page.cut(rows, ListedSandbox::position))
}

/// The executions of a sandbox, and the cursor of the next page.
///
/// # Errors
/// There is no such sandbox, or it cannot be reached.
pub async fn executions(
    app: &App,
    sandbox: &SandboxOf,
    page: &Page,
) -> Result<(Vec<ExecutionRecord>, Option<String>), SandboxRefusal> {
    let rows = app.sandboxes.executions(sandbox, page).await?;
    Ok(page.cut(rows, |record| Position { at: record.started_at, id: record.id.clone() }))
}

/// The language of a sandbox, and the memory that its programs may take.
///
/// # Errors
/// There is no such sandbox, or it cannot be reached.
pub async fn program_settings(
    app: &App,
    sandbox: &SandboxOf,
) -> Result<(docle_languages::RunLanguage, u32), SandboxRefusal> {
    let whole = read(app, sandbox).await?;
    Ok((whole.listed.language, whole.report.config.runtime.memory_mb))
}

/// Deletes a sandbox with everything in it.
///
/// # Errors
/// It cannot be reached. Nothing is deleted then.
pub async fn delete(app: &App, sandbox: &SandboxOf) -> Result<(), SandboxRefusal> {
    if sandboxes::find(&*app.sql, &sandbox.project_id, &sandbox.id).await?.is_none() {
        return Err(SandboxRefusal::NotFound);
    }
    app.sandboxes.delete(sandbox).await
}

/// Deletes the sandboxes of a project that is gone. One that cannot be deleted is logged and left to the next purge. Returns how
/// many it tried to delete.
pub async fn delete_sandboxes_of(app: &App, project_id: &str) -> Result<usize, PortError> {
    let (mut pages, mut tried) = (Some(Page::first()), 0);
    while let Some(page) = pages {
        let (listed, next) = list(app, project_id, &page).await?;
        tried += listed.len();
        stream::iter(listed).for_each_concurrent(SIDE_BY_SIDE, async |listed| delete_or_log(app, listed).await).await;
        pages = next.and_then(|cursor| Page::parse(None, Some(&cursor)).ok());
    }
    sandboxes::forget_orphan(&*app.sql, project_id).await?;
    Ok(tried)
}

async fn delete_or_log(app: &App, listed: ListedSandbox) {
    let sandbox = SandboxOf { project_id: listed.project_id, id: listed.id };
    if let Err(refusal) = delete(app, &sandbox).await {
        let error = PortError(format!("{refusal:?}"));
        app.log_error("A sandbox of a deleted project could not be deleted.", &error);
    }
}

/// Deletes sandboxes that the deletion of their projects has left, as many as one purge may. A project that fails is logged and
/// skipped.
pub async fn delete_orphans(app: &App) -> Result<(), PortError> {
    let (mut after, mut tried) = (String::new(), 0);
    while tried < MAX_PURGED {
        let projects = sandboxes::orphans(&*app.sql, &after, PAGE).await?;
        let Some(last) = projects.last() else { break };
        after.clone_from(last);
        for project_id in &projects {
            match delete_sandboxes_of(app, project_id).await {
                Ok(sandboxes) => tried += sandboxes + 1,
                Err(error) => app.log_error("The sandboxes of a deleted project could not be listed.", &error),
            }
            if tried >= MAX_PURGED {
                break;
            }
        }
    }
    Ok(())
}

/// The sandbox of a project with this key.
pub async fn of_key(app: &App, project_id: &str, key: &str) -> Result<Option<SandboxOf>, PortError> {
    let id = sandboxes::id_of_key(&*app.sql, project_id, key).await?;
    Ok(id.map(|id| SandboxOf { project_id: project_id.to_owned(), id }))
}

/// The sandbox with this id, if this user owns its project.
pub async fn of_user(app: &App, user_id: &str, id: SandboxId) -> Result<Option<SandboxOf>, PortError> {
    let project_id = sandboxes::project_of_user(&*app.sql, user_id, &id).await?;
    Ok(project_id.map(|project_id| SandboxOf { project_id, id }))
}
