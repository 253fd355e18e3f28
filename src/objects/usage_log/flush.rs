//! The copy of a log that the database gets: counts by hour, and the latest runs.
//!
//! A copy has absolute values, so it may be written twice, and a lost one is made good by the next. One copy is on its way at
//! a time.

use crate::domain::timestamp::Timestamp;
use crate::domain::usage_log::name::LogName;
use crate::domain::usage_log::query::{Filter, HistoryQuery, UsageRun};
use crate::domain::usage_log::retention::flush_pause_ms;
use crate::objects::usage_log::logic::{RECENT_RUNS, UsageLogLogic};
use crate::objects::usage_log::storage::{self, counts, runs};
use crate::ports::{LogCopy, PortError};

impl UsageLogLogic {
    /// Whether a copy is due.
    pub(super) fn has_to_flush(&self) -> Result<bool, PortError> {
        let (due_at, is_known) = {
            let unflushed = &self.memory.borrow().unflushed;
            (unflushed.due_at(), unflushed.hours().is_some())
        };
        if due_at.is_some_and(|at| at <= self.clock.now()) {
            return Ok(true);
        }
        let Some(state) = storage::state(&*self.storage)? else { return Ok(false) };
        let has_missed = || counts::has_changed_since(&*self.storage, state.flushed_at);
        Ok(state.must_flush || due_at.is_none() && !is_known && has_missed()?)
    }

    /// Writes a copy to the database. The caller holds the lock.
    ///
    /// # Errors
    /// The copy may not be written. The next one has everything.
    pub(super) async fn flush(&self, log: LogName) -> Result<(), PortError> {
        if self.project(log).await?.is_none() {
            // The database keeps nothing of a project that is gone. The log itself is deleted by a call.
            self.memory.borrow_mut().unflushed.begin();
            return Ok(());
        }
        let generation = self.project.generation();
        let begun = self.clock.now();
        let copy = self.copy(log, begun)?;
        let written = self.ledger.write(&copy).await;
        let now = self.clock.now();
        let not_before = now.plus_ms(flush_pause_ms(now.0 - begun.0, log.log));
        self.memory.borrow_mut().unflushed.end(written.is_ok(), not_before);
        self.project.set(generation, written?);
        storage::set_flushed(&*self.storage, begun)
    }

    /// The copy, and nothing is unflushed from here on. What changes while it is on its way comes with the next one.
    fn copy(&self, log: LogName, at: Timestamp) -> Result<LogCopy, PortError> {
        let storage = &*self.storage;
        let hours = match self.memory.borrow().unflushed.hours() {
            Some(hours) => counts::of_hours(storage, hours)?,
            None => {
                let since = storage::state(storage)?.map_or(Timestamp(0), |state| state.flushed_at);
                counts::changed_since(storage, since)?
            }
        };
        let recent = recent(runs::list(storage, &newest())?);
        self.memory.borrow_mut().unflushed.begin();
        Ok(LogCopy { log, at, hours, recent })
    }
}

fn newest() -> HistoryQuery {
    let (after_at, after_id) = (Timestamp(i64::MAX >> 11), String::new());
    HistoryQuery { filter: Filter::All, after_at, after_id, offset: 0, rows: RECENT_RUNS }
}

/// Without what tells most about people.
fn recent(runs: Vec<UsageRun>) -> Vec<UsageRun> {
    runs.into_iter().map(|run| UsageRun { user_context: None, ip: None, ..run }).collect()
}
