//! The gates of API keys, and the database behind them.

use crate::domain::account::amounts::Amounts;
use crate::domain::key::gate::{CheckKey, Decision, KeyConfig};
use crate::domain::timestamp::Timestamp;
use crate::ports::error::PortError;
use async_trait::async_trait;

/// The gates of API keys: one for each key, named by the key's hash.
#[async_trait(?Send)]
pub trait KeyGates {
    /// Decides whether a call with the key passes, and counts a call that passes. Concurrent calls are decided one after
    /// the other. The caller refuses the call after an error.
    async fn check(&self, key_hash: &str, check: &CheckKey) -> Result<Decision, PortError>;
    /// Deletes everything that the gate stores for a deleted key. It may be repeated.
    async fn erase(&self, key_hash: &str) -> Result<(), PortError>;
    /// Makes the gate read the key's settings again: no call after this one is decided by older settings.
    async fn refresh(&self, key_hash: &str) -> Result<(), PortError>;
    /// Notes what a script has used of models. After an error it may have been noted.
    async fn note_use(&self, key_hash: &str, amounts: Amounts) -> Result<(), PortError>;
}

/// The database, as a key's gate uses it.
#[async_trait(?Send)]
pub trait KeyLedger {
    /// The settings of the key; `None` when there is no such key.
    async fn config(&self, key_hash: &str) -> Result<Option<KeyConfig>, PortError>;
    /// Writes that the key was used at this time, unless a later time is there. It may be repeated.
    async fn note_use(&self, key_hash: &str, used_at: Timestamp) -> Result<(), PortError>;
}
