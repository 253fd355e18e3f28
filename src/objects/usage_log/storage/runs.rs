//! The runs of a log: stored once each, listed, deleted.

use crate::domain::run::id::RunId;
use crate::domain::run::record::InKv;
use crate::domain::timestamp::Timestamp;
use crate::domain::usage::UsageRecord;
use crate::domain::usage_log::query::{Filter, HistoryQuery, RunFilter, UsageRun};
use crate::domain::usage_log::retention::{day_of, erasures_since, hour_of, results_since_day, runs_since};
use crate::objects::schema::has_table;
use crate::objects::usage_log::storage::values::{number, text};
use crate::objects::usage_log::storage::{counts, results};
use crate::ports::{LocalSql, PortError, Row, SqlValue};
use std::collections::BTreeSet;

/// The most runs that one step of a purge deletes. An alarm has 30 s of CPU time. A step takes a small part of a second.
pub const PURGED_AT_ONCE: i64 = 10_000;
/// The same for runs whose results are deleted one by one.
pub const ERASED_AT_ONCE: i64 = 1_000;

/// A run that has arrived.
pub struct Arrived {
    pub id: RunId,
    pub usage: UsageRecord,
    /// `None` if KV has it.
    pub record: Option<String>,
    pub in_kv: Option<InKv>,
}

/// Stores runs that are not stored yet, and counts these. Returns the hours whose counts have changed.
///
/// A run that has arrived before has its result replaced and is not counted again. A run of an end user who was deleted after
/// it had begun is dropped.
pub fn add(sql: &dyn LocalSql, arrived: &[Arrived], now: Timestamp) -> Result<BTreeSet<i64>, PortError> {
    let days: BTreeSet<i64> = arrived.iter().map(|run| day_of(run.usage.created_at)).collect();
    for day in days {
        results::create_table(sql, day)?;
    }
    let mut new = Vec::new();
    for run in arrived {
        if is_erased(sql, &run.usage)? {
            leave(sql, run)?;
            continue;
        }
        if insert(sql, &run.usage)? {
            new.push(run.usage.clone());
        }
        results::put(sql, day_of(run.usage.created_at), run.id, run.record.as_deref(), run.in_kv)?;
    }
    counts::add(sql, &new, now)
}

/// Notes what KV has of a run that is not stored.
pub fn leave(sql: &dyn LocalSql, run: &Arrived) -> Result<(), PortError> {
    run.in_kv.map_or(Ok(()), |in_kv| results::add_leftover(sql, run.id, in_kv))
}

fn is_erased(sql: &dyn LocalSql, run: &UsageRecord) -> Result<bool, PortError> {
    let Some(id) = &run.end_user_id else { return Ok(false) };
    let erased_at = number(sql, "SELECT at FROM erasures WHERE end_user_id = ?", &[text(id)])?;
    Ok(erased_at.is_some_and(|at| run.created_at.0 < at))
}

/// Whether the run was not stored before.
fn insert(sql: &dyn LocalSql, run: &UsageRecord) -> Result<bool, PortError> {
    let query = "INSERT INTO runs (created_at, run_id, key_id, tier, language, snippet, status, exit_code, duration_ms, \
                 end_user_id, user_context, ip, token) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
                 ON CONFLICT DO NOTHING RETURNING 1";
    let args = [
        SqlValue::from(run.created_at),
        text(run.run_id),
        SqlValue::from(&run.key_id),
        SqlValue::from(&run.tier),
        SqlValue::from(&run.language),
        SqlValue::from(&run.snippet),
        SqlValue::from(&run.status),
        SqlValue::Integer(run.exit_code.into()),
        SqlValue::from(run.duration_ms),
        SqlValue::from(run.end_user_id.as_ref()),
        SqlValue::from(run.user_context.as_ref().map(|context| context.get())),
        SqlValue::from(run.ip.as_ref()),
        SqlValue::from(run.token.as_ref()),
    ];
    Ok(!sql.exec(query, &args)?.is_empty())
}

/// The columns of a list, in the order in which they are read.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT run_id, key_id, created_at, language, snippet, status, exit_code, duration_ms, user_context, ip \
             FROM runs WHERE ",
            $condition,
            "(created_at, run_id) < (?, ?) ORDER BY created_at DESC, run_id DESC LIMIT ? OFFSET ?"
        )
    };
}

const ALL: &str = select!("");
const SCRIPTS: &str = select!("tier = 'isolate' AND ");
const OF_END_USER: &str = select!("end_user_id = ? AND ");

/// A part of the runs, the newest first.
pub fn list(sql: &dyn LocalSql, query: &HistoryQuery) -> Result<Vec<UsageRun>, PortError> {
    if !has_table(sql, "runs")? {
        return Ok(Vec::new());
    }
    let HistoryQuery { filter, after_at, after_id, offset, rows } = query;
    let (statement, mut args) = match filter {
        Filter::All => (ALL, vec![]),
        Filter::Scripts => (SCRIPTS, vec![]),
        Filter::EndUser(id) => (OF_END_USER, vec![text(id)]),
        Filter::Runs(filter) => return list_filtered(sql, filter, query),
    };
    args.extend([SqlValue::from(*after_at), text(after_id), SqlValue::from(*rows), SqlValue::from(*offset)]);
    sql.exec(statement, &args)?.into_iter().map(|row| read(Row::new(row))).collect()
}

