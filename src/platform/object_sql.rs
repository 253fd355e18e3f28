//! An object's own database, SQLite in Durable Object storage.

use crate::ports::{LocalSql, PortError, SqlValue};
use worker::{SqlStorage, SqlStorageValue};

/// [`LocalSql`] over an object's storage.
pub struct ObjectSql(pub SqlStorage);

impl LocalSql for ObjectSql {
    fn exec(&self, query: &str, args: &[SqlValue]) -> Result<Vec<Vec<SqlValue>>, PortError> {
        let failed = |error: worker::Error| PortError(format!("Object storage failed: {error}"));
        let args: Vec<SqlStorageValue> = args.iter().map(to_storage).collect();
        let cursor = self.0.exec(query, args).map_err(failed)?;
        cursor.raw().map(|row| row.map_err(failed)?.into_iter().map(from_storage).collect()).collect()
    }
}

fn to_storage(value: &SqlValue) -> SqlStorageValue {
    match value {
        SqlValue::Null => SqlStorageValue::Null,
        SqlValue::Integer(number) => SqlStorageValue::Integer(*number),
        SqlValue::Text(text) => SqlStorageValue::String(text.clone()),
        SqlValue::Blob(bytes) => SqlStorageValue::Blob(bytes.clone()),
    }
}

fn from_storage(value: SqlStorageValue) -> Result<SqlValue, PortError> {
    match value {
        SqlStorageValue::Null => Ok(SqlValue::Null),
        SqlStorageValue::Integer(number) => Ok(SqlValue::Integer(number)),
        SqlStorageValue::String(text) => Ok(SqlValue::Text(text)),
        SqlStorageValue::Blob(bytes) => Ok(SqlValue::Blob(bytes)),
        other => Err(PortError(format!("Object storage gave a value of no known type: {other:?}"))),
    }
}
