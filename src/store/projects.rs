//! Projects in the database. Every query names the owner: a project of another user is not found.

use crate::domain::account::audit::Event;
use crate::domain::input::page::{Page, Position};
use crate::domain::project::guard::Guard;
use crate::domain::project::isolate_settings::IsolateSettings;
use crate::domain::project::settings::{Project, ProjectSettings};
use crate::domain::usage_log::name::LogId;
use crate::ports::sql::sql;
use crate::ports::{PortError, Row, Sql, Statement};
use crate::store::{audit, erasure, judges, rooms, sandboxes, webhooks};

/// Makes a project; `false` where the user has `at_most` projects already.
pub async fn add(
    sql: &dyn Sql,
    user_id: &str,
    project: &Project,
    at_most: i64,
    event: Event,
) -> Result<bool, PortError> {
    let query = "INSERT INTO projects (id, log_id, user_id, name, store_ip, private_results, created_at, isolates) \
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE (SELECT COUNT(*) FROM projects WHERE user_id = ?3) < ?9 \
                 RETURNING id";
    let ProjectSettings { name, store_ip, private_results, isolates } = &project.settings;
    let isolates = write_isolates(isolates);
    let (id, log_id, made) = (&project.id, project.log_id.to_string(), project.created_at);
    let insert = sql!(query, id, log_id, user_id, name, *store_ip, *private_results, made, &isolates, at_most);
    let results = sql.batch(vec![insert, audit::insert_if_project_exists(event)]).await?;
    Ok(!results[0].is_empty())
}

/// A user's project.
pub async fn find(sql: &dyn Sql, user_id: &str, id: &str) -> Result<Option<Project>, PortError> {
    let query = "SELECT id, log_id, name, store_ip, private_results, isolates, created_at FROM projects \
                 WHERE id = ?1 AND user_id = ?2";
    sql.query(sql!(query, id, user_id)).await?.into_iter().next().map(read).transpose()
}

/// A user's projects, the newest first.
pub async fn list(sql: &dyn Sql, user_id: &str, page: &Page) -> Result<Vec<Project>, PortError> {
    let query = "SELECT id, log_id, name, store_ip, private_results, isolates, created_at FROM projects \
                 WHERE user_id = ?1 AND (created_at, id) < (?2, ?3) ORDER BY created_at DESC, id DESC LIMIT ?4";
    let Position { at, id } = page.after();
    sql.query(sql!(query, user_id, at, id, page.rows())).await?.into_iter().map(read).collect()
}

/// Asks who may read the results that this log keeps.
pub fn select_guard(log: LogId) -> Statement {
    sql!("SELECT id, user_id, private_results FROM projects WHERE log_id = ?1", log.to_string())
}

/// The answer to [`select_guard`]: `None` if the project is gone.
pub fn read_guard(rows: Vec<Row>) -> Result<Option<Guard>, PortError> {
    let read = |mut row: Row| {
        let (project_id, user_id) = (row.text()?, row.optional_text()?);
        Ok(Guard { project_id, user_id, private_results: row.integer()? != 0 })
    };
    rows.into_iter().next().map(read).transpose()
}

/// Changes what the owner decides.
pub async fn change(sql: &dyn Sql, user_id: &str, id: &str, settings: &ProjectSettings) -> Result<(), PortError> {
    let query = "UPDATE projects SET name = ?3, store_ip = ?4, private_results = ?5, isolates = ?6 \
                 WHERE id = ?1 AND user_id = ?2";
    let ProjectSettings { name, store_ip, private_results, isolates } = settings;
    let isolates = write_isolates(isolates);
    sql.query(sql!(query, id, user_id, name, *store_ip, *private_results, &isolates)).await.map(drop)
}

/// What the deletion of a project leaves to do.
pub struct DeletedProject {
    /// The hashes of its keys, whose gates are to be erased.
    pub key_hashes: Vec<String>,
    /// Its log, which is to be deleted.
    pub log_id: LogId,
}

/// Deletes a user's project with its keys and its statistics. `None` where there is no such project.
pub async fn delete(sql: &dyn Sql, user_id: &str, id: &str, event: Event) -> Result<Option<DeletedProject>, PortError> {
    const KEYS: &str = "DELETE FROM api_keys WHERE project_id = \
                        (SELECT id FROM projects WHERE id = ?1 AND user_id = ?2) RETURNING key_hash";
    let Some(Project { log_id, .. }) = find(sql, user_id, id).await? else { return Ok(None) };
    let mut statements = vec![
        sql!(KEYS, id, user_id),
        webhooks::leave_behind(user_id, id),
        judges::of_deleted_project(id),
        sql!("DELETE FROM projects WHERE id = ?1 AND user_id = ?2", id, user_id),
        audit::insert(event),
    ];
    statements.extend(erasure::leave_behind(id, log_id));
    statements.push(rooms::leave_behind(id));
    statements.push(sandboxes::leave_behind(id));
    let mut results = sql.batch(statements).await?;
    let key_hashes = results.swap_remove(0).into_iter().map(|mut row| row.text()).collect::<Result<_, _>>()?;
    Ok(Some(DeletedProject { key_hashes, log_id }))
}

fn read(mut row: Row) -> Result<Project, PortError> {
    Ok(Project {
        id: row.text()?,
        log_id: read_log_id(&mut row)?,
        settings: ProjectSettings {
            name: row.text()?,
            store_ip: row.integer()? != 0,
            private_results: row.integer()? != 0,
            isolates: read_isolates(&mut row)?,
        },
        created_at: row.time()?,
    })
}

/// Reads the id of a project's log.
pub fn read_log_id(row: &mut Row) -> Result<LogId, PortError> {
    LogId::parse(&row.text()?).ok_or_else(|| PortError("The id of a log is none.".to_owned()))
}

fn write_isolates(settings: &IsolateSettings) -> String {
    serde_json::to_string(settings).expect("settings are plain data, which always encodes")
}

/// Reads what a project decides about its scripts.
pub fn read_isolates(row: &mut Row) -> Result<IsolateSettings, PortError> {
    serde_json::from_str(&row.text()?)
        .map_err(|error| PortError(format!("The settings of a project are unreadable: {error}")))
}
