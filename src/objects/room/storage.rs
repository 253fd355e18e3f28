//! What a room stores in its own database: a snapshot of the document, the updates since, and metadata.

use crate::domain::timestamp::Timestamp;
use crate::objects::schema::has_table;
use crate::ports::rooms::BillingKey;
use crate::ports::{LocalSql, ObjectStorage, PortError, SqlValue};
use docle_room::history::History;
use docle_room::room::Stored;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Bytes of a blob in one row, which holds 2 MB at most.
const CHUNK_BYTES: usize = 1_000_000;

const SNAPSHOT: &str = "snapshot";
const HISTORY: &str = "history";
const RESULT: &str = "result";

/// What a room stores beside its document.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomMetadata {
    /// The Yjs client id of the room's own edits. The room keeps the id after a reset. Every edit that the room has
    /// sent is stored, so the room uses no clock value of this client twice.
    pub client: u32,
    /// `None` for an open room.
    pub billing_key: Option<BillingKey>,
    /// When the document last changed, up to the snapshot, in milliseconds since 1970.
    pub last_update: i64,
    /// When the last connection closed; `None` while there are connections.
    pub empty_since: Option<i64>,
}

/// The updates since the last snapshot. A load replays them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UpdateLog {
    pub rows: usize,
    pub bytes: usize,
}

/// Creates the tables that do not exist yet.
pub fn create_tables(sql: &dyn LocalSql) -> Result<(), PortError> {
    for query in [
        "CREATE TABLE IF NOT EXISTS metadata (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS blobs (name TEXT, chunk INTEGER, bytes BLOB NOT NULL, PRIMARY KEY (name, chunk))",
        "CREATE TABLE IF NOT EXISTS log (rev INTEGER PRIMARY KEY, at INTEGER NOT NULL, bytes BLOB NOT NULL)",
    ] {
        sql.exec(query, &[])?;
    }
    Ok(())
}

/// The metadata; `None` if the room has stored nothing. The query writes nothing.
pub fn metadata(sql: &dyn LocalSql) -> Result<Option<RoomMetadata>, PortError> {
    if !has_table(sql, "metadata")? {
        return Ok(None);
    }
    let rows = sql.exec("SELECT json FROM metadata", &[])?;
    match rows.first().map(Vec::as_slice) {
        None => Ok(None),
        Some([SqlValue::Text(json)]) => serde_json::from_str(json).map(Some).map_err(unreadable),
        Some(_) => Err(PortError("The metadata of a room are unreadable.".to_owned())),
    }
}

/// Stores the metadata.
pub fn save_metadata(sql: &dyn LocalSql, metadata: &RoomMetadata) -> Result<(), PortError> {
    let json = serde_json::to_string(metadata).map_err(unreadable)?;
    sql.exec("INSERT OR REPLACE INTO metadata (id, json) VALUES (1, ?)", &[SqlValue::Text(json)]).map(drop)
}

/// Appends the update that makes revision `rev`.
pub fn append(sql: &dyn LocalSql, rev: u64, now: Timestamp, update: Vec<u8>) -> Result<(), PortError> {
    let args = [SqlValue::Integer(rev.cast_signed()), SqlValue::Integer(now.0), SqlValue::Blob(update)];
    sql.exec("INSERT INTO log (rev, at, bytes) VALUES (?, ?, ?)", &args).map(drop)
}

/// Replaces all updates by a snapshot, in one transaction, because the snapshot, its history and the log must match.
pub fn compact(
    storage: &dyn ObjectStorage,
    snapshot: &[u8],
    history: &History,
    metadata: &RoomMetadata,
) -> Result<(), PortError> {
    let history = serde_json::to_vec(history).map_err(unreadable)?;
    storage.atomically(&mut || {
        put_blob(storage, SNAPSHOT, snapshot)?;
        put_blob(storage, HISTORY, &history)?;
        save_metadata(storage, metadata)?;
        storage.exec("DELETE FROM log", &[]).map(drop)
    })
}

/// Stores the result of the last run.
pub fn save_result(storage: &dyn ObjectStorage, result: &Value) -> Result<(), PortError> {
    let result = result.to_string();
    storage.atomically(&mut || put_blob(storage, RESULT, result.as_bytes()))
}

