//! Checks whether a table exists, because an object creates its tables only when it first writes.

use crate::ports::{LocalSql, PortError, SqlValue};

/// Whether the object has this table.
pub fn has_table(sql: &dyn LocalSql, name: &str) -> Result<bool, PortError> {
    let query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?";
    Ok(!sql.exec(query, &[SqlValue::from(name)])?.is_empty())
}
