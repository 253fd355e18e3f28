//! Values as JSON in tables: one that is the only row of its table, for state of an object that is small and changes as a whole, and
//! those of many rows.

use crate::objects::schema::has_table;
use crate::ports::{LocalSql, PortError, SqlValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The value in `table`, if one is stored.
///
/// # Errors
/// The storage fails, or the value is none of this type.
pub fn load<T: DeserializeOwned>(sql: &dyn LocalSql, table: &'static str) -> Result<Option<T>, PortError> {
    if !has_table(sql, table)? {
        return Ok(None);
    }
    let unreadable = || PortError(format!("The value in the table {table} is unreadable."));
    match sql.exec(&format!("SELECT json FROM {table}"), &[])?.first().map(Vec::as_slice) {
        None => Ok(None),
        Some([SqlValue::Text(json)]) => serde_json::from_str(json).map(Some).map_err(|_| unreadable()),
        Some(_) => Err(unreadable()),
    }
}

/// Stores a value in place of the one before.
pub fn save(sql: &dyn LocalSql, table: &'static str, value: &impl Serialize) -> Result<(), PortError> {
    let create = "(id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL)";
    sql.exec(&format!("CREATE TABLE IF NOT EXISTS {table} {create}"), &[])?;
    let json = serde_json::to_string(value).map_err(|error| PortError(error.to_string()))?;
    sql.exec(&format!("INSERT OR REPLACE INTO {table} (id, json) VALUES (1, ?)"), &[SqlValue::Text(json)]).map(drop)
}

/// Deletes the value.
pub fn delete(sql: &dyn LocalSql, table: &'static str) -> Result<(), PortError> {
    if !has_table(sql, table)? {
        return Ok(());
    }
    sql.exec(&format!("DELETE FROM {table}"), &[]).map(drop)
}

/// The values of rows whose only column has one as JSON. `what` names such a value for the log.
///
/// # Errors
/// A value is none of this type.
pub fn read_all<T: DeserializeOwned>(rows: &[Vec<SqlValue>], what: &str) -> Result<Vec<T>, PortError> {
    let unreadable = || PortError(format!("{what} is unreadable."));
    rows.iter()
        .map(|row| match row.as_slice() {
            [SqlValue::Text(json)] => serde_json::from_str(json).map_err(|_| unreadable()),
            _ => Err(unreadable()),
        })
        .collect()
}
