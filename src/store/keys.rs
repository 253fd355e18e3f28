//! API keys in the database.

use crate::domain::api_key::ApiKey;
use crate::domain::record::Owner;
use crate::ports::sql::sql;
use crate::ports::{Keys, PortError, Sql};
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
        let mut rows = self.sql.query(sql!(query, key.hash())).await?;
        rows.first_mut().map(|row| Ok(Owner { project_id: row.text()?, key_id: row.text()? })).transpose()
    }
}
