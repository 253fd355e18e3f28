//! The lease of an account's quotas that its holder stores, the pool of a project or the gate of a key: one row.

use crate::domain::account::block::Block;
use crate::objects::json_row;
use crate::ports::{LocalSql, PortError};
use serde::{Deserialize, Serialize};

/// A block of the quotas of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredLease {
    pub account: String,
    pub block: Block,
    /// The account does not know yet that its holder is idle, and what was used before that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unreported: bool,
}

const TABLE: &str = "account_lease";

/// What was stored.
pub fn load(sql: &dyn LocalSql) -> Result<Option<StoredLease>, PortError> {
    json_row::load(sql, TABLE)
}

/// Stores a lease in place of the one before.
pub fn save(sql: &dyn LocalSql, lease: &StoredLease) -> Result<(), PortError> {
    json_row::save(sql, TABLE, lease)
}

/// Deletes the lease.
pub fn delete(sql: &dyn LocalSql) -> Result<(), PortError> {
    json_row::delete(sql, TABLE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::amounts::Amounts;
    use crate::domain::account::lease::Grant;
    use crate::domain::timestamp::Timestamp;
    use crate::tests::sqlite::Sqlite;

    #[test]
    fn a_lease_is_stored_until_it_is_deleted() {
        let sql = Sqlite::empty();
        assert_eq!((load(&sql), delete(&sql)), (Ok(None), Ok(())));
        let grant = Grant { granted: Amounts::default(), runs: 4, until: Timestamp(9), exhausted: Vec::new() };
        let block = Block { lease: "l".into(), used: Amounts::default(), grant };
        let lease = StoredLease { account: "user_1".into(), block, is_unreported: false };
        save(&sql, &lease).unwrap();
        save(&sql, &lease).unwrap();
        assert_eq!(load(&sql), Ok(Some(lease)));
        delete(&sql).unwrap();
        assert_eq!(load(&sql), Ok(None));
    }
}
