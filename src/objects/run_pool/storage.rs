//! What an object stores in its own database: calls with an idempotency key, and finished runs whose log fails.

use crate::domain::run::finished::FinishedRun;
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{Entry, Fingerprint, IdempotencyKey, RETENTION_MS};
use crate::domain::timestamp::Timestamp;
use crate::domain::usage_log::name::LogName;
use crate::ports::{LocalSql, PortError, SqlValue};

/// The most rows that one step of a purge deletes. An alarm has 30 s of CPU time. A step takes a small part of a second.
pub const PURGED_AT_ONCE: usize = 1_000;
/// An object that stores this many bytes takes no further idempotency keys: some two million keys of common length. An
/// object may store 10 GB, and must have room for the secret of its container and for finished runs.
pub const MAX_STORED_BYTES: u64 = 1_000_000_000;
/// Finished runs that are submitted in one call. Each has some 20 KiB at most.
const SUBMITTED_AT_ONCE: usize = 50;

/// Creates the tables that do not exist yet.
pub fn create_tables(sql: &dyn LocalSql) -> Result<(), PortError> {
    sql.exec(
        "CREATE TABLE IF NOT EXISTS idempotent_runs (key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, run_id TEXT NOT NULL, \
         created_at INTEGER NOT NULL, finished INTEGER NOT NULL)",
        &[],
    )?;
    // The oldest entry is read at each call with a key; without the index that reads all of them.
    sql.exec("CREATE INDEX IF NOT EXISTS idempotent_runs_by_time ON idempotent_runs (created_at)", &[])?;
    sql.exec(
        "CREATE TABLE IF NOT EXISTS unsubmitted_runs (run_id TEXT PRIMARY KEY, log TEXT NOT NULL, line TEXT NOT NULL, \
         since INTEGER NOT NULL)",
        &[],
    )?;
    Ok(())
}

/// The entry of `key`.
pub fn get(sql: &dyn LocalSql, key: &IdempotencyKey) -> Result<Option<Entry>, PortError> {
    let rows =
        sql.exec("SELECT fingerprint, run_id, created_at, finished FROM idempotent_runs WHERE key = ?", &[text(key)])?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let entry = match &row[..] {
        [
            SqlValue::Text(fingerprint),
            SqlValue::Text(id),
            SqlValue::Integer(created_at),
            SqlValue::Integer(finished),
        ] => RunId::parse(id).map(|run_id| Entry {
            fingerprint: Fingerprint(fingerprint.clone()),
            run_id,
            created_at: Timestamp(*created_at),
            finished: *finished != 0,
        }),
        _ => None,
    };
    entry.map(Some).ok_or_else(|| PortError("The entry of an idempotency key is unreadable.".to_owned()))
}

/// Stores that a run began, in place of an earlier entry of `key`.
pub fn begin(sql: &dyn LocalSql, key: &IdempotencyKey, entry: &Entry) -> Result<(), PortError> {
    forget(sql, key)?;
    let args = [
        text(key),
        SqlValue::Text(entry.fingerprint.0.clone()),
        SqlValue::Text(entry.run_id.to_string()),
        SqlValue::Integer(entry.created_at.0),
    ];
    sql.exec(
        "INSERT INTO idempotent_runs (key, fingerprint, run_id, created_at, finished) VALUES (?, ?, ?, ?, 0)",
        &args,
    )?;
    Ok(())
}

/// Notes that a run has ended, and that its record can be read.
pub fn finish(sql: &dyn LocalSql, key: &IdempotencyKey) -> Result<(), PortError> {
    sql.exec("UPDATE idempotent_runs SET finished = 1 WHERE key = ?", &[text(key)]).map(drop)
}

/// Deletes the entry of a call that ran nothing.
pub fn forget(sql: &dyn LocalSql, key: &IdempotencyKey) -> Result<(), PortError> {
    sql.exec("DELETE FROM idempotent_runs WHERE key = ?", &[text(key)]).map(drop)
}

