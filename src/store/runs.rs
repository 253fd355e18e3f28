//! Records of runs in KV.

use crate::domain::run_id::RunId;
use crate::ports::{Kv, PortError};

/// Results are kept for seven days.
const TTL_SECONDS: u64 = 7 * 24 * 60 * 60;

fn key(id: &str) -> String {
    format!("run:{id}")
}

/// Stores the record of a run.
pub async fn put(runs: &dyn Kv, id: RunId, record: &[u8]) -> Result<(), PortError> {
    runs.put(&key(&id.to_string()), record, TTL_SECONDS).await
}

/// The record of a run, if it is kept.
pub async fn get(runs: &dyn Kv, id: RunId) -> Result<Option<Vec<u8>>, PortError> {
    runs.get(&key(&id.to_string())).await
}

/// Forgets the record of a run, named by its id as text.
pub async fn delete(runs: &dyn Kv, id: &str) -> Result<(), PortError> {
    runs.delete(&key(id)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_key_format_unchanged() {
        assert_eq!(key("550e8400-e29b-41d4-a716-446655440000"), "run:550e8400-e29b-41d4-a716-446655440000");
    }
}
