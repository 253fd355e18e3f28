//! What a KeyGate object stores in its own database.

use crate::domain::key::rolling_window::RollingWindow;
use crate::domain::run::finished::FinishedRun;
use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::objects::schema::has_table;
use crate::ports::{LocalSql, PortError, SqlValue};

/// The most usage that one flush writes, in bytes. An argument of a D1 query has 2 MB at most.
const FLUSHED_AT_ONCE: usize = 1_000_000;
/// The usage after which a new row begins, in bytes. One run adds 10 kB at most.
const BYTES_A_ROW: usize = FLUSHED_AT_ONCE / 4;
/// The most results that one step of a purge deletes.
const PURGED_AT_ONCE: i64 = 10_000;

/// The saved state of a gate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Saved {
    /// The key whose gate it is.
    pub key_hash: String,
    pub window: RollingWindow,
}

/// Creates the tables of a key's gate if they are missing. Only writes create them, so a gate that refuses every call
/// stores nothing.
pub fn create_tables(sql: &dyn LocalSql, key_hash: &str) -> Result<(), PortError> {
    sql.exec(
        "CREATE TABLE IF NOT EXISTS gate (id INTEGER PRIMARY KEY CHECK (id = 1), key_hash TEXT NOT NULL, \
         calls BLOB NOT NULL)",
        &[],
    )?;
    sql.exec(
        // AUTOINCREMENT: no position is used twice, so that a flush deletes only what it has written.
        "CREATE TABLE IF NOT EXISTS pending_usage (position INTEGER PRIMARY KEY AUTOINCREMENT, record TEXT NOT NULL, \
         since INTEGER NOT NULL)",
        &[],
    )?;
    sql.exec("CREATE TABLE IF NOT EXISTS results (run_id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID", &[])?;
    // The alarm reads the key's hash from here.
    let nothing_saved = [SqlValue::from(key_hash), SqlValue::Blob(RollingWindow::default().encode())];
    sql.exec("INSERT OR IGNORE INTO gate (id, key_hash, calls) VALUES (1, ?, ?)", &nothing_saved).map(drop)
}

/// Saves the key's hash and the rolling window. With the highest limit the window has 80 kB, and a row may have 2 MB.
pub fn save(sql: &dyn LocalSql, key_hash: &str, window: &RollingWindow) -> Result<(), PortError> {
    let args = [SqlValue::from(key_hash), SqlValue::Blob(window.encode())];
    sql.exec("INSERT OR REPLACE INTO gate (id, key_hash, calls) VALUES (1, ?, ?)", &args).map(drop)
}

/// What was saved.
pub fn load(sql: &dyn LocalSql) -> Result<Option<Saved>, PortError> {
    if !has_table(sql, "gate")? {
        return Ok(None);
    }
    let rows = sql.exec("SELECT key_hash, calls FROM gate", &[])?;
    match rows.first().map(Vec::as_slice) {
        None => Ok(None),
        Some([SqlValue::Text(key_hash), SqlValue::Blob(calls)]) => {
            Ok(Some(Saved { key_hash: key_hash.clone(), window: RollingWindow::decode(calls) }))
        }
        Some(_) => Err(PortError("What a gate saved is unreadable.".to_owned())),
    }
}

/// Stores finished runs: their usage in as few rows as possible until it is flushed, and their records until they are
/// purged.
pub fn add(sql: &dyn LocalSql, runs: Vec<FinishedRun>, now: Timestamp) -> Result<(), PortError> {
    let mut usage = String::new();
    for run in runs {
        if let Some(record) = run.record {
            let args = [SqlValue::Text(run.id.to_string()), SqlValue::Text(record)];
            sql.exec("INSERT OR REPLACE INTO results (run_id, record) VALUES (?, ?)", &args)?;
        }
        usage = usage + &run.usage + "\n";
        if usage.len() >= BYTES_A_ROW {
            add_usage(sql, std::mem::take(&mut usage), now)?;
        }
    }
    if usage.is_empty() { Ok(()) } else { add_usage(sql, usage, now) }
}

fn add_usage(sql: &dyn LocalSql, usage: String, now: Timestamp) -> Result<(), PortError> {
    let args = [SqlValue::Text(usage), SqlValue::Integer(now.0)];
    sql.exec("INSERT INTO pending_usage (record, since) VALUES (?, ?)", &args).map(drop)
}

