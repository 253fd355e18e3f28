//! What an object stores of a detached run until it has ended: its draft, and its job in parts.

use crate::domain::run::draft::RunDraft;
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::IdempotencyKey;
use crate::objects::schema::has_table;
use crate::ports::{LocalSql, PortError, SqlValue};
use serde::{Deserialize, Serialize};

/// The bytes of one part of a job. A row may have 2 MB.
const PART_BYTES: usize = 1_000_000;

/// A detached run without its job.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredRun {
    pub draft: RunDraft,
    /// The idempotency key of the call that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<IdempotencyKey>,
    /// The longest duration of the run once it is sent, in milliseconds.
    pub deadline_ms: u32,
    /// Whether the run can reach other hosts.
    pub has_network: bool,
    /// Whether the job may have arrived at a runner. It has a column of its own.
    #[serde(skip)]
    pub is_sent: bool,
}

/// Creates the tables that do not exist yet.
pub fn create_tables(sql: &dyn LocalSql) -> Result<(), PortError> {
    sql.exec(
        "CREATE TABLE IF NOT EXISTS detached_runs (number INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, run TEXT NOT NULL, \
         is_sent INTEGER NOT NULL)",
        &[],
    )?;
    let parts = "CREATE TABLE IF NOT EXISTS detached_jobs (run_id TEXT NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL, \
                 PRIMARY KEY (run_id, part)) WITHOUT ROWID";
    sql.exec(parts, &[]).map(drop)
}

/// Stores a run that was not sent, with its job. The tables exist.
pub fn insert(sql: &dyn LocalSql, run: &StoredRun, job: &[u8]) -> Result<(), PortError> {
    let json = serde_json::to_string(run).map_err(|error| PortError(error.to_string()))?;
    let id = text(run.draft.id);
    sql.exec("INSERT INTO detached_runs (run_id, run, is_sent) VALUES (?, ?, 0)", &[id.clone(), SqlValue::Text(json)])?;
    for (part, bytes) in (0..).zip(job.chunks(PART_BYTES)) {
        let args = [id.clone(), SqlValue::Integer(part), SqlValue::Blob(bytes.to_vec())];
        sql.exec("INSERT INTO detached_jobs (run_id, part, bytes) VALUES (?, ?, ?)", &args)?;
    }
    Ok(())
}

/// The stored runs in the order of their arrival.
pub fn list(sql: &dyn LocalSql) -> Result<Vec<StoredRun>, PortError> {
    if !has_table(sql, "detached_runs")? {
        return Ok(Vec::new());
    }
    let rows = sql.exec("SELECT run, is_sent FROM detached_runs ORDER BY number", &[])?;
    let read = |row: Vec<SqlValue>| match &row[..] {
        [SqlValue::Text(json), SqlValue::Integer(is_sent)] => {
            let run: StoredRun = serde_json::from_str(json).ok()?;
            Some(StoredRun { is_sent: *is_sent != 0, ..run })
        }
        _ => None,
    };
    let runs: Option<Vec<_>> = rows.into_iter().map(read).collect();
    runs.ok_or_else(|| PortError("A detached run is unreadable.".to_owned()))
}

/// How many runs are stored.
pub fn count(sql: &dyn LocalSql) -> Result<u32, PortError> {
    if !has_table(sql, "detached_runs")? {
        return Ok(0);
    }
    let count = number(&sql.exec("SELECT count(*) FROM detached_runs", &[])?)?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The bytes of the job of a run.
pub fn size(sql: &dyn LocalSql, id: RunId) -> Result<i64, PortError> {
    number(&sql.exec("SELECT coalesce(sum(length(bytes)), 0) FROM detached_jobs WHERE run_id = ?", &[text(id)])?)
}

/// The job of a run.
pub fn job(sql: &dyn LocalSql, id: RunId) -> Result<Vec<u8>, PortError> {
    let rows = sql.exec("SELECT bytes FROM detached_jobs WHERE run_id = ? ORDER BY part", &[text(id)])?;
    let mut job = Vec::new();
    for row in rows {
        match &row[..] {
            [SqlValue::Blob(bytes)] => job.extend_from_slice(bytes),
            _ => return Err(PortError("The job of a detached run is unreadable.".to_owned())),
        }
    }
    Ok(job)
}

/// Notes whether the job may have arrived at a runner.
pub fn mark(sql: &dyn LocalSql, id: RunId, is_sent: bool) -> Result<(), PortError> {
    let args = [SqlValue::Integer(is_sent.into()), text(id)];
    sql.exec("UPDATE detached_runs SET is_sent = ? WHERE run_id = ?", &args).map(drop)
}

/// Deletes a run with its job. It may be repeated, also when the object has deleted everything.
pub fn delete(sql: &dyn LocalSql, id: RunId) -> Result<(), PortError> {
    if !has_table(sql, "detached_runs")? {
        return Ok(());
    }
    sql.exec("DELETE FROM detached_jobs WHERE run_id = ?", &[text(id)])?;
    sql.exec("DELETE FROM detached_runs WHERE run_id = ?", &[text(id)]).map(drop)
}

fn number(rows: &[Vec<SqlValue>]) -> Result<i64, PortError> {
    match rows.first().map(Vec::as_slice) {
        Some([SqlValue::Integer(number)]) => Ok(*number),
        _ => Err(PortError("A count is no number.".to_owned())),
    }
}

fn text(id: RunId) -> SqlValue {
    SqlValue::Text(id.to_string())
}