/// Deletes the oldest of the entries that are older than the retention: at most [`PURGED_AT_ONCE`]. What is left is due, and
/// [`next_alarm`] says so.
pub fn purge(sql: &dyn LocalSql, now: Timestamp) -> Result<(), PortError> {
    let at_most = i64::try_from(PURGED_AT_ONCE).expect("a thousand fits");
    let args = [SqlValue::Integer(now.plus_ms(-RETENTION_MS).0), SqlValue::Integer(at_most)];
    let query = "DELETE FROM idempotent_runs WHERE key IN \
                 (SELECT key FROM idempotent_runs WHERE created_at <= ? ORDER BY created_at LIMIT ?)";
    sql.exec(query, &args).map(drop)
}

/// Keeps a finished run that its log did not take.
pub fn keep_unsubmitted(
    sql: &dyn LocalSql,
    log: LogName,
    run: &FinishedRun,
    since: Timestamp,
) -> Result<(), PortError> {
    let args = [
        SqlValue::Text(run.id.to_string()),
        SqlValue::Text(log.to_string()),
        SqlValue::Text(run.to_line()),
        SqlValue::Integer(since.0),
    ];
    let query = "INSERT OR IGNORE INTO unsubmitted_runs (run_id, log, line, since) VALUES (?, ?, ?, ?)";
    sql.exec(query, &args).map(drop)
}

/// The logs that did not take finished runs, and since when the oldest of these is kept.
pub fn logs_of_unsubmitted(sql: &dyn LocalSql) -> Result<Vec<(LogName, Timestamp)>, PortError> {
    let rows = sql.exec("SELECT log, min(since) FROM unsubmitted_runs GROUP BY log", &[])?;
    let read = |row: Vec<SqlValue>| match &row[..] {
        [SqlValue::Text(log), SqlValue::Integer(since)] => Some((LogName::parse(log)?, Timestamp(*since))),
        _ => None,
    };
    let logs: Option<Vec<_>> = rows.into_iter().map(read).collect();
    logs.ok_or_else(|| PortError("A finished run is unreadable.".to_owned()))
}

/// Some of the oldest finished runs of a log; `None` when none is left.
pub fn unsubmitted(sql: &dyn LocalSql, log: LogName) -> Result<Option<Vec<FinishedRun>>, PortError> {
    let query = "SELECT line FROM unsubmitted_runs WHERE log = ? ORDER BY since LIMIT ?";
    let at_most = i64::try_from(SUBMITTED_AT_ONCE).expect("fifty fits");
    let rows = sql.exec(query, &[SqlValue::Text(log.to_string()), SqlValue::Integer(at_most)])?;
    let read = |row: Vec<SqlValue>| match &row[..] {
        [SqlValue::Text(line)] => FinishedRun::from_line(line),
        _ => None,
    };
    let runs: Option<Vec<_>> = rows.into_iter().map(read).collect();
    let runs = runs.ok_or_else(|| PortError("A finished run is unreadable.".to_owned()))?;
    Ok((!runs.is_empty()).then_some(runs))
}

/// Whether a finished run is still kept here.
pub fn is_unsubmitted(sql: &dyn LocalSql, id: RunId) -> Result<bool, PortError> {
    let query = "SELECT 1 FROM unsubmitted_runs WHERE run_id = ?";
    Ok(!sql.exec(query, &[SqlValue::Text(id.to_string())])?.is_empty())
}

/// Deletes a finished run that its log has taken.
pub fn delete_unsubmitted(sql: &dyn LocalSql, id: RunId) -> Result<(), PortError> {
    sql.exec("DELETE FROM unsubmitted_runs WHERE run_id = ?", &[SqlValue::Text(id.to_string())]).map(drop)
}

/// When the oldest entry is to be purged; `None` when there is no entry.
pub fn next_alarm(sql: &dyn LocalSql) -> Result<Option<Timestamp>, PortError> {
    let rows = sql.exec("SELECT created_at FROM idempotent_runs ORDER BY created_at LIMIT 1", &[])?;
    Ok(match rows.first().map(Vec::as_slice) {
        Some([SqlValue::Integer(oldest)]) => Some(Timestamp(*oldest).plus_ms(RETENTION_MS)),
        _ => None,
    })
}

