//! API keys in the database.

use crate::domain::api_key::ApiKey;
use crate::domain::record::Owner;
use crate::ports::{Keys, PortError, Sql, SqlValue};
use async_trait::async_trait;
use std::rc::Rc;

/// [`Keys`] by one query: revocation takes effect with the next request.
pub struct SqlKeys {
    pub sql: Rc<dyn Sql>,
}

#[async_trait(?Send)]
impl Keys for SqlKeys {
    async fn authenticate(&self, key: &ApiKey) -> Result<Option<Owner>, PortError> {
        let query = "SELECT project_id, id FROM api_keys WHERE key_hash = ?1 AND revoked_at IS NULL";
        let row = self.sql.first(query, &[SqlValue::Text(key.hash())]).await?;
        match row.map(<[String; 2]>::try_from) {
            None => Ok(None),
            Some(Ok([project_id, key_id])) => Ok(Some(Owner { project_id, key_id })),
            Some(Err(row)) => Err(PortError(format!("Looking up a key gave {} columns.", row.len()))),
        }
    }
}