/// The statement has the conditions that the filter has, and nothing of a caller: SQLite then finds the index of the token or of
/// the end user, and reads in the order of time otherwise.
fn list_filtered(sql: &dyn LocalSql, filter: &RunFilter, query: &HistoryQuery) -> Result<Vec<UsageRun>, PortError> {
    let RunFilter { status, language, end_user, token, key, from, to } = filter;
    let texts = [
        ("status = ?", status),
        ("language = ?", language),
        ("end_user_id = ?", end_user),
        ("token = ?", token),
        ("key_id = ?", key),
    ];
    let times = [("created_at >= ?", from), ("created_at < ?", to)];
    let texts = texts.into_iter().filter_map(|(condition, value)| Some((condition, SqlValue::from(value.as_ref()?))));
    let times = times.into_iter().filter_map(|(condition, value)| Some((condition, SqlValue::from(*value.as_ref()?))));
    let (conditions, mut args): (Vec<&str>, Vec<SqlValue>) = texts.chain(times).unzip();
    let conditions: String = conditions.into_iter().flat_map(|condition| [condition, " AND "]).collect();
    let HistoryQuery { after_at, after_id, offset, rows, .. } = query;
    args.extend([SqlValue::from(*after_at), text(after_id), SqlValue::from(*rows), SqlValue::from(*offset)]);
    let statement = ALL.replacen("WHERE ", &format!("WHERE {conditions}"), 1);
    sql.exec(&statement, &args)?.into_iter().map(|row| read(Row::new(row))).collect()
}

fn read(mut row: Row) -> Result<UsageRun, PortError> {
    Ok(UsageRun {
        run_id: row.text()?,
        key_id: row.text()?,
        created_at: row.time()?,
        language: row.text()?,
        snippet: row.text()?,
        status: row.text()?,
        exit_code: row.integer()?,
        duration_ms: row.integer()?,
        user_context: row.optional_text()?,
        ip: row.optional_text()?,
    })
}

/// When the oldest run was made.
pub fn oldest(sql: &dyn LocalSql) -> Result<Option<Timestamp>, PortError> {
    Ok(number(sql, "SELECT created_at FROM runs ORDER BY created_at LIMIT 1", &[])?.map(Timestamp))
}

/// When the first end user was deleted that is not forgotten.
pub fn oldest_erasure(sql: &dyn LocalSql) -> Result<Option<Timestamp>, PortError> {
    Ok(number(sql, "SELECT min(at) FROM erasures", &[])?.map(Timestamp))
}

/// Whether fewer than `at_least` runs are stored.
pub fn has_fewer_than(sql: &dyn LocalSql, at_least: u32) -> Result<bool, PortError> {
    let query = "SELECT count(*) FROM (SELECT 1 FROM runs LIMIT ?)";
    Ok(number(sql, query, &[SqlValue::from(at_least)])?.unwrap_or(0) < i64::from(at_least))
}

/// Deletes what is kept no longer, and of the runs [`PURGED_AT_ONCE`] at most. Returns whether runs were deleted.
pub fn purge(sql: &dyn LocalSql, now: Timestamp) -> Result<bool, PortError> {
    for day in results::days(sql)?.into_iter().filter(|day| *day < results_since_day(now)) {
        results::drop_table(sql, day)?;
    }
    counts::purge_hours(sql, hour_of(runs_since(now)))?;
    sql.exec("DELETE FROM erasures WHERE at < ?", &[SqlValue::from(erasures_since(now))])?;
    let query = "DELETE FROM runs WHERE (created_at, run_id) IN (SELECT created_at, run_id FROM runs \
                 WHERE created_at < ? ORDER BY created_at LIMIT ?) RETURNING 1";
    let args = [SqlValue::from(runs_since(now)), SqlValue::Integer(PURGED_AT_ONCE)];
    Ok(!sql.exec(query, &args)?.is_empty())
}

/// Deletes the oldest runs with their results, [`ERASED_AT_ONCE`] at most, because the object is full. Returns whether there
/// were any.
pub fn purge_early(sql: &dyn LocalSql) -> Result<bool, PortError> {
    let query = "SELECT created_at, run_id FROM runs ORDER BY created_at, run_id LIMIT ?";
    let rows = sql.exec(query, &[SqlValue::Integer(ERASED_AT_ONCE)])?;
    delete(sql, &rows)?;
    Ok(!rows.is_empty())
}

/// Deletes runs for an end user with their results, [`ERASED_AT_ONCE`] at most, and with the last of them what else is known
/// of the end user. Runs that began before `at` and arrive later are dropped. Returns how many were deleted.
pub fn erase_end_user(sql: &dyn LocalSql, end_user_id: &str, at: Timestamp) -> Result<usize, PortError> {
    let note = "INSERT OR REPLACE INTO erasures (end_user_id, at) VALUES (?, ?)";
    sql.exec(note, &[text(end_user_id), SqlValue::from(at)])?;
    let query = "SELECT created_at, run_id FROM runs WHERE end_user_id = ? LIMIT ?";
    let rows = sql.exec(query, &[text(end_user_id), SqlValue::Integer(ERASED_AT_ONCE)])?;
    delete(sql, &rows)?;
    if (rows.len() as i64) < ERASED_AT_ONCE {
        sql.exec("DELETE FROM end_users WHERE end_user_id = ?", &[text(end_user_id)])?;
    }
    Ok(rows.len())
}

/// Deletes runs, each a time and an id, with their results.
fn delete(sql: &dyn LocalSql, rows: &[Vec<SqlValue>]) -> Result<(), PortError> {
    let days = results::days(sql)?;
    for row in rows {
        let [SqlValue::Integer(created_at), SqlValue::Text(id)] = &row[..] else {
            return Err(PortError("A run is unreadable.".to_owned()));
        };
        let day = day_of(Timestamp(*created_at));
        if days.binary_search(&day).is_ok() {
            results::delete(sql, day, id)?;
        }
        sql.exec("DELETE FROM runs WHERE created_at = ? AND run_id = ?", row)?;
    }
    Ok(())
}
