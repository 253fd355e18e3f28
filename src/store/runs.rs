//! Records of runs in KV: those that their keys' gates do not keep.

use crate::domain::run::id::RunId;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_key_format_unchanged() {
        let id = RunId::parse("550e8400-e29b-41d4-a716-446655440000").unwrap();
        assert_eq!(key(id), "run:550e8400-e29b-41d4-a716-446655440000");
    }
}
