//! Rooms of projects in the database.

use crate::domain::input::page::{Page, Position};
use crate::domain::room::id::RoomId;
use crate::domain::timestamp::Timestamp;
use crate::ports::sql::sql;
use crate::ports::{PortError, Row, Sql};

/// A room in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRoom {
    pub id: RoomId,
    pub created_at: Timestamp,
}

impl StoredRoom {
    /// Where it stands in a list.
    pub fn position(&self) -> Position {
        Position { at: self.created_at, id: self.id.to_string() }
    }
}

/// Makes a room a project's.
pub async fn add(sql: &dyn Sql, id: &RoomId, project_id: &str, now: Timestamp) -> Result<(), PortError> {
    let query = "INSERT INTO rooms (id, project_id, created_at) VALUES (?1, ?2, ?3)";
    sql.query(sql!(query, id.as_str(), project_id, now)).await.map(drop)
}

/// Whether a room is a project's.
pub async fn belongs_to(sql: &dyn Sql, id: &RoomId, project_id: &str) -> Result<bool, PortError> {
    let query = "SELECT 1 FROM rooms WHERE id = ?1 AND project_id = ?2";
    Ok(!sql.query(sql!(query, id.as_str(), project_id)).await?.is_empty())
}

/// A project's rooms, the newest first.
pub async fn list(sql: &dyn Sql, project_id: &str, page: &Page) -> Result<Vec<StoredRoom>, PortError> {
    let query = "SELECT id, created_at FROM rooms WHERE project_id = ?1 AND (created_at, id) < (?2, ?3) \
                 ORDER BY created_at DESC, id DESC LIMIT ?4";
    let Position { at, id } = page.after();
    sql.query(sql!(query, project_id, at, id, page.rows())).await?.into_iter().map(read).collect()
}

/// Rooms whose project is gone, some of them.
pub async fn orphans(sql: &dyn Sql, at_most: i64) -> Result<Vec<RoomId>, PortError> {
    let query = "SELECT id, created_at FROM rooms WHERE NOT EXISTS \
                 (SELECT 1 FROM projects WHERE projects.id = rooms.project_id) LIMIT ?1";
    let rooms = sql.query(sql!(query, at_most)).await?.into_iter().map(read);
    rooms.map(|room| Ok(room?.id)).collect()
}

/// Forgets a room.
pub async fn delete(sql: &dyn Sql, id: &RoomId) -> Result<(), PortError> {
    sql.query(sql!("DELETE FROM rooms WHERE id = ?1", id.as_str())).await.map(drop)
}

fn read(mut row: Row) -> Result<StoredRoom, PortError> {
    let id = RoomId::parse(&row.text()?).ok_or_else(|| PortError("The id of a room is none.".to_owned()))?;
    Ok(StoredRoom { id, created_at: row.time()? })
}
