//! What gates ask of the database, and what they write into it and into KV.

use crate::domain::key::gate::KeyConfig;
use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::ports::sql::sql;
use crate::ports::{KeyLedger, Kv, PortError, Sql};
use crate::store::{keys, runs, usage};
use async_trait::async_trait;
use std::rc::Rc;

/// [`KeyLedger`] over the database of accounts.
pub struct SqlLedger {
    pub sql: Rc<dyn Sql>,
    pub runs: Rc<dyn Kv>,
}

#[async_trait(?Send)]
impl KeyLedger for SqlLedger {
    async fn config(&self, key_hash: &str) -> Result<Option<KeyConfig>, PortError> {
        keys::config(&*self.sql, key_hash).await
    }

    async fn flush(&self, key_hash: &str, used_at: Option<Timestamp>, records: &[String]) -> Result<(), PortError> {
        let query = "UPDATE api_keys SET last_used_at = max(coalesce(last_used_at, ?2), ?2) WHERE key_hash = ?1";
        let used = used_at.map(|used_at| sql!(query, key_hash, used_at));
        let statements: Vec<_> = used.into_iter().chain(usage::insert(records)).collect();
        if statements.is_empty() {
            return Ok(());
        }
        self.sql.batch(statements).await.map(drop)
    }

    async fn keep(&self, id: RunId, record: &str) -> Result<(), PortError> {
        runs::put(&*self.runs, id, record.as_bytes()).await
    }
}

/// [`KeyLedger`] of a deployment that has none: every use fails with this error.
pub struct NoLedger(pub PortError);

#[async_trait(?Send)]
impl KeyLedger for NoLedger {
    async fn config(&self, _key_hash: &str) -> Result<Option<KeyConfig>, PortError> {
        Err(self.0.clone())
    }

    async fn flush(&self, _key_hash: &str, _used_at: Option<Timestamp>, _usage: &[String]) -> Result<(), PortError> {
        Err(self.0.clone())
    }

    async fn keep(&self, _id: RunId, _record: &str) -> Result<(), PortError> {
        Err(self.0.clone())
    }
}
