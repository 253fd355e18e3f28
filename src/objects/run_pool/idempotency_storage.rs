//! What an object remembers of calls with an idempotency key, in its own database.

use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{Entry, Fingerprint, IdempotencyKey, RETENTION_MS};
use crate::domain::timestamp::Timestamp;
use crate::ports::{LocalSql, PortError, SqlValue};

/// A row of object storage holds at most 2 MB; half of that leaves room for the key beside it.
const CHUNK_BYTES: usize = 1_000_000;

/// Makes the tables where they are not there yet.
pub fn create_tables(sql: &dyn LocalSql) -> Result<(), PortError> {
    sql.exec(
        "CREATE TABLE IF NOT EXISTS once (key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, run_id TEXT NOT NULL, \
         created_at INTEGER NOT NULL, finished INTEGER NOT NULL)",
        &[],
    )?;
    sql.exec(
        "CREATE TABLE IF NOT EXISTS once_chunks (key TEXT NOT NULL, position INTEGER NOT NULL, bytes BLOB NOT NULL, \
         PRIMARY KEY (key, position))",
        &[],
    )?;
    Ok(())
}

/// What is remembered of `key`.
pub fn get(sql: &dyn LocalSql, key: &IdempotencyKey) -> Result<Option<Entry>, PortError> {
    let rows = sql.exec("SELECT fingerprint, run_id, created_at, finished FROM once WHERE key = ?", &[text(key)])?;
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

/// Remembers that a run began, in place of whatever was remembered of `key`.
pub fn begin(sql: &dyn LocalSql, key: &IdempotencyKey, entry: &Entry) -> Result<(), PortError> {
    forget(sql, key)?;
    let args = [
        text(key),
        SqlValue::Text(entry.fingerprint.0.clone()),
        SqlValue::Text(entry.run_id.to_string()),
        SqlValue::Integer(entry.created_at.0),
    ];
    sql.exec("INSERT INTO once (key, fingerprint, run_id, created_at, finished) VALUES (?, ?, ?, ?, 0)", &args)?;
    Ok(())
}

/// Remembers the answer, which is the last line of the run's event stream.
pub fn finish(sql: &dyn LocalSql, key: &IdempotencyKey, line: &[u8]) -> Result<(), PortError> {
    for (position, chunk) in (0..).zip(line.chunks(CHUNK_BYTES)) {
        let args = [text(key), SqlValue::Integer(position), SqlValue::Blob(chunk.to_vec())];
        sql.exec("INSERT INTO once_chunks (key, position, bytes) VALUES (?, ?, ?)", &args)?;
    }
    sql.exec("UPDATE once SET finished = 1 WHERE key = ?", &[text(key)])?;
    Ok(())
}

/// The answer of a finished run.
pub fn answer(sql: &dyn LocalSql, key: &IdempotencyKey) -> Result<Vec<u8>, PortError> {
    let rows = sql.exec("SELECT bytes FROM once_chunks WHERE key = ? ORDER BY position", &[text(key)])?;
    let mut line = Vec::new();
    for row in rows {
        match &row[..] {
            [SqlValue::Blob(chunk)] => line.extend_from_slice(chunk),
            _ => return Err(PortError("The answer of an idempotency key is unreadable.".to_owned())),
        }
    }
    Ok(line)
}

/// Forgets a call that ran nothing.
pub fn forget(sql: &dyn LocalSql, key: &IdempotencyKey) -> Result<(), PortError> {
    sql.exec("DELETE FROM once_chunks WHERE key = ?", &[text(key)])?;
    sql.exec("DELETE FROM once WHERE key = ?", &[text(key)])?;
    Ok(())
}

/// Forgets every call that is older than the retention.
pub fn purge(sql: &dyn LocalSql, now: Timestamp) -> Result<(), PortError> {
    let before = [SqlValue::Integer(now.plus_ms(-RETENTION_MS).0)];
    sql.exec("DELETE FROM once_chunks WHERE key IN (SELECT key FROM once WHERE created_at <= ?)", &before)?;
    sql.exec("DELETE FROM once WHERE created_at <= ?", &before)?;
    Ok(())
}

/// When there will be something to purge; `None` where nothing is remembered.
pub fn next_alarm(sql: &dyn LocalSql) -> Result<Option<Timestamp>, PortError> {
    let rows = sql.exec("SELECT created_at FROM once ORDER BY created_at LIMIT 1", &[])?;
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

    #[test]
    fn a_call_is_remembered_for_a_day() {
        let sql = Sqlite::empty();
        create_tables(&sql).unwrap();
        create_tables(&sql).unwrap();
        let key = IdempotencyKey::parse("order-1").unwrap();
        let entry = Entry {
            fingerprint: Fingerprint::of(b"a"),
            run_id: RunId::from_random([7; 16]),
            created_at: Timestamp(1_000),
            finished: false,
        };
        assert_eq!(get(&sql, &key), Ok(None));
        assert_eq!(next_alarm(&sql), Ok(None));

        begin(&sql, &key, &entry).unwrap();
        assert_eq!(get(&sql, &key), Ok(Some(entry.clone())));
        let line: Vec<u8> = (0..2_500_000u32).map(|n| n as u8).collect();
        finish(&sql, &key, &line).unwrap();
        assert_eq!(get(&sql, &key), Ok(Some(Entry { finished: true, ..entry.clone() })));
        assert_eq!(answer(&sql, &key), Ok(line));

        let end = Timestamp(1_000 + RETENTION_MS);
        assert_eq!(next_alarm(&sql), Ok(Some(end)));
        purge(&sql, end.plus_ms(-1)).unwrap();
        assert!(get(&sql, &key).unwrap().is_some());
        purge(&sql, end).unwrap();
        assert_eq!((get(&sql, &key), answer(&sql, &key)), (Ok(None), Ok(vec![])));

        begin(&sql, &key, &entry).unwrap();
        finish(&sql, &key, b"x").unwrap();
        begin(&sql, &key, &entry).unwrap();
        assert_eq!(answer(&sql, &key), Ok(vec![]), "a new beginning has no old answer");
    }
}
