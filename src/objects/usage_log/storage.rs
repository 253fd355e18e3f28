//! What a UsageLog object stores in its own database.
//!
//! Each row that is written costs, also one of an index, and one that is deleted. So a run is one row in the order of time,
//! which needs no index to be listed and to be purged, and its result is one row in a table of its day, which is dropped as a
//! whole. A second index has only the runs for end users, a third one only scripts, a fourth one only the runs of run tokens.

pub mod counts;
pub mod results;
pub mod runs;
mod values;

use crate::domain::timestamp::Timestamp;
use crate::domain::usage_log::name::LogName;
use crate::objects::schema::has_table;
use crate::ports::{LocalSql, PortError, SqlValue};

/// Creates the tables that do not exist yet, but for those of results.
pub fn create_tables(sql: &dyn LocalSql, log: LogName) -> Result<(), PortError> {
    for query in [
        // must_flush: the database's copy lacks a deletion.
        "CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, \
         flushed_at INTEGER NOT NULL DEFAULT 0, must_flush INTEGER NOT NULL DEFAULT 0, \
         is_deleting INTEGER NOT NULL DEFAULT 0)",
        "CREATE TABLE IF NOT EXISTS runs (created_at INTEGER NOT NULL, run_id TEXT NOT NULL, key_id TEXT NOT NULL, \
         tier TEXT NOT NULL, language TEXT NOT NULL, snippet TEXT NOT NULL, status TEXT NOT NULL, \
         exit_code INTEGER NOT NULL, duration_ms INTEGER NOT NULL, end_user_id TEXT, user_context TEXT, ip TEXT, token TEXT, \
         PRIMARY KEY (created_at, run_id)) WITHOUT ROWID",
        "CREATE INDEX IF NOT EXISTS runs_by_end_user ON runs (end_user_id, created_at, run_id) \
         WHERE end_user_id IS NOT NULL",
        "CREATE INDEX IF NOT EXISTS runs_by_token ON runs (token, created_at, run_id) WHERE token IS NOT NULL",
        "CREATE INDEX IF NOT EXISTS runs_of_scripts ON runs (created_at, run_id) WHERE tier = 'isolate'",
        // changed_at: when the count last changed, so that a flush after a reset finds what the database lacks.
        "CREATE TABLE IF NOT EXISTS hours (hour INTEGER NOT NULL, tier TEXT NOT NULL, language TEXT NOT NULL, \
         status TEXT NOT NULL, runs INTEGER NOT NULL, changed_at INTEGER NOT NULL, \
         PRIMARY KEY (hour, tier, language, status)) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS totals (key_id TEXT NOT NULL, tier TEXT NOT NULL, language TEXT NOT NULL, \
         status TEXT NOT NULL, bucket INTEGER NOT NULL, runs INTEGER NOT NULL, \
         PRIMARY KEY (key_id, tier, language, status, bucket)) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS end_users (end_user_id TEXT PRIMARY KEY, runs INTEGER NOT NULL, \
         last_run_at INTEGER NOT NULL) WITHOUT ROWID",
        // End users who were deleted: runs that had begun before are dropped when they arrive.
        "CREATE TABLE IF NOT EXISTS erasures (end_user_id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
        // What KV and R2 still have of deleted runs.
        "CREATE TABLE IF NOT EXISTS leftovers (run_id TEXT PRIMARY KEY, in_kv TEXT NOT NULL) WITHOUT ROWID",
    ] {
        sql.exec(query, &[])?;
    }
    // The alarm reads the name of the object from here.
    sql.exec("INSERT OR IGNORE INTO log (id, name) VALUES (1, ?)", &[SqlValue::Text(log.to_string())]).map(drop)
}

/// What a log notes about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    pub log: LogName,
    /// The database has all changes from before this time.
    pub flushed_at: Timestamp,
    /// Whether the database's copy lacks a deletion.
    pub must_flush: bool,
    /// Whether the log is being deleted.
    pub is_deleting: bool,
}

/// What the log has noted; `None` when nothing is stored.
pub fn state(sql: &dyn LocalSql) -> Result<Option<State>, PortError> {
    if !has_table(sql, "log")? {
        return Ok(None);
    }
    let rows = sql.exec("SELECT name, flushed_at, must_flush, is_deleting FROM log", &[])?;
    let unreadable = || PortError("What a log has noted is unreadable.".to_owned());
    match rows.first().map(Vec::as_slice) {
        None => Ok(None),
        Some(
            [
                SqlValue::Text(name),
                SqlValue::Integer(flushed_at),
                SqlValue::Integer(must_flush),
                SqlValue::Integer(is_deleting),
            ],
        ) => Ok(Some(State {
            log: LogName::parse(name).ok_or_else(unreadable)?,
            flushed_at: Timestamp(*flushed_at),
            must_flush: *must_flush != 0,
            is_deleting: *is_deleting != 0,
        })),
        Some(_) => Err(unreadable()),
    }
}

/// Notes that the database has all changes from before `at`.
pub fn set_flushed(sql: &dyn LocalSql, at: Timestamp) -> Result<(), PortError> {
    sql.exec("UPDATE log SET flushed_at = ?, must_flush = 0", &[SqlValue::Integer(at.0)]).map(drop)
}

/// Notes that the database's copy lacks a deletion.
pub fn set_must_flush(sql: &dyn LocalSql) -> Result<(), PortError> {
    sql.exec("UPDATE log SET must_flush = 1", &[]).map(drop)
}

/// Notes that the log is being deleted.
pub fn set_deleting(sql: &dyn LocalSql) -> Result<(), PortError> {
    sql.exec("UPDATE log SET is_deleting = 1", &[]).map(drop)
}
