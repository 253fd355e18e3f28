//! Submits finished runs to the log of their project: those that end together in one call.
//!
//! Runs whose log fails are stored in the object, and its alarm submits them again until the log takes them. So neither a
//! log that fails nor a reset of this object loses a run.

use crate::domain::run::finished::FinishedRun;
use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::domain::usage_log::name::LogName;
use crate::objects::run_pool::storage;
use crate::objects::run_pool::watch::EndedRun;
use crate::objects::runtime::ObjectRuntime;
use crate::objects::usage_log::deliver::deliver;
use crate::ports::{Level, PortError, UsageLogs};
use futures::channel::oneshot;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// How long runs of one log are collected before one call submits them, in milliseconds.
const COLLECT_MS: u32 = 50;
/// The first pause after a log has failed, in milliseconds. It doubles with the age of the oldest run.
const RETRY_AFTER_MS: i64 = 5_000;
/// The longest pause, in milliseconds.
const LONGEST_RETRY_MS: i64 = 300_000;

/// Submits the finished runs of one object.
pub struct RunRecorder {
    logs: Rc<dyn UsageLogs>,
    runtime: ObjectRuntime,
    /// The runs that are being collected, by their log.
    collecting: RefCell<HashMap<LogName, Batch>>,
    /// Whether the project was deleted. Nothing is recorded any more.
    is_deleted: Cell<bool>,
}

#[derive(Default)]
struct Batch {
    runs: Vec<FinishedRun>,
    waiting: Vec<oneshot::Sender<()>>,
}

impl RunRecorder {
    pub fn new(logs: Rc<dyn UsageLogs>, runtime: ObjectRuntime) -> Rc<Self> {
        Rc::new(Self { logs, runtime, collecting: RefCell::default(), is_deleted: Cell::default() })
    }

    /// Records a run: its log has it, or this object keeps it for the alarm.
    pub async fn record(self: &Rc<Self>, run: &EndedRun) {
        let EndedRun { draft, result, output, artifacts } = run;
        match FinishedRun::of(draft, result, output, *artifacts) {
            Ok(run) => self.submit(run).await,
            Err(error) => {
                let message = "A result could not be encoded.";
                let line = json!({ "message": message, "run.id": draft.id, "error": error.to_string() });
                self.runtime.log.write(Level::Error, line);
            }
        }
    }

    /// Whether the log has the record of a run, or this object keeps it for the log.
    ///
    /// # Errors
    /// The log or the storage fails.
    pub async fn has(&self, id: RunId) -> Result<bool, PortError> {
        let storage = &*self.runtime.storage;
        storage::create_tables(storage)?;
        Ok(storage::is_unsubmitted(storage, id)? || self.logs.record(id).await?.is_some())
    }

    async fn submit(self: &Rc<Self>, run: FinishedRun) {
        if self.is_deleted.get() {
            return;
        }
        let log = run.id.log();
        let (sender, submitted) = oneshot::channel();
        let is_first = {
            let mut collecting = self.collecting.borrow_mut();
            let is_first = !collecting.contains_key(&log);
            let batch = collecting.entry(log).or_default();
            batch.runs.push(run);
            batch.waiting.push(sender);
            is_first
        };
        if is_first {
            let own = Rc::clone(self);
            self.runtime.background.spawn(Box::pin(async move {
                own.runtime.clock.sleep(COLLECT_MS).await;
                own.submit_batch(log).await;
            }));
        }
        // A dropped sender ends the wait as well.
        let _ = submitted.await;
    }

    /// Submits all runs that have ended, also those that their log did not take before.
    ///
    /// # Errors
    /// Some of them are not in their log.
    pub async fn flush(&self) -> Result<(), PortError> {
        let logs: Vec<LogName> = self.collecting.borrow().keys().copied().collect();
        for log in logs {
            self.submit_batch(log).await;
        }
        match self.retry().await? {
            None => Ok(()),
            Some(_) => Err(PortError("The log of the project takes no finished runs.".to_owned())),
        }
    }

    async fn submit_batch(&self, log: LogName) {
        let Batch { runs, waiting } = self.collecting.borrow_mut().remove(&log).unwrap_or_default();
        if !runs.is_empty() && !self.is_deleted.get() {
            let submit = async |runs: &[FinishedRun]| self.logs.submit_all(log, runs).await;
            let keep = async |runs: &[FinishedRun]| self.keep(log, runs).await;
            deliver(&runs, submit, keep, &*self.runtime.clock, &*self.runtime.log).await;
        }
        for waiter in waiting {
            // The run may be watched no more.
            let _ = waiter.send(());
        }
    }

    /// Stores runs that their log did not take, and sets the alarm. It may be repeated.
    ///
    /// # Errors
    /// Some of the runs may not be stored.
    pub async fn keep(&self, log: LogName, runs: &[FinishedRun]) -> Result<(), PortError> {
        if self.is_deleted.get() {
            return Ok(());
        }
        let (storage, now) = (&*self.runtime.storage, self.runtime.clock.now());
        storage::create_tables(storage)?;
        for run in runs {
            storage::keep_unsubmitted(storage, log, run, now)?;
        }
        storage.schedule_alarm(now.plus_ms(RETRY_AFTER_MS)).await
    }

    /// Submits what is kept, the oldest first. Returns when to try again; `None` when nothing is left.
    ///
    /// # Errors
    /// The storage has failed.
    pub async fn retry(&self) -> Result<Option<Timestamp>, PortError> {
        let storage = &*self.runtime.storage;
        storage::create_tables(storage)?;
        let mut failure = None;
        for (log, since) in storage::logs_of_unsubmitted(storage)? {
            while let Some(runs) = storage::unsubmitted(storage, log)? {
                if let Err(error) = self.logs.submit_all(log, &runs).await {
                    failure = failure.or(Some((since, error)));
                    break;
                }
                for run in &runs {
                    storage::delete_unsubmitted(storage, run.id)?;
                }
            }
        }
        Ok(failure.map(|(since, error)| {
            self.runtime.log_failure("The log of the project still takes no finished runs.", &error.0);
            let now = self.runtime.clock.now();
            now.plus_ms((now.0 - since.0).clamp(RETRY_AFTER_MS, LONGEST_RETRY_MS))
        }))
    }

    /// Records nothing any more: the project was deleted.
    pub fn stop(&self) {
        self.is_deleted.set(true);
    }
}
