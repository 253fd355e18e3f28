//! The gates of API keys, and the database behind them.

use crate::domain::account::amounts::Amounts;
use crate::domain::key::gate::{CheckKey, Decision, KeyConfig};
use crate::domain::run::finished::FinishedRun;
use crate::domain::run::id::RunId;
use crate::domain::run::record::Apart;
use crate::domain::timestamp::Timestamp;
use crate::ports::error::PortError;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// The gates of API keys: one for each key, named by the key's hash.
#[async_trait(?Send)]
pub trait KeyGates {
    /// Decides whether a call with the key passes, and counts a call that passes. Concurrent calls are decided one after
    /// the other. The caller refuses the call after an error.
    async fn check(&self, key_hash: &str, check: &CheckKey) -> Result<Decision, PortError>;
    /// Submits a finished run together with others of the same key that end soon. If the gate fails, the pool of the
    /// project keeps the runs and submits them later.
    async fn submit(&self, key_hash: &str, run: FinishedRun) -> Result<(), PortError>;
    /// Stores finished runs: their records can be read at once, their usage reaches the database within seconds. It may
    /// be repeated.
    async fn submit_all(&self, key_hash: &str, runs: &[FinishedRun]) -> Result<(), PortError>;
    /// The [record](crate::domain::run::record::encode) of a run; `None` when the gate does not keep it.
    async fn record(&self, key_hash: &str, id: RunId) -> Result<Option<Vec<u8>>, PortError>;
    /// Deletes the records of these runs. Returns those that the gate has kept. It may be repeated.
    async fn delete_records(&self, key_hash: &str, ids: &[RunId]) -> Result<Vec<DeletedRecord>, PortError>;
    /// Writes all pending usage of the key to the database. After it the database has all runs that were submitted
    /// before.
    async fn flush(&self, key_hash: &str) -> Result<(), PortError>;
    /// Deletes everything that the gate stores for a deleted key. It may be repeated.
    async fn erase(&self, key_hash: &str) -> Result<(), PortError>;
    /// Makes the gate read the key's settings again: no call after this one is decided by older settings.
    async fn refresh(&self, key_hash: &str) -> Result<(), PortError>;
    /// Notes what a script has used of models. After an error it may have been noted.
    async fn note_use(&self, key_hash: &str, amounts: Amounts) -> Result<(), PortError>;
}

/// A record that a gate has deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedRecord {
    pub id: RunId,
    /// What is stored of the run beside the record, and is still to be deleted.
    pub apart: Option<Apart>,
}

/// The database, as a key's gate uses it.
#[async_trait(?Send)]
pub trait KeyLedger {
    /// The settings of the key; `None` when there is no such key.
    async fn config(&self, key_hash: &str) -> Result<Option<KeyConfig>, PortError>;
    /// Writes the time of the key's last use and usage of its runs, each [encoded](crate::domain::usage::encode). Usage
    /// that is stored already is not counted again, so it may be repeated; after an error it may have been written.
    async fn flush(&self, key_hash: &str, used_at: Option<Timestamp>, usage: &[String]) -> Result<(), PortError>;
    /// Stores the record of a run outside of the gate, because the gate is full. It may be repeated.
    async fn keep(&self, id: RunId, record: &str) -> Result<(), PortError>;
}
