//! What a room stores in its own database: a snapshot of the document, the updates since, and metadata. Each row costs, also
//! a deleted one, so updates are stored together, and a snapshot replaces its own rows.

use crate::domain::room::id::RoomId;
use crate::domain::timestamp::Timestamp;
use crate::objects::schema::has_table;
use crate::ports::rooms::BillingKey;
use crate::ports::{LocalSql, ObjectStorage, PortError, SqlValue};
use docle_room::history::History;
use docle_room::lib0_encoding::{Reader, Writer};
use docle_room::room::Stored;
use docle_room::unsaved::Unsaved;
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
    /// The Yjs client id of the room's own edits. The room keeps the id while its sockets stay open, because their
    /// attachments have what is not stored. After a crash it takes another one: edits that it has sent may be lost, and no
    /// clock value of a client may be used twice.
    pub client: u32,
    /// `None` for an open room.
    pub billing_key: Option<BillingKey>,
    /// When the document last changed, up to the snapshot, in milliseconds since 1970.
    pub last_update: i64,
    /// When the last connection closed; `None` while there are connections.
    pub empty_since: Option<i64>,
    /// The id of a project's room, which removes itself from the project's list in the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
}

/// The updates since the last snapshot. A load replays them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UpdateLog {
    pub updates: usize,
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

/// Appends updates as one row, which holds 2 MB. Their revisions follow each other.
pub fn append(sql: &dyn LocalSql, now: Timestamp, updates: &[Unsaved]) -> Result<(), PortError> {
    let Some(last) = updates.last() else { return Ok(()) };
    let bytes = updates.iter().fold(Writer::default(), |written, one| written.buffer(&one.update)).finish();
    let args = [SqlValue::Integer(last.rev.cast_signed()), SqlValue::Integer(now.0), SqlValue::Blob(bytes)];
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
    let unreadable = || PortError("An update of a room is unreadable.".to_owned());
    for row in sql.exec("SELECT at, bytes FROM log ORDER BY rev", &[])? {
        let Ok([SqlValue::Integer(at), SqlValue::Blob(updates)]) = <[SqlValue; 2]>::try_from(row) else {
            return Err(unreadable());
        };
        let mut updates = Reader::new(&updates);
        while !updates.is_empty() {
            let update = updates.buffer().ok_or_else(unreadable)?;
            log.updates += 1;
            log.bytes += update.len();
            stored.updates.push(update.to_vec());
        }
        stored.last_update = at;
    }
    Ok((stored, log))
}

fn put_blob(sql: &dyn LocalSql, name: &str, bytes: &[u8]) -> Result<(), PortError> {
    let mut chunks = 0_i64;
    for bytes in bytes.chunks(CHUNK_BYTES) {
        let args = [SqlValue::from(name), SqlValue::Integer(chunks), SqlValue::Blob(bytes.to_vec())];
        sql.exec("INSERT OR REPLACE INTO blobs (name, chunk, bytes) VALUES (?, ?, ?)", &args)?;
        chunks += 1;
    }
    // What the blob before had beyond the end of this one.
    let args = [SqlValue::from(name), SqlValue::Integer(chunks)];
    sql.exec("DELETE FROM blobs WHERE name = ? AND chunk >= ?", &args).map(drop)
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
    use crate::domain::usage_log::name::LogId;
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
        let one = |rev, update: &[u8]| Unsaved { rev, update: update.to_vec() };
        append(&sql, Timestamp(11), &[]).unwrap();
        append(&sql, Timestamp(12), &[one(1, &[1]), one(2, &[2, 2])]).unwrap();
        append(&sql, Timestamp(13), &[one(3, &[3])]).unwrap();
        let (stored, log) = load(&sql, &known).unwrap();
        assert_eq!((stored.updates, stored.last_update, stored.client), (vec![vec![1], vec![2, 2], vec![3]], 13, 7));
        assert_eq!(log, UpdateLog { updates: 3, bytes: 4 });
        assert!(append(&sql, Timestamp(0), &[one(3, &[3])]).is_err(), "no revision comes twice");

        let snapshot: Vec<u8> = (0..2_500_000_u32).map(|n| n as u8).collect();
        compact(&sql, &snapshot, &History::from(3), &known).unwrap();
        save_result(&sql, &serde_json::json!({ "ok": true })).unwrap();
        let (stored, log) = load(&sql, &known).unwrap();
        assert_eq!((stored.snapshot, stored.history.rev(), log), (Some(snapshot), 3, UpdateLog::default()));
        assert_eq!(stored.result, Some(serde_json::json!({ "ok": true })));
        compact(&sql, &[7], &History::from(4), &known).unwrap();
        assert_eq!(load(&sql, &known).unwrap().0.snapshot, Some(vec![7]), "nothing is left of a longer snapshot");
    }

    #[test]
    fn log_format_unchanged() {
        let sql = FakeStorage::default();
        create_tables(&sql).unwrap();
        let updates = [Unsaved { rev: 4, update: vec![1] }, Unsaved { rev: 5, update: vec![2, 3] }];
        append(&sql, Timestamp(9), &updates).unwrap();
        let row = vec![SqlValue::Integer(5), SqlValue::Integer(9), SqlValue::Blob(vec![1, 1, 2, 2, 3])];
        assert_eq!(sql.exec("SELECT rev, at, bytes FROM log", &[]), Ok(vec![row]));
    }

    #[test]
    fn metadata_format_unchanged() {
        let owner = Owner { project_id: "proj_1".into(), log_id: LogId::default(), key_id: "key_1".into() };
        let billing_key = Some(BillingKey { key_hash: "ab".into(), owner });
        let metadata = RoomMetadata { client: 7, billing_key, last_update: 5, empty_since: Some(6), room: None };
        let json = serde_json::to_string(&metadata).unwrap();
        let expected = concat!(
            r#"{"client":7,"billingKey":{"keyHash":"ab","owner":{"projectId":"proj_1","logId":"0000000000","keyId":"key_1"}},"#,
            r#""lastUpdate":5,"emptySince":6}"#,
        );
        assert_eq!(json, expected);
        let room = RoomId::parse("room_abababababababababababab5842a59b");
        let json = serde_json::to_string(&RoomMetadata { room, ..metadata }).unwrap();
        let more = r#","room":"room_abababababababababababab5842a59b"}"#;
        assert_eq!(json, format!("{}{more}", &expected[..expected.len() - 1]));
    }
}
