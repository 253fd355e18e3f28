//! Rooms of projects in the database.

use crate::domain::input::page::{Page, Position};
use crate::domain::room::id::RoomId;
use crate::domain::timestamp::Timestamp;
use crate::ports::sql::sql;
use crate::ports::{PortError, Row, Sql, Statement};

/// A room in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRoom {
    pub id: RoomId,
    pub name: Option<String>,
    pub created_at: Timestamp,
}

impl StoredRoom {
    /// Where it stands in a list.
    pub fn position(&self) -> Position {
        Position { at: self.created_at, id: self.id.to_string() }
    }
}

/// How many rooms there may be.
#[derive(Debug, Clone, Copy)]
pub struct RoomLimits {
    /// In a project.
    pub of_project: u32,
    /// In all projects of an account that the operator does not trust.
    pub of_account: i64,
}

/// Makes a room a project's; `false` where the project or its account has as many rooms as it may, or the project is gone.
pub async fn add(
    sql: &dyn Sql,
    id: &RoomId,
    project_id: &str,
    name: Option<&str>,
    now: Timestamp,
    limits: RoomLimits,
) -> Result<bool, PortError> {
    let query = "INSERT INTO rooms (id, project_id, name, created_at) SELECT ?1, ?2, ?3, ?4 \
                 WHERE EXISTS (SELECT 1 FROM projects WHERE id = ?2) \
                 AND (SELECT COUNT(*) FROM rooms WHERE project_id = ?2) < ?5 \
                 AND ((SELECT COUNT(*) FROM projects AS own JOIN projects ON projects.user_id = own.user_id \
                 JOIN rooms ON rooms.project_id = projects.id WHERE own.id = ?2) < ?6 \
                 OR EXISTS (SELECT 1 FROM projects JOIN users ON users.id = user_id WHERE projects.id = ?2 AND trusted = 1)) \
                 RETURNING id";
    let RoomLimits { of_project, of_account } = limits;
    let statement = sql!(query, id.as_str(), project_id, name, now, of_project, of_account);
    Ok(!sql.query(statement).await?.is_empty())
}

/// How many rooms a project has.
pub async fn count(sql: &dyn Sql, project_id: &str) -> Result<u32, PortError> {
    let query = "SELECT COUNT(*) FROM rooms WHERE project_id = ?1";
    let count = sql.query(sql!(query, project_id)).await?.first_mut().map(Row::integer).transpose()?;
    Ok(count.and_then(|count| u32::try_from(count).ok()).unwrap_or(0))
}

/// Whether a room is in the list of a project that exists.
pub async fn exists(sql: &dyn Sql, id: &RoomId) -> Result<bool, PortError> {
    let query = "SELECT 1 FROM rooms JOIN projects ON projects.id = rooms.project_id WHERE rooms.id = ?1";
    Ok(!sql.query(sql!(query, id.as_str())).await?.is_empty())
}

/// Whether the operator has suspended the account that owns the project of a room.
pub async fn is_suspended(sql: &dyn Sql, id: &RoomId) -> Result<bool, PortError> {
    let query = "SELECT 1 FROM rooms JOIN projects ON projects.id = rooms.project_id JOIN users ON users.id = user_id \
                 WHERE rooms.id = ?1 AND suspended_at IS NOT NULL";
    Ok(!sql.query(sql!(query, id.as_str())).await?.is_empty())
}

/// Whether a room is a project's.
pub async fn belongs_to(sql: &dyn Sql, id: &RoomId, project_id: &str) -> Result<bool, PortError> {
    let query = "SELECT 1 FROM rooms WHERE id = ?1 AND project_id = ?2";
    Ok(!sql.query(sql!(query, id.as_str(), project_id)).await?.is_empty())
}

/// A project's rooms, the newest first.
pub async fn list(sql: &dyn Sql, project_id: &str, page: &Page) -> Result<Vec<StoredRoom>, PortError> {
    let query = "SELECT id, name, created_at FROM rooms WHERE project_id = ?1 AND (created_at, id) < (?2, ?3) \
                 ORDER BY created_at DESC, id DESC LIMIT ?4";
    let Position { at, id } = page.after();
    sql.query(sql!(query, project_id, at, id, page.rows())).await?.into_iter().map(read).collect()
}

/// Notes that a project is gone, in the transaction that deletes it.
pub fn leave_behind(project_id: &str) -> Statement {
    sql!("INSERT INTO room_orphans (project_id) VALUES (?1) ON CONFLICT DO NOTHING", project_id)
}

/// Projects that are gone and may have rooms left, in the order of their ids, beginning after `after`.
pub async fn orphans(sql: &dyn Sql, after: &str, at_most: u32) -> Result<Vec<String>, PortError> {
    let query = "SELECT project_id FROM room_orphans WHERE project_id > ?1 ORDER BY project_id LIMIT ?2";
    sql.query(sql!(query, after, at_most)).await?.into_iter().map(|mut row| row.text()).collect()
}

/// Forgets a project that is gone and has no rooms left.
pub async fn forget_orphan(sql: &dyn Sql, project_id: &str) -> Result<(), PortError> {
    let query = "DELETE FROM room_orphans WHERE project_id = ?1 \
                 AND NOT EXISTS (SELECT 1 FROM rooms WHERE project_id = ?1)";
    sql.query(sql!(query, project_id)).await.map(drop)
}

/// A project's rooms in the order in which they were made, beginning after `after`.
pub async fn of_project(
    sql: &dyn Sql,
    project_id: &str,
    after: &Position,
    at_most: u32,
) -> Result<Vec<StoredRoom>, PortError> {
    let query = "SELECT id, name, created_at FROM rooms WHERE project_id = ?1 AND (created_at, id) > (?2, ?3) \
                 ORDER BY created_at, id LIMIT ?4";
    let Position { at, id } = after.clone();
    sql.query(sql!(query, project_id, at, id, at_most)).await?.into_iter().map(read).collect()
}

/// Forgets rooms.
pub async fn delete(sql: &dyn Sql, ids: &[RoomId]) -> Result<(), PortError> {
    let ids = serde_json::to_string(ids).expect("ids are texts, which always encode");
    sql.query(sql!("DELETE FROM rooms WHERE id IN (SELECT value FROM json_each(?1))", ids)).await.map(drop)
}

fn read(mut row: Row) -> Result<StoredRoom, PortError> {
    let id = RoomId::parse(&row.text()?).ok_or_else(|| PortError("The id of a room is none.".to_owned()))?;
    Ok(StoredRoom { id, name: row.optional_text()?, created_at: row.time()? })
}

#[cfg(test)]
mod tests {
    use crate::tests::sqlite::Sqlite;

    #[test]
    fn orphaned_rooms_were_found_by_a_scan_of_all_rooms() {
        for query in [
            "SELECT project_id FROM room_orphans WHERE project_id > 'a' ORDER BY project_id LIMIT 1",
            "SELECT id FROM rooms WHERE project_id = 'a' AND (created_at, id) > (1, 'b') ORDER BY created_at, id LIMIT 1",
            "SELECT COUNT(*) FROM rooms WHERE project_id = 'a'",
        ] {
            let plan = Sqlite::migrated().plan(query).join("; ");
            assert!(plan.contains("SEARCH") && !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
