//! Values in the queries of a log.

use crate::ports::{LocalSql, PortError, SqlValue};

/// A text.
pub fn text(text: impl Into<String>) -> SqlValue {
    SqlValue::Text(text.into())
}

/// The only column of the first row, if that is a number.
pub fn number(sql: &dyn LocalSql, query: &str, args: &[SqlValue]) -> Result<Option<i64>, PortError> {
    Ok(match sql.exec(query, args)?.first().map(Vec::as_slice) {
        Some([SqlValue::Integer(number)]) => Some(*number),
        _ => None,
    })
}
