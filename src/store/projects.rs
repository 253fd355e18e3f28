//! Projects in the database. Every query names the owner: a project of another user is not found.

use crate::domain::account::audit::Event;
use crate::domain::input::page::{Page, Position};
use crate::domain::project::isolate_settings::IsolateSettings;
use crate::domain::project::settings::{Project, ProjectSettings};
use crate::ports::sql::sql;
use crate::ports::{PortError, Row, Sql};
use crate::store::{audit, erasure, rooms};

/// Makes a project; `false` where the user has `at_most` projects already.
pub async fn add(
    sql: &dyn Sql,
    user_id: &str,
    project: &Project,
    at_most: i64,
    event: Event,
) -> Result<bool, PortError> {
    let query = "INSERT INTO projects (id, user_id, name, store_ip, private_results, created_at, isolates) \
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE (SELECT COUNT(*) FROM projects WHERE user_id = ?2) < ?8 \
                 RETURNING id";
    let ProjectSettings { name, store_ip, private_results, isolates } = &project.settings;
    let isolates = write_isolates(isolates);
    let created_at = project.created_at;
    let insert = sql!(query, &project.id, user_id, name, *store_ip, *private_results, created_at, &isolates, at_most);
    let results = sql.batch(vec![insert, audit::insert_if_project_exists(event)]).await?;
    Ok(!results[0].is_empty())
}

/// A user's project.
pub async fn find(sql: &dyn Sql, user_id: &str, id: &str) -> Result<Option<Project>, PortError> {
    let query = "SELECT id, name, store_ip, private_results, isolates, created_at FROM projects \
                 WHERE id = ?1 AND user_id = ?2";
    sql.query(sql!(query, id, user_id)).await?.into_iter().next().map(read).transpose()
}

/// A user's projects, the newest first.
pub async fn list(sql: &dyn Sql, user_id: &str, page: &Page) -> Result<Vec<Project>, PortError> {
    let query = "SELECT id, name, store_ip, private_results, isolates, created_at FROM projects WHERE user_id = ?1 \
                 AND (created_at, id) < (?2, ?3) ORDER BY created_at DESC, id DESC LIMIT ?4";
    let Position { at, id } = page.after();
    sql.query(sql!(query, user_id, at, id, page.rows())).await?.into_iter().map(read).collect()
}

/// Whose a project is, and whether its results are private.
pub struct Guard {
    /// `None` when the project has no owner.
    pub user_id: Option<String>,
    pub private_results: bool,
}

/// Who may read the results of a project; `None` where it is gone.
pub async fn guard(sql: &dyn Sql, id: &str) -> Result<Option<Guard>, PortError> {
    let query = "SELECT user_id, private_results FROM projects WHERE id = ?1";
    let read = |mut row: Row| Ok(Guard { user_id: row.optional_text()?, private_results: row.integer()? != 0 });
    sql.query(sql!(query, id)).await?.into_iter().next().map(read).transpose()
}

/// Changes what the owner decides.
pub async fn change(sql: &dyn Sql, user_id: &str, id: &str, settings: &ProjectSettings) -> Result<(), PortError> {
    let query = "UPDATE projects SET name = ?3, store_ip = ?4, private_results = ?5, isolates = ?6 \
                 WHERE id = ?1 AND user_id = ?2";
    let ProjectSettings { name, store_ip, private_results, isolates } = settings;
    let isolates = write_isolates(isolates);
    sql.query(sql!(query, id, user_id, name, *store_ip, *private_results, &isolates)).await.map(drop)
}

/// Deletes a user's project with its keys and its statistics. Answers with the hashes of the keys that are gone, or `None` where there is
/// no such project.
pub async fn delete(sql: &dyn Sql, user_id: &str, id: &str, event: Event) -> Result<Option<Vec<String>>, PortError> {
    const KEYS: &str = "DELETE FROM api_keys WHERE project_id = \
                        (SELECT id FROM projects WHERE id = ?1 AND user_id = ?2) RETURNING key_hash";
    if find(sql, user_id, id).await?.is_none() {
        return Ok(None);
    }
    let mut statements = vec![
        sql!(KEYS, id, user_id),
        sql!("DELETE FROM projects WHERE id = ?1 AND user_id = ?2", id, user_id),
        audit::insert(event),
    ];
    statements.extend(erasure::leave_behind(id));
    statements.push(rooms::leave_behind(id));
    let mut results = sql.batch(statements).await?;
    let keys = results.swap_remove(0).into_iter().map(|mut row| row.text());
    keys.collect::<Result<_, _>>().map(Some)
}

fn read(mut row: Row) -> Result<Project, PortError> {
    Ok(Project {
        id: row.text()?,
        settings: ProjectSettings {
            name: row.text()?,
            store_ip: row.integer()? != 0,
            private_results: row.integer()? != 0,
            isolates: read_isolates(&mut row)?,
        },
        created_at: row.time()?,
    })
}

fn write_isolates(settings: &IsolateSettings) -> String {
    serde_json::to_string(settings).expect("settings are plain data, which always encodes")
}

/// Reads what a project decides about its scripts.
pub fn read_isolates(row: &mut Row) -> Result<IsolateSettings, PortError> {
    serde_json::from_str(&row.text()?)
        .map_err(|error| PortError(format!("The settings of a project are unreadable: {error}")))
}
