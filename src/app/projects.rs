//! Projects: what a signed-in user can do with their own.

use crate::app::actor::Actor;
use crate::app::context::App;
use crate::app::keys;
use crate::app::quotas::{self, QuotaRefusal};
use crate::app::retention;
use crate::app::rooms;
use crate::app::sandboxes;
use crate::app::webhooks;
use crate::domain::account::audit::Action;
use crate::domain::account::quota::{Quota, QuotaLimits};
use crate::domain::id::{self, Kind};
use crate::domain::input::page::Page;
use crate::domain::project::settings::{Project, ProjectSettings};
use crate::domain::usage_log::name::{LogId, LogName};
use crate::ports::PortError;
use crate::store;

/// Makes a project.
///
/// # Errors
/// The account has as many projects as it may.
pub async fn create(
    app: &App,
    actor: &Actor<'_>,
    limits: &QuotaLimits,
    settings: ProjectSettings,
) -> Result<Project, QuotaRefusal> {
    let id = id::from_random(Kind::Project, app.random());
    let log_id = LogId::from_bytes(app.random());
    let project = Project { id, log_id, settings, created_at: app.clock.now() };
    let event = actor.event(app, Action::ProjectCreated, &project.id, &project.id);
    let at_most = limits.at_most(Quota::Projects);
    if store::projects::add(&*app.sql, actor.user_id, &project, at_most, event).await? {
        return Ok(project);
    }
    Err(quotas::full(app, limits, Quota::Projects))
}

/// The user's projects, and the cursor of the next page.
pub async fn list(app: &App, user_id: &str, page: &Page) -> Result<(Vec<Project>, Option<String>), PortError> {
    let rows = store::projects::list(&*app.sql, user_id, page).await?;
    Ok(page.cut(rows, Project::position))
}

/// One of the user's projects; `None` where they have none of this id.
pub async fn read(app: &App, user_id: &str, id: &str) -> Result<Option<Project>, PortError> {
    store::projects::find(&*app.sql, user_id, id).await
}

/// Changes the settings of a project. The gates of its keys and its log read their settings again, which include some of
/// these.
pub async fn change(app: &App, user_id: &str, project: Project) -> Result<Project, PortError> {
    store::projects::change(&*app.sql, user_id, &project.id, &project.settings).await?;
    keys::refresh_gates_of_project(app, &project.id).await?;
    app.logs.refresh(LogName::of_project(project.log_id)).await?;
    Ok(project)
}

/// Deletes a project and what belongs to it; `false` where the user has none of this id. Its keys have stopped working
/// when this returns. Its rooms end right after it: their connections close, and their tokens open nothing.
pub async fn delete(app: &App, actor: &Actor<'_>, id: &str) -> Result<bool, PortError> {
    let event = actor.event(app, Action::ProjectDeleted, id, id);
    let Some(deleted) = store::projects::delete(&*app.sql, actor.user_id, id, event).await? else {
        return Ok(false);
    };
    let (ended, project_id) = (app.clone(), id.to_owned());
    app.background.spawn(Box::pin(async move {
        if let Err(error) = rooms::delete_rooms_of(&ended, &project_id).await {
            ended.log_error("The rooms of a deleted project are left to the next purge.", &error);
        }
        if let Err(error) = sandboxes::delete_sandboxes_of(&ended, &project_id).await {
            ended.log_error("The sandboxes of a deleted project are left to the next purge.", &error);
        }
    }));
    if let Err(error) = webhooks::erase(app, actor.user_id, id).await {
        app.log_error("The reports of a deleted project are kept until they expire, and none is sent.", &error);
    }
    // Programs end before their log is deleted, so that few runs arrive there later. The log drops these.
    if let Err(error) = app.run_pools.delete(id).await {
        app.log_error("The programs of a deleted project go on until their time limits.", &error);
    }
    for hash in deleted.key_hashes {
        app.gates.erase(&hash).await?;
    }
    if let Err(error) = retention::delete_log(app, deleted.log_id).await {
        app.log_error("The log of a deleted project is left to the next purge.", &error);
    }
    Ok(true)
}