/// The stored room without its connections, and the size of what a load replays.
pub fn load(sql: &dyn LocalSql, metadata: &RoomMetadata) -> Result<(Stored, UpdateLog), PortError> {
    let mut stored = Stored {
        client: metadata.client,
        has_owner: metadata.billing_key.is_some(),
        last_update: metadata.last_update,
        ..Stored::default()
    };
    stored.snapshot = blob(sql, SNAPSHOT)?;
    if let Some(history) = blob(sql, HISTORY)? {
        stored.history = serde_json::from_slice(&history).map_err(unreadable)?;
    }
    if let Some(result) = blob(sql, RESULT)? {
        stored.result = serde_json::from_slice(&result).map_err(unreadable)?;
    }
    let mut log = UpdateLog::default();
    for row in sql.exec("SELECT at, bytes FROM log ORDER BY rev", &[])? {
        let Ok([SqlValue::Integer(at), SqlValue::Blob(update)]) = <[SqlValue; 2]>::try_from(row) else {
            return Err(PortError("An update of a room is unreadable.".to_owned()));
        };
        log.rows += 1;
        log.bytes += update.len();
        stored.last_update = at;
        stored.updates.push(update);
    }
    Ok((stored, log))
}

fn put_blob(sql: &dyn LocalSql, name: &str, bytes: &[u8]) -> Result<(), PortError> {
    sql.exec("DELETE FROM blobs WHERE name = ?", &[SqlValue::from(name)])?;
    for (chunk, bytes) in (0_i64..).zip(bytes.chunks(CHUNK_BYTES)) {
        let args = [SqlValue::from(name), SqlValue::Integer(chunk), SqlValue::Blob(bytes.to_vec())];
        sql.exec("INSERT INTO blobs (name, chunk, bytes) VALUES (?, ?, ?)", &args)?;
    }
    Ok(())
}

fn blob(sql: &dyn LocalSql, name: &str) -> Result<Option<Vec<u8>>, PortError> {
    let rows = sql.exec("SELECT bytes FROM blobs WHERE name = ? ORDER BY chunk", &[SqlValue::from(name)])?;
    let mut whole = Vec::new();
    for row in &rows {
        let [SqlValue::Blob(bytes)] = &row[..] else {
            return Err(PortError("A part of a room is unreadable.".to_owned()));
        };
        whole.extend_from_slice(bytes);
    }
    Ok((!rows.is_empty()).then_some(whole))
}

fn unreadable(error: serde_json::Error) -> PortError {
    PortError(format!("What a room stored is unreadable: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::run::record::Owner;
    use crate::tests::fake_storage::FakeStorage;

    #[test]
    fn what_is_stored_comes_back_in_order() {
        let sql = FakeStorage::default();
        assert_eq!(metadata(&sql), Ok(None));
        create_tables(&sql).unwrap();
        create_tables(&sql).unwrap();
        assert_eq!(metadata(&sql), Ok(None));
        let known = RoomMetadata { client: 7, last_update: 5, ..RoomMetadata::default() };
        save_metadata(&sql, &known).unwrap();
        for (rev, update) in [(1, vec![1]), (2, vec![2, 2]), (3, vec![3])] {
            append(&sql, rev, Timestamp(10 + rev as i64), update).unwrap();
        }
        let (stored, log) = load(&sql, &known).unwrap();
        assert_eq!((stored.updates, stored.last_update, stored.client), (vec![vec![1], vec![2, 2], vec![3]], 13, 7));
        assert_eq!(log, UpdateLog { rows: 3, bytes: 4 });
        assert!(append(&sql, 3, Timestamp(0), vec![]).is_err(), "no revision comes twice");

        let snapshot: Vec<u8> = (0..2_500_000_u32).map(|n| n as u8).collect();
        compact(&sql, &snapshot, &History::from(3), &known).unwrap();
        save_result(&sql, &serde_json::json!({ "ok": true })).unwrap();
        let (stored, log) = load(&sql, &known).unwrap();
        assert_eq!((stored.snapshot, stored.history.rev(), log), (Some(snapshot), 3, UpdateLog::default()));
        assert_eq!(stored.result, Some(serde_json::json!({ "ok": true })));
    }

    #[test]
    fn metadata_format_unchanged() {
        let owner = Owner { project_id: "proj_1".into(), key_id: "key_1".into() };
        let billing_key = Some(BillingKey { key_hash: "ab".into(), owner });
        let metadata = RoomMetadata { client: 7, billing_key, last_update: 5, empty_since: Some(6) };
        let json = serde_json::to_string(&metadata).unwrap();
        let expected = concat!(
            r#"{"client":7,"billingKey":{"keyHash":"ab","owner":{"projectId":"proj_1","keyId":"key_1"}},"#,
            r#""lastUpdate":5,"emptySince":6}"#,
        );
        assert_eq!(json, expected);
    }
}