fn text(key: &IdempotencyKey) -> SqlValue {
    SqlValue::Text(key.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::sqlite::Sqlite;

    fn key(name: &str) -> IdempotencyKey {
        IdempotencyKey::parse(name).unwrap()
    }

    fn entry(created_at: i64) -> Entry {
        Entry {
            fingerprint: Fingerprint::of(b"a"),
            run_id: RunId::from_random([7; 16]),
            created_at: Timestamp(created_at),
            finished: false,
        }
    }

    fn tables() -> Sqlite {
        let sql = Sqlite::empty();
        create_tables(&sql).unwrap();
        create_tables(&sql).unwrap();
        sql
    }

    #[test]
    fn a_call_is_kept_for_a_day() {
        let (sql, key, entry) = (tables(), key("order-1"), entry(1_000));
        assert_eq!((get(&sql, &key), next_alarm(&sql)), (Ok(None), Ok(None)));
        begin(&sql, &key, &entry).unwrap();
        assert_eq!(get(&sql, &key), Ok(Some(entry.clone())));
        finish(&sql, &key).unwrap();
        assert_eq!(get(&sql, &key), Ok(Some(Entry { finished: true, ..entry.clone() })));

        let end = Timestamp(1_000 + RETENTION_MS);
        assert_eq!(next_alarm(&sql), Ok(Some(end)));
        purge(&sql, end.plus_ms(-1)).unwrap();
        assert!(get(&sql, &key).unwrap().is_some());
        purge(&sql, end).unwrap();
        assert_eq!(get(&sql, &key), Ok(None));

        begin(&sql, &key, &entry).unwrap();
        finish(&sql, &key).unwrap();
        begin(&sql, &key, &entry).unwrap();
        assert_eq!(get(&sql, &key), Ok(Some(entry)), "a new beginning has not ended");
    }

    #[test]
    fn a_purge_deletes_a_thousand_entries_at_a_time() {
        let sql = tables();
        for number in 0..2_200 {
            begin(&sql, &key(&format!("{number}")), &entry(number)).unwrap();
        }
        begin(&sql, &key("young"), &entry(5_000)).unwrap();
        let rows = |sql: &Sqlite| match sql.exec("SELECT COUNT(*) FROM idempotent_runs", &[]).unwrap()[0][..] {
            [SqlValue::Integer(rows)] => rows,
            _ => panic!("a count is a number"),
        };
        let now = Timestamp(2_200 + RETENTION_MS);
        let mut left = vec![rows(&sql)];
        while next_alarm(&sql).unwrap().unwrap() <= now {
            purge(&sql, now).unwrap();
            left.push(rows(&sql));
        }
        assert_eq!(left, [2_201, 1_201, 201, 1]);
        purge(&sql, now).unwrap();
        assert_eq!(rows(&sql), 1, "what is younger stays");
    }

    #[test]
    fn the_oldest_entry_is_found_without_reading_the_others() {
        let sql = tables();
        for query in [
            "SELECT created_at FROM idempotent_runs ORDER BY created_at LIMIT 1",
            "SELECT key FROM idempotent_runs WHERE created_at <= 1 ORDER BY created_at LIMIT 5",
        ] {
            let plan = sql.exec(&format!("EXPLAIN QUERY PLAN {query}"), &[]).unwrap();
            let plan = format!("{plan:?}");
            assert!(plan.contains("idempotent_runs_by_time") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }

    #[test]
    fn a_finished_run_is_kept_once_until_its_log_has_it() {
        let sql = tables();
        let run = |number: u8| FinishedRun {
            id: RunId::from_random([number; 16]),
            usage: "{}".into(),
            record: Some("{\"a\":1}".into()),
        };
        let [a, b] = [1, 2].map(|number| run(number).id.log());
        for (number, log) in [(1, a), (2, b), (1, a), (3, a)] {
            keep_unsubmitted(&sql, log, &run(number), Timestamp(number.into())).unwrap();
        }
        assert_eq!(logs_of_unsubmitted(&sql), Ok(vec![(a, Timestamp(1)), (b, Timestamp(2))]));
        assert_eq!(unsubmitted(&sql, a), Ok(Some(vec![run(1), run(3)])));
        assert_eq!((is_unsubmitted(&sql, run(2).id), is_unsubmitted(&sql, run(4).id)), (Ok(true), Ok(false)));
        for number in [1, 3] {
            delete_unsubmitted(&sql, run(number).id).unwrap();
        }
        assert_eq!(unsubmitted(&sql, a), Ok(None));
    }
}
