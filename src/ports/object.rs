//! What a Durable Object has of its own: a database and one alarm.

use crate::domain::timestamp::Timestamp;
use crate::ports::error::PortError;
use crate::ports::sql::LocalSql;
use async_trait::async_trait;

/// An object's storage. The runtime holds back a response until the writes before it are durable (its output gate), and
/// holds back new calls while an operation of storage is awaited (its input gate).
#[async_trait(?Send)]
pub trait ObjectStorage: LocalSql {
    /// The size of the database in bytes.
    fn size(&self) -> u64;
    /// Runs `writes` in a transaction: after an error none of them is stored.
    fn atomically(&self, writes: &mut dyn FnMut() -> Result<(), PortError>) -> Result<(), PortError>;
    /// The time of the alarm that is set.
    async fn alarm(&self) -> Result<Option<Timestamp>, PortError>;
    /// Sets the alarm in place of the one that is set.
    async fn set_alarm(&self, at: Timestamp) -> Result<(), PortError>;
    /// Deletes the alarm and everything that is stored. It may be repeated.
    async fn delete_all(&self) -> Result<(), PortError>;

    /// Makes the alarm fire at `at` at the latest.
    async fn schedule_alarm(&self, at: Timestamp) -> Result<(), PortError> {
        match self.alarm().await? {
            Some(set) if set <= at => Ok(()),
            _ => self.set_alarm(at).await,
        }
    }
}
