//! The audit log in the database.

use crate::domain::audit::Event;
use crate::ports::Statement;
use crate::ports::sql::sql;

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
