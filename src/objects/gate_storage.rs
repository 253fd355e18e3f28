//! What a key's gate keeps over its own restarts, in its own database.

use crate::domain::rolling_window::RollingWindow;
use crate::domain::timestamp::Timestamp;
use crate::ports::{LocalSql, PortError, SqlValue};

/// Records that one booking takes: with 200 characters of source and 8 KiB of user context at most, 100 of them stay
/// below the 2 MB that D1 takes as one argument.
const BOOKED_AT_ONCE: i64 = 100;

/// What a gate remembers of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Saved {
    /// The key whose gate it is.
    pub key_hash: String,
    pub window: RollingWindow,
}

/// Makes the tables where they are not there yet.
pub fn create_tables(sql: &dyn LocalSql) -> Result<(), PortError> {
    sql.exec(
        "CREATE TABLE IF NOT EXISTS gate (id INTEGER PRIMARY KEY CHECK (id = 1), key_hash TEXT NOT NULL, \
         calls BLOB NOT NULL)",
        &[],
    )?;
    sql.exec(
        "CREATE TABLE IF NOT EXISTS unbooked (position INTEGER PRIMARY KEY, record TEXT NOT NULL, \
         since INTEGER NOT NULL)",
        &[],
    )?;
    Ok(())
}

/// Saves whose gate it is and the calls that were let through. The highest limit makes 80 kB of them, and a row may
/// have 2 MB.
pub fn save(sql: &dyn LocalSql, key_hash: &str, window: &RollingWindow) -> Result<(), PortError> {
    let args = [SqlValue::from(key_hash), SqlValue::Blob(window.encode())];
    sql.exec("INSERT OR REPLACE INTO gate (id, key_hash, calls) VALUES (1, ?, ?)", &args).map(drop)
}

/// What was saved. Asking writes nothing, so that a gate that lets nobody through leaves nothing behind.
pub fn load(sql: &dyn LocalSql) -> Result<Option<Saved>, PortError> {
    if !has_tables(sql)? {
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

/// Keeps a record until it is booked.
pub fn add_record(sql: &dyn LocalSql, record: String, now: Timestamp) -> Result<(), PortError> {
    let args = [SqlValue::Text(record), SqlValue::Integer(now.0)];
    sql.exec("INSERT INTO unbooked (record, since) VALUES (?, ?)", &args).map(drop)
}

/// The oldest records, as many as one booking takes, and the position of the last of them.
pub fn oldest_records(sql: &dyn LocalSql) -> Result<(Vec<String>, i64), PortError> {
    let query = "SELECT position, record FROM unbooked ORDER BY position LIMIT ?";
    let mut last = 0;
    let mut records = Vec::new();
    for row in sql.exec(query, &[SqlValue::Integer(BOOKED_AT_ONCE)])? {
        let [SqlValue::Integer(position), SqlValue::Text(record)] = &row[..] else {
            return Err(PortError("A record of a run is unreadable.".to_owned()));
        };
        last = *position;
        records.push(record.clone());
    }
    Ok((records, last))
}

/// Forgets the records up to a position, which are booked.
pub fn forget_records(sql: &dyn LocalSql, last: i64) -> Result<(), PortError> {
    sql.exec("DELETE FROM unbooked WHERE position <= ?", &[SqlValue::Integer(last)]).map(drop)
}

/// Since when there is a record that is not booked.
pub fn unbooked_since(sql: &dyn LocalSql) -> Result<Option<Timestamp>, PortError> {
    if !has_tables(sql)? {
        return Ok(None);
    }
    let rows = sql.exec("SELECT since FROM unbooked ORDER BY position LIMIT 1", &[])?;
    Ok(match rows.first().map(Vec::as_slice) {
        Some([SqlValue::Integer(since)]) => Some(Timestamp(*since)),
        _ => None,
    })
}

fn has_tables(sql: &dyn LocalSql) -> Result<bool, PortError> {
    let query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'unbooked'";
    Ok(!sql.exec(query, &[])?.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sqlite::Sqlite;

    #[test]
    fn windows_and_records_outlive_the_object() {
        let sql = Sqlite::empty();
        assert_eq!((load(&sql), unbooked_since(&sql)), (Ok(None), Ok(None)));
        create_tables(&sql).unwrap();
        create_tables(&sql).unwrap();
        assert_eq!(load(&sql), Ok(None));
        let mut window = RollingWindow::default();
        for at in [1, 2, 3] {
            window.admit(10, Timestamp(at));
            save(&sql, "ab", &window).unwrap();
        }
        assert_eq!(load(&sql), Ok(Some(Saved { key_hash: "ab".into(), window })));

        assert_eq!((unbooked_since(&sql), oldest_records(&sql)), (Ok(None), Ok((vec![], 0))));
        for at in 0..150 {
            add_record(&sql, format!("r{at}"), Timestamp(at)).unwrap();
        }
        let (records, last) = oldest_records(&sql).unwrap();
        assert_eq!((records.len(), records[99].as_str()), (100, "r99"));
        forget_records(&sql, last).unwrap();
        assert_eq!(unbooked_since(&sql), Ok(Some(Timestamp(100))));
        assert_eq!(oldest_records(&sql).unwrap().0.len(), 50);
    }
}
