//! The audit log in the database.

use crate::domain::account::audit::{Action, Event, Origin, RecordedEvent};
use crate::domain::input::page::{Page, Position};
use crate::ports::sql::sql;
use crate::ports::{PortError, Row, Sql, Statement};

macro_rules! insert_into {
    () => {
        "INSERT INTO audit_events (id, user_id, project_id, action, subject, at, ip, user_agent) "
    };
}

/// The statement that writes an event down, to be put into the transaction of what it is about.
pub fn insert(event: Event) -> Statement {
    written(concat!(insert_into!(), "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"), event)
}

/// The same for an event about a project, if the project exists.
pub fn insert_if_project_exists(event: Event) -> Statement {
    let query = concat!(insert_into!(), "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM projects WHERE projects.id = ?5");
    written(query, event)
}

/// The same for an event about a key, if the key exists.
pub fn insert_if_key_exists(event: Event) -> Statement {
    let query = concat!(insert_into!(), "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM api_keys WHERE api_keys.id = ?5");
    written(query, event)
}

/// The same for an event about a key, if the key was not revoked before.
pub fn insert_if_key_is_unrevoked(event: Event) -> Statement {
    let query = concat!(
        insert_into!(),
        "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM api_keys WHERE api_keys.id = ?5 AND revoked_at IS NULL"
    );
    written(query, event)
}

/// The same for an event about a key, if the key has the successor that the last argument of the query names.
pub fn insert_if_key_has_successor(event: Event, successor_id: &str) -> Statement {
    let query = concat!(
        insert_into!(),
        "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM api_keys WHERE api_keys.id = ?5 AND successor_id = ?9"
    );
    let mut statement = written(query, event);
    statement.args.push(successor_id.into());
    statement
}

fn written(query: &'static str, event: Event) -> Statement {
    sql!(
        query,
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

/// The statement that writes down a sign-in, if the session with the id that is the event's subject was made before it in
/// the transaction. The user is the session's.
pub fn insert_sign_in(event_id: &str, session_id: &str) -> Statement {
    let query = concat!(
        insert_into!(),
        "SELECT ?1, user_id, NULL, ?2, id, created_at, ip, user_agent FROM sessions WHERE id = ?3"
    );
    sql!(query, event_id, Action::SignedIn.name(), session_id)
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
