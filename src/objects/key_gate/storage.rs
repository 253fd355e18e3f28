//! What a KeyGate object stores in its own database.

use crate::domain::key::rolling_window::RollingWindow;
use crate::domain::timestamp::Timestamp;
use crate::objects::schema::has_table;
use crate::ports::{LocalSql, PortError, SqlValue};

/// The saved state of a gate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Saved {
    /// The key whose gate it is.
    pub key_hash: String,
    pub window: RollingWindow,
    /// The latest use that the database has.
    pub noted_use: Option<Timestamp>,
}

/// Creates the table of a key's gate if it is missing. Only a write creates it, so a gate that refuses every call stores
/// nothing.
pub fn create_table(sql: &dyn LocalSql, key_hash: &str) -> Result<(), PortError> {
    sql.exec(
        "CREATE TABLE IF NOT EXISTS gate (id INTEGER PRIMARY KEY CHECK (id = 1), key_hash TEXT NOT NULL, \
         calls BLOB NOT NULL, noted_use INTEGER)",
        &[],
    )?;
    // The alarm reads the key's hash from here.
    let nothing_saved = [SqlValue::from(key_hash), SqlValue::Blob(RollingWindow::default().encode())];
    sql.exec("INSERT OR IGNORE INTO gate (id, key_hash, calls) VALUES (1, ?, ?)", &nothing_saved).map(drop)
}

/// Saves the state. With the highest limit the window has 80 kB, and a row may have 2 MB.
pub fn save(sql: &dyn LocalSql, saved: &Saved) -> Result<(), PortError> {
    let Saved { key_hash, window, noted_use } = saved;
    let args = [SqlValue::from(key_hash), SqlValue::Blob(window.encode()), SqlValue::from(*noted_use)];
    sql.exec("INSERT OR REPLACE INTO gate (id, key_hash, calls, noted_use) VALUES (1, ?, ?, ?)", &args).map(drop)
}

/// What was saved.
pub fn load(sql: &dyn LocalSql) -> Result<Option<Saved>, PortError> {
    if !has_table(sql, "gate")? {
        return Ok(None);
    }
    let rows = sql.exec("SELECT key_hash, calls, noted_use FROM gate", &[])?;
    match rows.first().map(Vec::as_slice) {
        None => Ok(None),
        Some([SqlValue::Text(key_hash), SqlValue::Blob(calls), noted_use]) => {
            let noted_use = if let SqlValue::Integer(at) = noted_use { Some(Timestamp(*at)) } else { None };
            Ok(Some(Saved { key_hash: key_hash.clone(), window: RollingWindow::decode(calls), noted_use }))
        }
        Some(_) => Err(PortError("What a gate saved is unreadable.".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::sqlite::Sqlite;

    #[test]
    fn windows_outlive_the_object() {
        let sql = Sqlite::empty();
        assert_eq!(load(&sql), Ok(None));
        create_table(&sql, "ab").unwrap();
        create_table(&sql, "ab").unwrap();
        let empty = Saved { key_hash: "ab".into(), ..Saved::default() };
        assert_eq!(load(&sql), Ok(Some(empty.clone())));
        let mut saved = empty;
        for at in [1, 2, 3] {
            saved.window.admit(10, Timestamp(at));
            saved.noted_use = Some(Timestamp(at - 1));
            save(&sql, &saved).unwrap();
        }
        assert_eq!(load(&sql), Ok(Some(saved)));
    }
}
