//! What an object stores about calls with an idempotency key, in its own database.

use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{Entry, Fingerprint, IdempotencyKey, RETENTION_MS};
use crate::domain::timestamp::Timestamp;
use crate::ports::{LocalSql, PortError, SqlValue};

/// A row of object storage holds at most 2 MB; half of that leaves room for the key beside it.
const CHUNK_BYTES: usize = 1_000_000;
/// The most rows that one step of a purge deletes. An alarm has 30 s of CPU time. A step takes a small part of a
/// second, even if each row is a chunk of an answer.
pub const PURGED_AT_ONCE: usize = 1_000;

/// Creates the tables that do not exist yet.
pub fn create_tables(sql: &dyn LocalSql) -> Result<(), PortError> {
    sql.exec(
        "CREATE TABLE IF NOT EXISTS idempotent_runs (key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, run_id TEXT NOT NULL, \
         created_at INTEGER NOT NULL, finished INTEGER NOT NULL)",
        &[],
    )?;
    sql.exec(
        "CREATE TABLE IF NOT EXISTS idempotent_answers (key TEXT NOT NULL, position INTEGER NOT NULL, bytes BLOB NOT NULL, \
         PRIMARY KEY (key, position))",
        &[],
    )?;
    // The oldest entry is read at each call with a key; without the index that reads all of them.
    sql.exec("CREATE INDEX IF NOT EXISTS idempotent_runs_by_time ON idempotent_runs (created_at)", &[])?;
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

/// Stores the answer: the last line of the run's event stream.
pub fn finish(sql: &dyn LocalSql, key: &IdempotencyKey, line: &[u8]) -> Result<(), PortError> {
    for (position, chunk) in (0..).zip(line.chunks(CHUNK_BYTES)) {
        let args = [text(key), SqlValue::Integer(position), SqlValue::Blob(chunk.to_vec())];
        sql.exec("INSERT INTO idempotent_answers (key, position, bytes) VALUES (?, ?, ?)", &args)?;
    }
    sql.exec("UPDATE idempotent_runs SET finished = 1 WHERE key = ?", &[text(key)])?;
    Ok(())
}

/// The answer of a finished run.
pub fn answer(sql: &dyn LocalSql, key: &IdempotencyKey) -> Result<Vec<u8>, PortError> {
    let rows = sql.exec("SELECT bytes FROM idempotent_answers WHERE key = ? ORDER BY position", &[text(key)])?;
    let mut line = Vec::new();
    for row in rows {
        match &row[..] {
            [SqlValue::Blob(chunk)] => line.extend_from_slice(chunk),
            _ => return Err(PortError("The answer of an idempotency key is unreadable.".to_owned())),
        }
    }
    Ok(line)
}

/// Deletes the entry of a call that ran nothing.
pub fn forget(sql: &dyn LocalSql, key: &IdempotencyKey) -> Result<(), PortError> {
    sql.exec("DELETE FROM idempotent_answers WHERE key = ?", &[text(key)])?;
    sql.exec("DELETE FROM idempotent_runs WHERE key = ?", &[text(key)])?;
    Ok(())
}

/// Deletes the oldest of the entries that are older than the retention, with their answers: at most
/// [`PURGED_AT_ONCE`] rows. What is left is due, and [`next_alarm`] says so.
pub fn purge(sql: &dyn LocalSql, now: Timestamp) -> Result<(), PortError> {
    let before = now.plus_ms(-RETENTION_MS).0;
    let expired = "FROM idempotent_runs WHERE created_at <= ? ORDER BY created_at, rowid LIMIT ?";
    let chunks = format!(
        "SELECT (SELECT COUNT(*) FROM idempotent_answers WHERE idempotent_answers.key = idempotent_runs.key) {expired}"
    );
    let at_most = i64::try_from(PURGED_AT_ONCE).expect("a thousand fits");
    let rows = sql.exec(&chunks, &[SqlValue::Integer(before), SqlValue::Integer(at_most)])?;

    // An entry goes with its whole answer, so that no entry is left with a part of its answer.
    let (mut entries, mut total) = (0, 0);
    for row in rows {
        let [SqlValue::Integer(chunks)] = row[..] else {
            return Err(PortError("The chunks of an answer could not be counted.".to_owned()));
        };
        total += chunks + 1;
        // An answer has 40 MiB and so 42 rows at most: the first entry always fits.
        if total > at_most {
            break;
        }
        entries += 1;
    }
    let step = [SqlValue::Integer(before), SqlValue::Integer(entries)];
    sql.exec(&format!("DELETE FROM idempotent_answers WHERE key IN (SELECT key {expired})"), &step)?;
    sql.exec(&format!("DELETE FROM idempotent_runs WHERE key IN (SELECT key {expired})"), &step)?;
    Ok(())
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

    #[test]
    fn a_call_is_kept_for_a_day() {
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

    fn store(sql: &Sqlite, name: &str, created_at: i64, line: &[u8]) {
        let key = IdempotencyKey::parse(name).unwrap();
        let (fingerprint, run_id) = (Fingerprint::of(b"a"), RunId::from_random([7; 16]));
        begin(sql, &key, &Entry { fingerprint, run_id, created_at: Timestamp(created_at), finished: false }).unwrap();
        finish(sql, &key, line).unwrap();
    }

    fn rows(sql: &Sqlite) -> usize {
        let count = |table: &str| match sql.exec(&format!("SELECT COUNT(*) FROM {table}"), &[]).unwrap()[0][..] {
            [SqlValue::Integer(rows)] => usize::try_from(rows).unwrap(),
            _ => panic!("a count is a number"),
        };
        count("idempotent_runs") + count("idempotent_answers")
    }

    #[test]
    fn a_purge_deletes_a_thousand_rows_at_a_time_and_leaves_no_part_of_an_answer() {
        let sql = Sqlite::empty();
        create_tables(&sql).unwrap();
        for number in 0..1_200 {
            store(&sql, &format!("{number}"), number, b"x");
        }
        store(&sql, "large", 1_200, &vec![0; 3 * CHUNK_BYTES]);
        store(&sql, "young", 5_000, b"x");
        let now = Timestamp(1_200 + RETENTION_MS);
        let mut left = vec![rows(&sql)];
        while next_alarm(&sql).unwrap().unwrap() <= now {
            purge(&sql, now).unwrap();
            left.push(rows(&sql));
        }
        assert_eq!(left, [2_406, 1_406, 406, 2]);
        purge(&sql, now).unwrap();
        assert_eq!(rows(&sql), 2, "what is younger stays");
    }

    #[test]
    fn an_answer_is_purged_whole_or_not_at_all() {
        let sql = Sqlite::empty();
        create_tables(&sql).unwrap();
        for number in 0..499 {
            store(&sql, &format!("{number}"), number, b"x");
        }
        store(&sql, "large", 499, &vec![0; 3 * CHUNK_BYTES]);
        purge(&sql, Timestamp(499 + RETENTION_MS)).unwrap();
        assert_eq!(answer(&sql, &IdempotencyKey::parse("large").unwrap()).unwrap().len(), 3 * CHUNK_BYTES);
        assert_eq!(rows(&sql), 4);
    }

    #[test]
    fn the_oldest_entry_is_found_without_reading_the_others() {
        let sql = Sqlite::empty();
        create_tables(&sql).unwrap();
        for query in [
            "SELECT created_at FROM idempotent_runs ORDER BY created_at LIMIT 1",
            "SELECT key FROM idempotent_runs WHERE created_at <= 1 ORDER BY created_at, rowid LIMIT 5",
        ] {
            let plan = sql.exec(&format!("EXPLAIN QUERY PLAN {query}"), &[]).unwrap();
            let plan = format!("{plan:?}");
            assert!(plan.contains("idempotent_runs_by_time") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
