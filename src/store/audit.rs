//! The audit log in the database.

use crate::domain::account::audit::{Event, Origin, RecordedEvent};
use crate::domain::input::page::{Page, Position};
use crate::ports::sql::sql;
use crate::ports::{PortError, Row, Sql, Statement};

/// The statement that writes an event down, to be put into the transaction of what it is about.
pub fn insert(event: Event) -> Statement {
    sql!(
        "INSERT INTO audit_events (id, user_id, project_id, action, subject, at, ip, user_agent) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        event.id,
        event.user_id,
        event.project_id,
        event.action.name(),
        event.subject,
        event.at,
        event.origin.ip,
        event.origin.user_agent,
    )
}

/// What a user did, the newest first.
pub async fn list_of_user(sql: &dyn Sql, user_id: &str, page: &Page) -> Result<Vec<RecordedEvent>, PortError> {
    let query = "SELECT id, project_id, action, subject, at, ip, user_agent FROM audit_events WHERE user_id = ?1 \
                 AND (at, id) < (?2, ?3) ORDER BY at DESC, id DESC LIMIT ?4";
    let Position { at, id } = page.after();
    sql.query(sql!(query, user_id, at, id, page.rows())).await?.into_iter().map(read).collect()
}

/// What was done with a project, the newest first.
pub async fn list_of_project(sql: &dyn Sql, project_id: &str, page: &Page) -> Result<Vec<RecordedEvent>, PortError> {
    let query = "SELECT id, project_id, action, subject, at, ip, user_agent FROM audit_events WHERE project_id = ?1 \
                 AND (at, id) < (?2, ?3) ORDER BY at DESC, id DESC LIMIT ?4";
    let Position { at, id } = page.after();
    sql.query(sql!(query, project_id, at, id, page.rows())).await?.into_iter().map(read).collect()
}

fn read(mut row: Row) -> Result<RecordedEvent, PortError> {
    Ok(RecordedEvent {
        id: row.text()?,
        project_id: row.optional_text()?,
        action: row.text()?,
        subject: row.text()?,
        at: row.time()?,
        origin: Origin { ip: row.optional_text()?, user_agent: row.optional_text()? },
    })
}
