//! Values by key, KV.

use crate::ports::{Kv, PortError};
use async_trait::async_trait;
use worker::kv::{KvError, KvStore};

/// [`Kv`] over a KV binding.
pub struct RuntimeKv(pub KvStore);

#[async_trait(?Send)]
impl Kv for RuntimeKv {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        self.0.get(key).bytes().await.map_err(failed)
    }

    async fn put(&self, key: &str, value: &[u8], ttl_seconds: u64) -> Result<(), PortError> {
        self.0.put_bytes(key, value).map_err(failed)?.expiration_ttl(ttl_seconds).execute().await.map_err(failed)
    }

    async fn delete(&self, key: &str) -> Result<(), PortError> {
        self.0.delete(key).await.map_err(failed)
    }
}

fn failed(error: KvError) -> PortError {
    PortError(format!("KV failed: {error}"))
}