/// The record of a run.
pub fn record(sql: &dyn LocalSql, id: RunId) -> Result<Option<String>, PortError> {
    if !has_table(sql, "results")? {
        return Ok(None);
    }
    let rows = sql.exec("SELECT record FROM results WHERE run_id = ?", &[SqlValue::Text(id.to_string())])?;
    match rows.into_iter().next().as_deref() {
        None => Ok(None),
        Some([SqlValue::Text(record)]) => Ok(Some(record.clone())),
        Some(_) => Err(PortError("The record of a run is unreadable.".to_owned())),
    }
}

/// Deletes the record of a run.
pub fn delete_record(sql: &dyn LocalSql, id: RunId) -> Result<(), PortError> {
    if !has_table(sql, "results")? {
        return Ok(());
    }
    sql.exec("DELETE FROM results WHERE run_id = ?", &[SqlValue::Text(id.to_string())]).map(drop)
}

/// Deletes records of the days before the day of `before`, at most `PURGED_AT_ONCE`.
pub fn purge_records(sql: &dyn LocalSql, before: Timestamp) -> Result<(), PortError> {
    let Some(oldest) = oldest_record(sql)? else { return Ok(()) };
    let query = "DELETE FROM results WHERE run_id IN \
                 (SELECT run_id FROM results WHERE run_id < ? ORDER BY run_id LIMIT ?)";
    sql.exec(query, &[SqlValue::Text(oldest.lower_bound(before)), SqlValue::Integer(PURGED_AT_ONCE)]).map(drop)
}

/// The run whose record is the oldest, to the day. Ids of one key are in the order of their days.
pub fn oldest_record(sql: &dyn LocalSql) -> Result<Option<RunId>, PortError> {
    if !has_table(sql, "results")? {
        return Ok(None);
    }
    Ok(match sql.exec("SELECT min(run_id) FROM results", &[])?.first().map(Vec::as_slice) {
        Some([SqlValue::Text(id)]) => RunId::parse(id),
        _ => None,
    })
}

/// The oldest usage that fits into one flush, a line for each run, and the position of its last row.
pub fn oldest_usage(sql: &dyn LocalSql) -> Result<(Vec<String>, i64), PortError> {
    let (mut last, mut bytes) = (0, 0);
    let mut usage = Vec::new();
    for row in sql.exec("SELECT position, record FROM pending_usage ORDER BY position LIMIT 100", &[])? {
        let [SqlValue::Integer(position), SqlValue::Text(lines)] = &row[..] else {
            return Err(PortError("The usage of a run is unreadable.".to_owned()));
        };
        bytes += lines.len();
        if last != 0 && bytes > FLUSHED_AT_ONCE {
            break;
        }
        last = *position;
        usage.extend(lines.lines().map(str::to_owned));
    }
    Ok((usage, last))
}

/// The position of the oldest pending usage.
pub fn oldest_position(sql: &dyn LocalSql) -> Result<Option<i64>, PortError> {
    position(sql, "SELECT min(position) FROM pending_usage")
}

/// The position of the latest pending usage.
pub fn latest_usage(sql: &dyn LocalSql) -> Result<Option<i64>, PortError> {
    position(sql, "SELECT max(position) FROM pending_usage")
}

fn position(sql: &dyn LocalSql, query: &str) -> Result<Option<i64>, PortError> {
    if !has_table(sql, "pending_usage")? {
        return Ok(None);
    }
    Ok(match sql.exec(query, &[])?.first().map(Vec::as_slice) {
        Some([SqlValue::Integer(position)]) => Some(*position),
        _ => None,
    })
}

/// Deletes the usage up to a position, after a flush.
pub fn delete_usage(sql: &dyn LocalSql, last: i64) -> Result<(), PortError> {
    sql.exec("DELETE FROM pending_usage WHERE position <= ?", &[SqlValue::Integer(last)]).map(drop)
}

