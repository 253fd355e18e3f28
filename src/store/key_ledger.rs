//! What gates ask of the database, and what they write into it.

use crate::domain::key::gate::KeyConfig;
use crate::domain::timestamp::Timestamp;
use crate::ports::sql::sql;
use crate::ports::{KeyLedger, PortError, Sql};
use crate::store::keys;
use async_trait::async_trait;
use std::rc::Rc;

/// [`KeyLedger`] over the database of accounts.
pub struct SqlLedger {
    pub sql: Rc<dyn Sql>,
}

#[async_trait(?Send)]
impl KeyLedger for SqlLedger {
    async fn config(&self, key_hash: &str) -> Result<Option<KeyConfig>, PortError> {
        keys::config(&*self.sql, key_hash).await
    }

    async fn note_use(&self, key_hash: &str, used_at: Timestamp) -> Result<(), PortError> {
        let query = "UPDATE api_keys SET last_used_at = max(coalesce(last_used_at, ?2), ?2) WHERE key_hash = ?1";
        self.sql.query(sql!(query, key_hash, used_at)).await.map(drop)
    }
}

/// [`KeyLedger`] of a deployment that has none: every use fails with this error.
pub struct NoLedger(pub PortError);

#[async_trait(?Send)]
impl KeyLedger for NoLedger {
    async fn config(&self, _key_hash: &str) -> Result<Option<KeyConfig>, PortError> {
        Err(self.0.clone())
    }

    async fn note_use(&self, _key_hash: &str, _used_at: Timestamp) -> Result<(), PortError> {
        Err(self.0.clone())
    }
}
