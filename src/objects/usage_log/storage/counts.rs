//! The counts of a log: by hour, since the beginning, and by end user.

use crate::domain::timestamp::Timestamp;
use crate::domain::usage::{UsageRecord, bucket_of};
use crate::domain::usage_log::query::{Count, EndUserCount, HourCount, Hours, KeyCount, Stretch, UsageCounts};
use crate::domain::usage_log::retention::hour_of;
use crate::objects::schema::has_table;
use crate::objects::usage_log::storage::values::{number, text};
use crate::ports::{LocalSql, PortError, Row, SqlValue};
use std::collections::{BTreeMap, BTreeSet};

/// Keys and end users that are shown: more than anybody reads.
const MAX_SHOWN: i64 = 100;

/// Counts new runs: those of one kind together, because each changed row costs. Returns their hours.
pub fn add(sql: &dyn LocalSql, runs: &[UsageRecord], now: Timestamp) -> Result<BTreeSet<i64>, PortError> {
    let (mut hours, mut totals, mut end_users) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for run in runs {
        let kind = (run.tier.as_str(), run.language.as_str(), run.status.as_str());
        *hours.entry((hour_of(run.created_at), kind)).or_insert(0) += 1;
        *totals.entry((run.key_id.as_str(), kind, bucket_of(run.duration_ms))).or_insert(0) += 1;
        if let Some(id) = &run.end_user_id {
            let (runs, latest) = end_users.entry(id.as_str()).or_insert((0, run.created_at));
            *runs += 1;
            *latest = run.created_at.max(*latest);
        }
    }
    for ((hour, (tier, language, status)), runs) in &hours {
        let args = [
            SqlValue::Integer(*hour),
            text(*tier),
            text(*language),
            text(*status),
            SqlValue::Integer(*runs),
            SqlValue::Integer(now.0),
        ];
        sql.exec(
            "INSERT INTO hours (hour, tier, language, status, runs, changed_at) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT DO UPDATE SET runs = runs + excluded.runs, changed_at = excluded.changed_at",
            &args,
        )?;
    }
    for ((key_id, (tier, language, status), bucket), runs) in &totals {
        let args = [
            text(*key_id),
            text(*tier),
            text(*language),
            text(*status),
            SqlValue::from(*bucket),
            SqlValue::Integer(*runs),
        ];
        sql.exec(
            "INSERT INTO totals (key_id, tier, language, status, bucket, runs) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT DO UPDATE SET runs = runs + excluded.runs",
            &args,
        )?;
    }
    for (id, (runs, latest)) in &end_users {
        let args = [text(*id), SqlValue::Integer(*runs), SqlValue::Integer(latest.0)];
        sql.exec(
            "INSERT INTO end_users (end_user_id, runs, last_run_at) VALUES (?, ?, ?) \
             ON CONFLICT DO UPDATE SET runs = runs + excluded.runs, last_run_at = max(last_run_at, excluded.last_run_at)",
            &args,
        )?;
    }
    Ok(hours.into_keys().map(|(hour, _)| hour).collect())
}

/// The counts of a project. Totals are rows of their own, and the series reads only the hours that it shows, so the cost does
/// not grow with the age of the project. It grows with the number of its end users.
pub fn read(sql: &dyn LocalSql, Hours { from, to, step }: Hours) -> Result<UsageCounts, PortError> {
    if !has_table(sql, "totals")? {
        return Ok(UsageCounts::default());
    }
    let query = "SELECT language, status, bucket, sum(runs) FROM totals GROUP BY language, status, bucket";
    let totals = rows(sql, query, &[], |row| {
        let (language, status) = (row.text()?, row.text()?);
        let bucket = u32::try_from(row.integer()?).unwrap_or(u32::MAX);
        Ok(Count { language, status, bucket, runs: row.integer()? })
    })?;
    let query = "SELECT key_id, sum(runs) AS runs FROM totals GROUP BY key_id ORDER BY runs DESC, key_id LIMIT ?";
    let keys = rows(sql, query, &[SqlValue::Integer(MAX_SHOWN)], |row| {
        Ok(KeyCount { key_id: row.text()?, runs: row.integer()? })
    })?;
    let query = "SELECT end_user_id, runs, last_run_at FROM end_users ORDER BY runs DESC, end_user_id LIMIT ?";
    let end_users = rows(sql, query, &[SqlValue::Integer(MAX_SHOWN)], |row| {
        Ok(EndUserCount { id: row.text()?, runs: row.integer()?, last_run_at: row.time()? })
    })?;
    let query = "SELECT hour, sum(runs), sum(runs * (status = 'success')) FROM hours WHERE hour >= ? AND hour < ? \
                 GROUP BY hour ORDER BY hour";
    let hours = rows(sql, query, &[SqlValue::Integer(from), SqlValue::Integer(to)], |row| {
        Ok(Stretch { hour: row.integer()?, runs: row.integer()?, successes: row.integer()? })
    })?;
    let mut series: BTreeMap<i64, Stretch> = BTreeMap::new();
    for Stretch { hour, runs, successes } in hours {
        let hour = hour.div_euclid(step) * step;
        let stretch = series.entry(hour).or_insert(Stretch { hour, runs: 0, successes: 0 });
        stretch.runs += runs;
        stretch.successes += successes;
    }
    Ok(UsageCounts { totals, series: series.into_values().collect(), keys, end_users })
}

/// The counts of some hours.
pub fn of_hours(sql: &dyn LocalSql, hours: &BTreeSet<i64>) -> Result<Vec<HourCount>, PortError> {
    let mut counts = Vec::new();
    for hour in hours {
        let query = "SELECT hour, tier, language, status, runs FROM hours WHERE hour = ?";
        counts.extend(rows(sql, query, &[SqlValue::Integer(*hour)], read_hour)?);
    }
    Ok(counts)
}

/// The counts that have changed since a time. It reads all hours.
pub fn changed_since(sql: &dyn LocalSql, since: Timestamp) -> Result<Vec<HourCount>, PortError> {
    let query = "SELECT hour, tier, language, status, runs FROM hours WHERE changed_at >= ?";
    rows(sql, query, &[SqlValue::Integer(since.0)], read_hour)
}

/// Whether a count has changed since a time.
pub fn has_changed_since(sql: &dyn LocalSql, since: Timestamp) -> Result<bool, PortError> {
    let query = "SELECT 1 FROM hours WHERE changed_at >= ? LIMIT 1";
    Ok(number(sql, query, &[SqlValue::Integer(since.0)])?.is_some())
}

/// Deletes the counts of hours before this one.
pub fn purge_hours(sql: &dyn LocalSql, before: i64) -> Result<(), PortError> {
    sql.exec("DELETE FROM hours WHERE hour < ?", &[SqlValue::Integer(before)]).map(drop)
}

fn read_hour(row: &mut Row) -> Result<HourCount, PortError> {
    Ok(HourCount {
        hour: row.integer()?,
        tier: row.text()?,
        language: row.text()?,
        status: row.text()?,
        runs: row.integer()?,
    })
}

fn rows<T>(
    sql: &dyn LocalSql,
    query: &str,
    args: &[SqlValue],
    read: impl Fn(&mut Row) -> Result<T, PortError>,
) -> Result<Vec<T>, PortError> {
    sql.exec(query, args)?.into_iter().map(|row| read(&mut Row::new(row))).collect()
}
