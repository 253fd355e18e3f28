//! Logs of projects that are gone, until nothing of them is left.

use crate::domain::usage_log::name::LogId;
use crate::ports::sql::sql;
use crate::ports::{PortError, Sql, Statement};

/// Notes that a project is gone, in the transaction that deletes it. Its rows go at once, its log step by step.
pub fn leave_behind(project_id: &str, log: LogId) -> Vec<Statement> {
    vec![
        sql!("INSERT INTO usage_orphans (log_id) VALUES (?1) ON CONFLICT DO NOTHING", log.to_string()),
        sql!("DELETE FROM usage_hours WHERE project_id = ?1", project_id),
        sql!("DELETE FROM usage_recent WHERE project_id = ?1", project_id),
    ]
}

/// Logs of projects that are gone, in the order of their ids, beginning after `after`.
pub async fn orphans(sql: &dyn Sql, after: LogId, at_most: u32) -> Result<Vec<LogId>, PortError> {
    let query = "SELECT log_id FROM usage_orphans WHERE log_id > ?1 ORDER BY log_id LIMIT ?2";
    let rows = sql.query(sql!(query, after.to_string(), at_most)).await?;
    let unreadable = || PortError("The id of a log is none.".to_owned());
    rows.into_iter().map(|mut row| LogId::parse(&row.text()?).ok_or_else(unreadable)).collect()
}

/// Forgets a log of which nothing is left.
pub async fn forget_orphan(sql: &dyn Sql, log: LogId) -> Result<(), PortError> {
    sql.query(sql!("DELETE FROM usage_orphans WHERE log_id = ?1", log.to_string())).await.map(drop)
}
