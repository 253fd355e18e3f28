//! Values by key.

use crate::ports::error::PortError;
use async_trait::async_trait;

/// Values by key, kept for a while. A value may take a minute until every place sees it; writes may be repeated.
#[async_trait(?Send)]
pub trait Kv {
    /// The value, or `None` where there is none or it is not visible here yet.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError>;
    /// Stores `value`, at most 25 MiB, for `ttl_seconds`.
    async fn put(&self, key: &str, value: &[u8], ttl_seconds: u64) -> Result<(), PortError>;
    /// Forgets the value, if there is one.
    async fn delete(&self, key: &str) -> Result<(), PortError>;
}
