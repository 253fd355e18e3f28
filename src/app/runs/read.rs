//! Reads the results of runs, and deletes them.

use crate::app::context::App;
use crate::domain::run::id::RunId;
use crate::domain::run::record::StoredRun;
use crate::domain::run::result::with_fields_before;
use crate::ports::PortError;
use crate::store;
use bytes::Bytes;
use std::collections::BTreeMap;

/// The waits before a missing record is read again, in milliseconds. A record reaches its gate a moment after the
/// response of its run, and KV can show a value a moment after it was written.
const LOOK_AGAIN_AFTER_MS: [u32; 2] = [100, 400];

/// The caller that reads a result.
pub enum Reader {
    /// A caller who knows its id and nothing else.
    Anyone,
    /// The holder of one of this project's keys.
    Project(String),
    /// A signed-in user.
    User(String),
}

/// The result of a run as JSON, with its `input` if `reader` is the project that ran it or the project's owner; `None`
/// if the run is not kept, or the reader may not read it. Each call reads the settings of the project, so a change of
/// `privateResults` also applies to existing results.
pub async fn read_run(app: &App, id: RunId, reader: &Reader) -> Result<Option<Bytes>, PortError> {
    let gates = store::keys::hashes_beginning(&*app.sql, &id.key_hash_beginning()).await?;
    let mut waits = LOOK_AGAIN_AFTER_MS.into_iter();
    let record = loop {
        if let Some(record) = recorded(app, &gates, id).await? {
            break record;
        }
        match waits.next() {
            Some(wait) => app.clock.sleep(wait).await,
            None => return Ok(None),
        }
    };
    let stored: StoredRun<'_> = serde_json::from_slice(&record)
        .map_err(|error| PortError(format!("A record of a run is unreadable: {error}")))?;
    let result = stored.result.get().as_bytes();
    let Some(guard) = store::projects::guard(&*app.sql, &stored.project_id).await? else { return Ok(None) };
    let is_owner = match reader {
        Reader::Anyone => false,
        Reader::Project(id) => *id == stored.project_id,
        Reader::User(id) => guard.user_id.as_ref() == Some(id),
    };
    if guard.private_results && !is_owner {
        return Ok(None);
    }
    Ok(Some(if is_owner {
        with_fields_before(result, &format!(r#""input":{},"#, stored.input.get()))
    } else {
        Bytes::copy_from_slice(result)
    }))
}

/// The record of a run, from one of these gates or from KV.
async fn recorded(app: &App, gates: &[String], id: RunId) -> Result<Option<Vec<u8>>, PortError> {
    for key_hash in gates {
        if let Some(record) = app.gates.record(key_hash, id).await? {
            return Ok(Some(record));
        }
    }
    store::runs::get(&*app.runs, id).await
}

/// Deletes the records of runs from their gates and from KV.
pub async fn forget(app: &App, ids: &[RunId]) -> Result<(), PortError> {
    let mut by_key: BTreeMap<String, Vec<RunId>> = BTreeMap::new();
    for id in ids {
        by_key.entry(id.key_hash_beginning()).or_default().push(*id);
    }
    for (beginning, ids) in by_key {
        for key_hash in store::keys::hashes_beginning(&*app.sql, &beginning).await? {
            app.gates.delete_records(&key_hash, &ids).await?;
        }
    }
    for id in ids {
        store::runs::delete(&*app.runs, *id).await?;
    }
    Ok(())
}