/// When the oldest pending usage was stored.
pub fn pending_since(sql: &dyn LocalSql) -> Result<Option<Timestamp>, PortError> {
    if !has_table(sql, "pending_usage")? {
        return Ok(None);
    }
    let rows = sql.exec("SELECT since FROM pending_usage ORDER BY position LIMIT 1", &[])?;
    Ok(match rows.first().map(Vec::as_slice) {
        Some([SqlValue::Integer(since)]) => Some(Timestamp(*since)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::DAY_MS;
    use crate::tests::app::secret;
    use crate::tests::sqlite::Sqlite;

    fn run(of: u8, record: Option<&str>) -> FinishedRun {
        let id = RunId::with_key("0badcafe", Timestamp(i64::from(of) * DAY_MS), [of; 16], &secret());
        FinishedRun { id, usage: format!("u{of}"), record: record.map(str::to_owned) }
    }

    #[test]
    fn windows_and_usage_outlive_the_object() {
        let sql = Sqlite::empty();
        assert_eq!((load(&sql), pending_since(&sql)), (Ok(None), Ok(None)));
        create_tables(&sql, "ab").unwrap();
        create_tables(&sql, "ab").unwrap();
        let empty = Saved { key_hash: "ab".into(), window: RollingWindow::default() };
        assert_eq!(load(&sql), Ok(Some(empty)));
        let mut window = RollingWindow::default();
        for at in [1, 2, 3] {
            window.admit(10, Timestamp(at));
            save(&sql, "ab", &window).unwrap();
        }
        assert_eq!(load(&sql), Ok(Some(Saved { key_hash: "ab".into(), window })));

        assert_eq!((pending_since(&sql), oldest_usage(&sql)), (Ok(None), Ok((vec![], 0))));
        for at in 0..150 {
            add(&sql, vec![run(1, None), run(2, None)], Timestamp(at)).unwrap();
        }
        let (usage, last) = oldest_usage(&sql).unwrap();
        assert_eq!((usage.len(), usage[198].as_str(), usage[199].as_str()), (200, "u1", "u2"));
        assert_eq!((latest_usage(&sql), oldest_position(&sql)), (Ok(Some(last + 50)), Ok(Some(1))));
        delete_usage(&sql, last).unwrap();
        assert_eq!(pending_since(&sql), Ok(Some(Timestamp(100))));
        assert_eq!(oldest_usage(&sql).unwrap().0.len(), 100);
    }

    #[test]
    fn no_row_and_no_booking_is_larger_than_the_database_takes() {
        let sql = Sqlite::empty();
        create_tables(&sql, "ab").unwrap();
        let large = FinishedRun { usage: "x".repeat(10_000), ..run(1, None) };
        add(&sql, vec![large; 250], Timestamp(0)).unwrap();
        let mut flushed = 0;
        while let (usage, last @ 1..) = oldest_usage(&sql).unwrap() {
            assert!(usage.iter().map(String::len).sum::<usize>() <= FLUSHED_AT_ONCE);
            flushed += usage.len();
            delete_usage(&sql, last).unwrap();
        }
        assert_eq!(flushed, 250);
    }

    #[test]
    fn records_are_kept_until_they_are_purged_or_forgotten() {
        let sql = Sqlite::empty();
        let id = |of| run(of, None).id;
        let day = |of: i64| Timestamp(of * DAY_MS);
        assert_eq!(
            (record(&sql, id(1)), oldest_record(&sql), delete_record(&sql, id(1))),
            (Ok(None), Ok(None), Ok(()))
        );
        create_tables(&sql, "ab").unwrap();
        assert_eq!((record(&sql, id(1)), oldest_record(&sql)), (Ok(None), Ok(None)));
        let runs = (1..=4).rev().map(|of| run(of, Some("{}"))).chain([run(5, None)]);
        add(&sql, runs.collect(), Timestamp(0)).unwrap();
        assert_eq!((record(&sql, id(5)), oldest_record(&sql)), (Ok(None), Ok(Some(id(1)))));

        add(&sql, vec![run(4, Some("[]"))], Timestamp(0)).unwrap();
        assert_eq!(record(&sql, id(4)), Ok(Some("[]".into())), "a record that is submitted again replaces the first");
        delete_record(&sql, id(3)).unwrap();
        assert_eq!(record(&sql, id(3)), Ok(None));
        purge_records(&sql, day(1)).unwrap();
        assert_eq!(oldest_record(&sql), Ok(Some(id(1))), "nothing is that old");
        purge_records(&sql, day(2)).unwrap();
        assert_eq!((record(&sql, id(1)), record(&sql, id(2))), (Ok(None), Ok(Some("{}".into()))));
        purge_records(&sql, day(9)).unwrap();
        assert_eq!(oldest_record(&sql), Ok(None));
        assert_eq!(oldest_usage(&sql).unwrap().0.len(), 6, "what is flushed is another matter");
    }
}
