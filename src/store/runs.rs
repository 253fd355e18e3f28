//! What KV has of runs: records that the log of the project does not keep, large inputs, and large outputs in chunks.

use crate::domain::run::id::RunId;
use crate::domain::run::stored_keys::{TTL_SECONDS, chunk_key, input_key, record_key};
use crate::ports::{Kv, PortError};
use docle_protocol::Stream;

/// Stores the record of a run.
pub async fn put(runs: &dyn Kv, id: RunId, record: &[u8]) -> Result<(), PortError> {
    runs.put(&record_key(id), record, TTL_SECONDS).await
}

/// The record of a run, if it is kept.
pub async fn get(runs: &dyn Kv, id: RunId) -> Result<Option<Vec<u8>>, PortError> {
    runs.get(&record_key(id)).await
}

/// Stores the input of a run.
pub async fn put_input(runs: &dyn Kv, id: RunId, input: &[u8]) -> Result<(), PortError> {
    runs.put(&input_key(id), input, TTL_SECONDS).await
}

/// The input of a run, if it is kept here.
pub async fn input(runs: &dyn Kv, id: RunId) -> Result<Option<Vec<u8>>, PortError> {
    runs.get(&input_key(id)).await
}

/// A chunk of output, if it is kept.
pub async fn chunk(runs: &dyn Kv, id: RunId, stream: Stream, number: u32) -> Result<Option<Vec<u8>>, PortError> {
    runs.get(&chunk_key(id, stream, number)).await
}
