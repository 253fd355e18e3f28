//! Passes the ends of detached runs on to the webhooks of their account.
//!
//! A notice is stored in the transaction that deletes the job of the run, so a reset loses none. It is deleted when the webhooks
//! have it. They store a report once, however often its notice arrives.

use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::domain::webhook::notice::RunNotice;
use crate::objects::json_row::read_all;
use crate::objects::runtime::ObjectRuntime;
use crate::objects::schema::has_table;
use crate::ports::webhooks::Webhooks;
use crate::ports::{LocalSql, PortError, SqlValue};
use std::rc::Rc;

/// The first pause after the webhooks have not answered, in milliseconds. It grows with the age of the oldest notice.
const RETRY_AFTER_MS: i64 = 5_000;
/// The longest pause, in milliseconds.
const LONGEST_RETRY_MS: i64 = 300_000;
/// Notices that are read at once.
const SENT_AT_ONCE: i64 = 50;

/// The notices of one object.
pub struct RunNotices {
    webhooks: Rc<dyn Webhooks>,
    runtime: ObjectRuntime,
}

impl RunNotices {
    pub fn new(webhooks: Rc<dyn Webhooks>, runtime: ObjectRuntime) -> Rc<Self> {
        Rc::new(Self { webhooks, runtime })
    }

    /// Passes what is stored on, the oldest first. Returns when to try again; `None` when nothing is left. Several calls of it may
    /// go on at once.
    ///
    /// # Errors
    /// The storage has failed.
    pub async fn send(&self) -> Result<Option<Timestamp>, PortError> {
        let storage = &*self.runtime.storage;
        loop {
            let notices = oldest(storage)?;
            if notices.is_empty() {
                return Ok(None);
            }
            for notice in notices {
                if let Err(error) = self.webhooks.enqueue(&notice).await {
                    self.runtime.log_failure("The webhooks of an account take no notice of a run.", &error.0);
                    let now = self.runtime.clock.now();
                    return Ok(Some(now.plus_ms((now.0 - notice.at.0).clamp(RETRY_AFTER_MS, LONGEST_RETRY_MS))));
                }
                delete(storage, notice.run_id)?;
            }
        }
    }

    /// The same after a run has ended. If it fails, the alarm goes on.
    pub async fn send_now(&self) {
        let tried = async {
            if let Some(at) = self.send().await? {
                self.runtime.storage.schedule_alarm(at).await?;
            }
            Ok::<_, PortError>(())
        };
        if let Err(error) = tried.await {
            self.runtime.log_failure("Notices of runs could not be read.", &error.0);
        }
    }
}

/// Stores a notice. It may be repeated.
pub fn add(sql: &dyn LocalSql, notice: &RunNotice) -> Result<(), PortError> {
    sql.exec("CREATE TABLE IF NOT EXISTS notices (number INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, notice TEXT NOT NULL)", &[])?;
    let json = serde_json::to_string(notice).map_err(|error| PortError(error.to_string()))?;
    let args = [SqlValue::Text(notice.run_id.to_string()), SqlValue::Text(json)];
    sql.exec("INSERT OR IGNORE INTO notices (run_id, notice) VALUES (?, ?)", &args).map(drop)
}

/// Whether any notice is stored.
pub fn are_stored(sql: &dyn LocalSql) -> Result<bool, PortError> {
    Ok(has_table(sql, "notices")? && !sql.exec("SELECT 1 FROM notices LIMIT 1", &[])?.is_empty())
}

fn oldest(sql: &dyn LocalSql) -> Result<Vec<RunNotice>, PortError> {
    if !has_table(sql, "notices")? {
        return Ok(Vec::new());
    }
    let rows = sql.exec("SELECT notice FROM notices ORDER BY number LIMIT ?", &[SqlValue::Integer(SENT_AT_ONCE)])?;
    read_all(&rows, "The notice of a run")
}

/// Deletes a notice. It may be repeated, also when the object has deleted everything.
fn delete(sql: &dyn LocalSql, id: RunId) -> Result<(), PortError> {
    if !has_table(sql, "notices")? {
        return Ok(());
    }
    sql.exec("DELETE FROM notices WHERE run_id = ?", &[SqlValue::Text(id.to_string())]).map(drop)
}
