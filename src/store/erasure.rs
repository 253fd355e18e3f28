//! Deleting records of runs: the old ones, those of projects that are gone, those of one end user.

use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::ports::sql::sql;
use crate::ports::{PortError, Row, Sql, Statement};

/// Rows that one statement deletes, so that none of them holds up the database for others, and as many results as are
/// then deleted one by one: half of the thousand calls that a Worker may make for one request.
pub const AT_ONCE: usize = 500;

/// What was deleted.
pub struct Erased {
    /// The runs of which there may be a result, too: those since `since`.
    pub recent_run_ids: Vec<RunId>,
    pub count: usize,
}

/// Notes that a project is gone, in the transaction that deletes it: its counts go at once, its runs bit by bit.
pub fn leave_behind(project_id: &str) -> Vec<Statement> {
    vec![
        sql!("INSERT INTO usage_orphans (project_id) VALUES (?1) ON CONFLICT DO NOTHING", project_id),
        sql!("DELETE FROM usage_hours WHERE project_id = ?1", project_id),
        sql!("DELETE FROM usage_totals WHERE project_id = ?1", project_id),
        sql!("DELETE FROM usage_keys WHERE project_id = ?1", project_id),
        sql!("DELETE FROM usage_end_users WHERE project_id = ?1", project_id),
    ]
}

/// Deletes up to [`AT_ONCE`] runs of a project that is gone; `None` where no such project has any left.
pub async fn erase_orphans(sql: &dyn Sql, since: Timestamp) -> Result<Option<Erased>, PortError> {
    let oldest = "SELECT project_id FROM usage_orphans ORDER BY project_id LIMIT 1";
    let Some(mut row) = sql.query(sql!(oldest)).await?.into_iter().next() else { return Ok(None) };
    let project_id = row.text()?;
    let query = "DELETE FROM usage_runs WHERE run_id IN \
                 (SELECT run_id FROM usage_runs WHERE project_id = ?1 LIMIT ?2) RETURNING run_id, created_at";
    let erased = erase(sql, sql!(query, &project_id, AT_ONCE as i64), since).await?;
    if erased.count == 0 {
        sql.query(sql!("DELETE FROM usage_orphans WHERE project_id = ?1", project_id)).await?;
    }
    Ok(Some(erased))
}

/// Deletes up to [`AT_ONCE`] runs for an end user, and with the last of them what else is known of the user.
pub async fn erase_end_user(
    sql: &dyn Sql,
    project_id: &str,
    end_user_id: &str,
    since: Timestamp,
) -> Result<Erased, PortError> {
    let query = "DELETE FROM usage_runs WHERE run_id IN (SELECT run_id FROM usage_runs \
                 WHERE project_id = ?1 AND end_user_id = ?2 LIMIT ?3) RETURNING run_id, created_at";
    let erased = erase(sql, sql!(query, project_id, end_user_id, AT_ONCE as i64), since).await?;
    if erased.count < AT_ONCE {
        let query = "DELETE FROM usage_end_users WHERE project_id = ?1 AND end_user_id = ?2";
        sql.query(sql!(query, project_id, end_user_id)).await?;
    }
    Ok(erased)
}

/// Deletes up to [`AT_ONCE`] runs from before `before`: `true` where there may be more.
pub async fn erase_old(sql: &dyn Sql, before: Timestamp) -> Result<bool, PortError> {
    let query = "DELETE FROM usage_runs WHERE run_id IN (SELECT run_id FROM usage_runs WHERE created_at < ?1 LIMIT ?2) \
                 RETURNING run_id, created_at";
    Ok(erase(sql, sql!(query, before, AT_ONCE as i64), before).await?.count == AT_ONCE)
}

async fn erase(sql: &dyn Sql, statement: Statement, since: Timestamp) -> Result<Erased, PortError> {
    let rows = sql.query(statement).await?;
    let count = rows.len();
    let recent = |mut row: Row| {
        let (id, at) = (row.text(), row.time());
        match at {
            Ok(at) if at < since => None,
            _ => RunId::parse(&id.ok()?),
        }
    };
    let recent_run_ids = rows.into_iter().filter_map(recent).collect();
    Ok(Erased { recent_run_ids, count })
}
