//! Reading what was run.

use crate::app::App;
use crate::domain::record::{Owner, StoredRun};
use crate::domain::result::with_fields_before;
use crate::domain::run_id::RunId;
use crate::ports::PortError;
use crate::store;
use bytes::Bytes;

/// How long to wait before looking again, in milliseconds: KV may show a value a moment after it was written.
const LOOK_AGAIN_AFTER_MS: [u32; 2] = [100, 400];

/// The result of a run as JSON, with its `input` where `reader` is the project that ran it; `None` where no such run is
/// kept.
pub async fn read_run(app: &App, id: RunId, reader: Option<&Owner>) -> Result<Option<Bytes>, PortError> {
    let mut waits = LOOK_AGAIN_AFTER_MS.into_iter();
    let record = loop {
        if let Some(record) = store::runs::get(&*app.runs, id).await? {
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
    let is_owner = reader.is_some_and(|reader| reader.project_id == stored.project_id);
    Ok(Some(if is_owner {
        with_fields_before(result, &format!(r#""input":{},"#, stored.input.get()))
    } else {
        Bytes::copy_from_slice(result)
    }))
}
