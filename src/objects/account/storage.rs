//! What an Account object stores: one row, because its state is small and changes as a whole.

use crate::domain::account::block::Block;
use crate::domain::account::lease::{AccountState, Grant};
use crate::objects::json_row;
use crate::ports::{LocalSql, PortError};
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

const TABLE: &str = "account";

/// What was stored.
pub fn load(sql: &dyn LocalSql) -> Result<Option<Stored>, PortError> {
    json_row::load(sql, TABLE)
}

/// Stores the state.
pub fn save(sql: &dyn LocalSql, stored: &Stored) -> Result<(), PortError> {
    json_row::save(sql, TABLE, stored)
}
