//! What KV has of runs: records that their keys' gates do not keep, large inputs, and large outputs in chunks.

use crate::domain::run::id::RunId;
use crate::domain::run::output::Stream;
use crate::domain::run::record::Apart;
use crate::ports::{Kv, PortError};

/// Results are kept for seven days.
const TTL_SECONDS: u64 = 7 * 24 * 60 * 60;

fn key(id: RunId) -> String {
    format!("run:{id}")
}

/// Stores the record of a run.
pub async fn put(runs: &dyn Kv, id: RunId, record: &[u8]) -> Result<(), PortError> {
    runs.put(&key(id), record, TTL_SECONDS).await
}

/// The record of a run, if it is kept.
pub async fn get(runs: &dyn Kv, id: RunId) -> Result<Option<Vec<u8>>, PortError> {
    runs.get(&key(id)).await
}

/// Forgets the record of a run.
pub async fn delete(runs: &dyn Kv, id: RunId) -> Result<(), PortError> {
    runs.delete(&key(id)).await
}

/// The most bytes of a chunk of output. An object holds two unfinished chunks of each run in progress, and at most two that
/// are on their way, so 48 runs of a project hold 48 MiB of the 128 MB of its isolate only if all of them write without
/// pause.
pub const CHUNK_BYTES: usize = 256 * 1_024;

fn input_key(id: RunId) -> String {
    format!("input:{id}")
}

fn chunk_key(id: RunId, stream: Stream, number: u32) -> String {
    format!("output:{id}:{}:{number}", stream.name())
}

/// Stores the input of a run.
pub async fn put_input(runs: &dyn Kv, id: RunId, input: &[u8]) -> Result<(), PortError> {
    runs.put(&input_key(id), input, TTL_SECONDS).await
}

/// The input of a run, if it is kept here.
pub async fn input(runs: &dyn Kv, id: RunId) -> Result<Option<Vec<u8>>, PortError> {
    runs.get(&input_key(id)).await
}

/// Stores a chunk of output: whole characters, at most [`CHUNK_BYTES`] and the last character.
pub async fn put_chunk(runs: &dyn Kv, id: RunId, stream: Stream, number: u32, text: &str) -> Result<(), PortError> {
    runs.put(&chunk_key(id, stream, number), text.as_bytes(), TTL_SECONDS).await
}

/// A chunk of output, if it is kept.
pub async fn chunk(runs: &dyn Kv, id: RunId, stream: Stream, number: u32) -> Result<Option<Vec<u8>>, PortError> {
    runs.get(&chunk_key(id, stream, number)).await
}

/// Forgets what is stored of a run beside its record.
pub async fn delete_apart(runs: &dyn Kv, id: RunId, mut apart: Apart) -> Result<(), PortError> {
    if apart.input {
        runs.delete(&input_key(id)).await?;
    }
    for stream in Stream::ALL {
        for number in 0..*apart.chunks.of(stream) {
            runs.delete(&chunk_key(id, stream, number)).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_key_format_unchanged() {
        let id = RunId::parse("550e8400-e29b-41d4-a716-446655440000").unwrap();
        assert_eq!(key(id), "run:550e8400-e29b-41d4-a716-446655440000");
        assert_eq!(input_key(id), "input:550e8400-e29b-41d4-a716-446655440000");
        let chunk = chunk_key(id, Stream::Stderr, 2);
        assert_eq!(chunk, "output:550e8400-e29b-41d4-a716-446655440000:stderr:2");
    }
}
