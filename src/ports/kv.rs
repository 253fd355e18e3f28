//! Values by key.

use crate::ports::error::PortError;
use async_trait::async_trait;

/// Values by key, which expire. It can take a minute until every location reads a written value. Writes may be
/// repeated.
#[async_trait(?Send)]
pub trait Kv {
    /// The value; `None` if it does not exist or is not visible at this location yet.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError>;
    /// Stores `value`, at most 25 MiB, for `ttl_seconds`.
    async fn put(&self, key: &str, value: &[u8], ttl_seconds: u64) -> Result<(), PortError>;
    /// Deletes the value, if it exists.
    async fn delete(&self, key: &str) -> Result<(), PortError>;
}
