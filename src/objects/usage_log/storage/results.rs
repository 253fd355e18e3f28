//! The results of the last days: a table for each day, and what KV still has of deleted ones.

use crate::domain::run::id::RunId;
use crate::domain::run::record::InKv;
use crate::objects::usage_log::storage::values::text;
use crate::ports::{LocalSql, PortError, SqlValue};

const PREFIX: &str = "results_";

/// The days with results, counted since 1970, the oldest first.
pub fn days(sql: &dyn LocalSql) -> Result<Vec<i64>, PortError> {
    let query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'results_*'";
    let day = |row: Vec<SqlValue>| match &row[..] {
        [SqlValue::Text(name)] => name.strip_prefix(PREFIX)?.parse().ok(),
        _ => None,
    };
    let mut days: Vec<i64> = sql.exec(query, &[])?.into_iter().filter_map(day).collect();
    days.sort_unstable();
    Ok(days)
}

/// Creates the table of a day if it is missing.
pub fn create_table(sql: &dyn LocalSql, day: i64) -> Result<(), PortError> {
    let query = format!(
        "CREATE TABLE IF NOT EXISTS {PREFIX}{day} (run_id TEXT PRIMARY KEY, record TEXT, in_kv TEXT) WITHOUT ROWID"
    );
    sql.exec(&query, &[])?;
    let query =
        format!("CREATE INDEX IF NOT EXISTS {PREFIX}{day}_in_kv ON {PREFIX}{day} (run_id) WHERE in_kv IS NOT NULL");
    sql.exec(&query, &[]).map(drop)
}

/// Deletes all results of a day. Their files in R2 become leftovers. What KV has of them expires by itself.
pub fn drop_table(sql: &dyn LocalSql, day: i64) -> Result<(), PortError> {
    let query = format!(
        "INSERT OR REPLACE INTO leftovers SELECT run_id, json_object('artifacts', json_extract(in_kv, '$.artifacts')) \
         FROM {PREFIX}{day} WHERE in_kv IS NOT NULL AND json_extract(in_kv, '$.artifacts') > 0"
    );
    sql.exec(&query, &[])?;
    sql.exec(&format!("DROP TABLE IF EXISTS {PREFIX}{day}"), &[]).map(drop)
}

/// Stores a result in place of an earlier one of the same run; `record` is `None` if KV has it.
pub fn put(
    sql: &dyn LocalSql,
    day: i64,
    id: RunId,
    record: Option<&str>,
    in_kv: Option<InKv>,
) -> Result<(), PortError> {
    let args =
        [text(id), record.map_or(SqlValue::Null, text), in_kv.map_or(SqlValue::Null, |in_kv| text(write(in_kv)))];
    let query = format!("INSERT OR REPLACE INTO {PREFIX}{day} (run_id, record, in_kv) VALUES (?, ?, ?)");
    sql.exec(&query, &args).map(drop)
}

/// Where the record of a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Here(String),
    InKv,
}

/// The record of a run; `None` if none is kept.
pub fn find(sql: &dyn LocalSql, id: RunId) -> Result<Option<Place>, PortError> {
    for day in days(sql)?.into_iter().rev() {
        let rows = sql.exec(&format!("SELECT record FROM {PREFIX}{day} WHERE run_id = ?"), &[text(id)])?;
        match rows.into_iter().next().as_deref() {
            None => {}
            Some([SqlValue::Text(record)]) => return Ok(Some(Place::Here(record.clone()))),
            Some([SqlValue::Null]) => return Ok(Some(Place::InKv)),
            Some(_) => return Err(PortError("The record of a run is unreadable.".to_owned())),
        }
    }
    Ok(None)
}

/// Deletes the result of a run in the table of a day, which exists. What KV has of it becomes a leftover.
pub fn delete(sql: &dyn LocalSql, day: i64, id: &str) -> Result<(), PortError> {
    let query = format!(
        "INSERT OR REPLACE INTO leftovers SELECT run_id, in_kv FROM {PREFIX}{day} \
                         WHERE run_id = ? AND in_kv IS NOT NULL"
    );
    sql.exec(&query, &[text(id)])?;
    sql.exec(&format!("DELETE FROM {PREFIX}{day} WHERE run_id = ?"), &[text(id)]).map(drop)
}

/// Makes what KV has of some results leftovers. Returns how many results these were: at most `at_most`.
pub fn abandon(sql: &dyn LocalSql, at_most: i64) -> Result<usize, PortError> {
    for day in days(sql)? {
        let query = format!("SELECT run_id, in_kv FROM {PREFIX}{day} WHERE in_kv IS NOT NULL LIMIT ?");
        let rows = sql.exec(&query, &[SqlValue::Integer(at_most)])?;
        for row in &rows {
            sql.exec("INSERT OR REPLACE INTO leftovers (run_id, in_kv) VALUES (?, ?)", row)?;
            sql.exec(&format!("UPDATE {PREFIX}{day} SET in_kv = NULL WHERE run_id = ?"), &row[..1])?;
        }
        if !rows.is_empty() {
            return Ok(rows.len());
        }
    }
    Ok(0)
}

/// Notes what KV has of a run that is not stored.
pub fn add_leftover(sql: &dyn LocalSql, id: RunId, in_kv: InKv) -> Result<(), PortError> {
    let args = [text(id), text(write(in_kv))];
    sql.exec("INSERT OR REPLACE INTO leftovers (run_id, in_kv) VALUES (?, ?)", &args).map(drop)
}

/// What KV still has of deleted runs: of `at_most` of them.
pub fn leftovers(sql: &dyn LocalSql, at_most: i64) -> Result<Vec<(RunId, InKv)>, PortError> {
    let rows = sql.exec("SELECT run_id, in_kv FROM leftovers LIMIT ?", &[SqlValue::Integer(at_most)])?;
    let read = |row: Vec<SqlValue>| match &row[..] {
        [SqlValue::Text(id), SqlValue::Text(in_kv)] => Some((RunId::parse(id)?, serde_json::from_str(in_kv).ok()?)),
        _ => None,
    };
    let unreadable = || PortError("What is left of a deleted run is unreadable.".to_owned());
    rows.into_iter().map(|row| read(row).ok_or_else(unreadable)).collect()
}

/// Notes that KV has nothing of a deleted run any more.
pub fn forget_leftover(sql: &dyn LocalSql, id: RunId) -> Result<(), PortError> {
    sql.exec("DELETE FROM leftovers WHERE run_id = ?", &[text(id)]).map(drop)
}

fn write(in_kv: InKv) -> String {
    serde_json::to_string(&in_kv).expect("flags and numbers always encode")
}
