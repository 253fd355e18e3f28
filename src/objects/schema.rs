//! Whether an object has stored anything of a kind: an object that was only read from has no tables.

use crate::ports::{LocalSql, PortError, SqlValue};

/// Whether the object has this table.
pub fn has_table(sql: &dyn LocalSql, name: &str) -> Result<bool, PortError> {
    let query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?";
    Ok(!sql.exec(query, &[SqlValue::from(name)])?.is_empty())
}
