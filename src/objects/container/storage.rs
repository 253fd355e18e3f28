//! What an object stores about its container: the secret that the runner in it accepts, and who has its lease.

use crate::objects::schema::has_table;
use crate::ports::{LocalSql, PortError, SqlValue};

/// The secret of the container that was started last; `None` when this object ended it, or started none.
pub fn secret(sql: &dyn LocalSql) -> Result<Option<String>, PortError> {
    if !has_table(sql, "instance")? {
        return Ok(None);
    }
    let rows = sql.exec("SELECT secret FROM instance", &[])?;
    Ok(match rows.first().map(Vec::as_slice) {
        Some([SqlValue::Text(secret)]) => Some(secret.clone()),
        _ => None,
    })
}

/// Replaces the stored secret.
pub fn keep(sql: &dyn LocalSql, secret: &str) -> Result<(), PortError> {
    create_table(sql)?;
    sql.exec("DELETE FROM instance", &[])?;
    sql.exec("INSERT INTO instance (secret) VALUES (?)", &[SqlValue::Text(secret.to_owned())])?;
    Ok(())
}

/// Deletes the secret of a container that was ended, unless a newer secret is stored.
pub fn forget(sql: &dyn LocalSql, secret: Option<&str>) -> Result<(), PortError> {
    let Some(secret) = secret else { return Ok(()) };
    sql.exec("DELETE FROM instance WHERE secret = ?", &[SqlValue::Text(secret.to_owned())]).map(drop)
}

/// Who has the lease of the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The name of the object.
    pub object: String,
    pub account: String,
}

/// Who has the lease of the container; `None` if the object never had one.
pub fn holder(sql: &dyn LocalSql) -> Result<Option<Holder>, PortError> {
    if !has_table(sql, "container_holder")? {
        return Ok(None);
    }
    let rows = sql.exec("SELECT object, account FROM container_holder", &[])?;
    Ok(match rows.first().map(Vec::as_slice) {
        Some([SqlValue::Text(object), SqlValue::Text(account)]) => {
            Some(Holder { object: object.clone(), account: account.clone() })
        }
        _ => None,
    })
}

/// Stores who has the lease, because an alarm says neither the name of its object nor the account.
pub fn keep_holder(sql: &dyn LocalSql, holder: &Holder) -> Result<(), PortError> {
    sql.exec(
        "CREATE TABLE IF NOT EXISTS container_holder (id INTEGER PRIMARY KEY CHECK (id = 1), object TEXT NOT NULL, \
         account TEXT NOT NULL)",
        &[],
    )?;
    let args = [SqlValue::Text(holder.object.clone()), SqlValue::Text(holder.account.clone())];
    sql.exec("INSERT OR REPLACE INTO container_holder (id, object, account) VALUES (1, ?, ?)", &args).map(drop)
}

fn create_table(sql: &dyn LocalSql) -> Result<(), PortError> {
    sql.exec("CREATE TABLE IF NOT EXISTS instance (secret TEXT NOT NULL)", &[]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::sqlite::Sqlite;

    #[test]
    fn the_last_secret_is_the_one() {
        let sql = Sqlite::empty();
        assert_eq!(secret(&sql), Ok(None));
        keep(&sql, "a").unwrap();
        keep(&sql, "b").unwrap();
        assert_eq!(secret(&sql), Ok(Some("b".to_owned())));
        forget(&sql, Some("a")).unwrap();
        assert_eq!(secret(&sql), Ok(Some("b".to_owned())), "it belongs to another container by now");
        forget(&sql, Some("b")).unwrap();
        assert_eq!(secret(&sql), Ok(None));
    }
}
