//! What an Account object stores: one row, because its state is small and changes as a whole.

use crate::domain::account::block::Block;
use crate::domain::account::lease::{AccountState, Grant};
use crate::objects::schema::has_table;
use crate::ports::{LocalSql, PortError, SqlValue};
use serde::{Deserialize, Serialize};

/// The state of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    /// The id of the account, because an alarm does not say it.
    pub account: String,
    pub state: AccountState,
    /// What the account has of the processor time that all strangers share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<SharedBlock>,
}

impl Stored {
    /// Takes the answer to a renewal of the shared block.
    pub fn take_shared(&mut self, grant: Grant) {
        if let Some(shared) = &mut self.shared {
            shared.block.renew(grant);
        }
    }
}

/// A block of the processor time that all strangers share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SharedBlock {
    pub block: Block,
    /// The total of the account when the block began, in milliseconds.
    pub since_cpu_ms: u64,
}

/// What was stored.
pub fn load(sql: &dyn LocalSql) -> Result<Option<Stored>, PortError> {
    if !has_table(sql, "account")? {
        return Ok(None);
    }
    let unreadable = || PortError("The state of an account is unreadable.".to_owned());
    match sql.exec("SELECT state FROM account", &[])?.first().map(Vec::as_slice) {
        None => Ok(None),
        Some([SqlValue::Text(json)]) => serde_json::from_str(json).map(Some).map_err(|_| unreadable()),
        Some(_) => Err(unreadable()),
    }
}

/// Stores the state.
pub fn save(sql: &dyn LocalSql, stored: &Stored) -> Result<(), PortError> {
    sql.exec("CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL)", &[])?;
    let json = serde_json::to_string(stored).map_err(|error| PortError(error.to_string()))?;
    sql.exec("INSERT OR REPLACE INTO account (id, state) VALUES (1, ?)", &[SqlValue::Text(json)]).map(drop)
}
