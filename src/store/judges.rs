//! Judges of projects in the database.

use crate::domain::input::page::{Page, Position};
use crate::domain::judge::stored::{NewJudge, StoredJudge};
use crate::domain::timestamp::Timestamp;
use crate::ports::sql::sql;
use crate::ports::{PortError, Row, Sql, Statement};
use serde_json::Value;

impl StoredJudge {
    /// Where it stands in a list.
    pub fn position(&self) -> Position {
        Position { at: self.created_at, id: self.id.clone() }
    }
}

/// Stores a judge; `false` if the project has `most` of them, or is gone.
pub async fn add(
    sql: &dyn Sql,
    id: &str,
    project_id: &str,
    judge: &NewJudge,
    now: Timestamp,
    most: u32,
) -> Result<bool, PortError> {
    let query = "INSERT INTO judges (id, project_id, name, tests, settings, created_at) SELECT ?1, ?2, ?3, ?4, ?5, ?6 \
                 WHERE EXISTS (SELECT 1 FROM projects WHERE id = ?2) \
                 AND (SELECT COUNT(*) FROM judges WHERE project_id = ?2) < ?7 RETURNING id";
    let settings = Value::Object(judge.settings.clone()).to_string();
    let statement = sql!(query, id, project_id, &judge.name, judge.tests, settings, now, most);
    Ok(!sql.query(statement).await?.is_empty())
}

/// The judges of a project, without what they bring, the newest first.
pub async fn list(sql: &dyn Sql, project_id: &str, page: &Page) -> Result<Vec<StoredJudge>, PortError> {
    let query = "SELECT id, name, tests, '{}' AS settings, created_at FROM judges \
                 WHERE project_id = ?1 AND (created_at, id) < (?2, ?3) ORDER BY created_at DESC, id DESC LIMIT ?4";
    let Position { at, id } = page.after();
    sql.query(sql!(query, project_id, at, id, page.rows())).await?.into_iter().map(read).collect()
}

/// A judge, and the id of its project.
pub async fn find(sql: &dyn Sql, id: &str) -> Result<Option<(String, StoredJudge)>, PortError> {
    let query = "SELECT project_id, id, name, tests, settings, created_at FROM judges WHERE id = ?1";
    let Some(mut row) = sql.query(sql!(query, id)).await?.into_iter().next() else { return Ok(None) };
    Ok(Some((row.text()?, read(row)?)))
}

/// Deletes a judge of one of the user's projects; `false` if there is none.
pub async fn delete(sql: &dyn Sql, user_id: &str, id: &str) -> Result<bool, PortError> {
    let query =
        "DELETE FROM judges WHERE id = ?1 AND project_id IN (SELECT id FROM projects WHERE user_id = ?2) RETURNING id";
    Ok(!sql.query(sql!(query, id, user_id)).await?.is_empty())
}

/// Deletes the judges of a project that is being deleted.
pub fn of_deleted_project(project_id: &str) -> Statement {
    sql!("DELETE FROM judges WHERE project_id = ?1", project_id)
}

fn read(mut row: Row) -> Result<StoredJudge, PortError> {
    let (id, name, tests) = (row.text()?, row.text()?, row.integer()?);
    let settings = serde_json::from_str(&row.text()?).map_err(|error| PortError(error.to_string()))?;
    Ok(StoredJudge { id, name, tests: u32::try_from(tests).unwrap_or(u32::MAX), settings, created_at: row.time()? })
}
