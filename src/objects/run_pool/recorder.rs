//! Submits finished runs to the gates of their keys: those of one key that end together in one call.
//!
//! Runs whose gate fails are stored in the object, and its alarm submits them again until the gate takes them. So neither a
//! gate that fails nor a reset of this object loses a run.

use crate::domain::run::finished::FinishedRun;
use crate::domain::timestamp::Timestamp;
use crate::objects::key_gate::deliver::deliver;
use crate::objects::run_pool::storage;
use crate::objects::run_pool::watch::EndedRun;
use crate::objects::runtime::ObjectRuntime;
use crate::ports::{KeyGates, Level, PortError};
use futures::channel::oneshot;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// How long runs of one key are collected before one call submits them, in milliseconds.
const COLLECT_MS: u32 = 50;
/// The first pause after a gate has failed, in milliseconds. It doubles with the age of the oldest run.
const RETRY_AFTER_MS: i64 = 5_000;
/// The longest pause, in milliseconds.
const LONGEST_RETRY_MS: i64 = 300_000;

/// Submits the finished runs of one object.
pub struct RunRecorder {
    gates: Rc<dyn KeyGates>,
    runtime: ObjectRuntime,
    /// The runs that are being collected, by the hash of their key.
    collecting: RefCell<HashMap<String, Batch>>,
    /// Whether the project was deleted. Nothing is recorded any more.
    is_deleted: Cell<bool>,
}

#[derive(Default)]
struct Batch {
    runs: Vec<FinishedRun>,
    waiting: Vec<oneshot::Sender<()>>,
}

impl RunRecorder {
    pub fn new(gates: Rc<dyn KeyGates>, runtime: ObjectRuntime) -> Rc<Self> {
        Rc::new(Self { gates, runtime, collecting: RefCell::default(), is_deleted: Cell::default() })
    }

    /// Records a run: its gate has it, or this object keeps it for the alarm.
    pub async fn record(self: &Rc<Self>, run: &EndedRun) {
        let EndedRun { draft, result, output } = run;
        match FinishedRun::of(draft, result, output) {
            Ok(run) => self.submit(&draft.key_hash, run).await,
            Err(error) => {
                let message = "A result could not be encoded.";
                let line = json!({ "message": message, "run.id": draft.id, "error": error.to_string() });
                self.runtime.log.write(Level::Error, line);
            }
        }
    }

    async fn submit(self: &Rc<Self>, key_hash: &str, run: FinishedRun) {
        if self.is_deleted.get() {
            return;
        }
        let (sender, submitted) = oneshot::channel();
        let is_first = {
            let mut collecting = self.collecting.borrow_mut();
            let is_first = !collecting.contains_key(key_hash);
            let batch = collecting.entry(key_hash.to_owned()).or_default();
            batch.runs.push(run);
            batch.waiting.push(sender);
            is_first
        };
        if is_first {
            let (own, key_hash) = (Rc::clone(self), key_hash.to_owned());
            self.runtime.background.spawn(Box::pin(async move {
                own.runtime.clock.sleep(COLLECT_MS).await;
                own.submit_batch(&key_hash).await;
            }));
        }
        // A dropped sender ends the wait as well.
        let _ = submitted.await;
    }

    /// Submits all runs that have ended, also those that their gate did not take before.
    ///
    /// # Errors
    /// Some of them are not at their gate.
    pub async fn flush(&self) -> Result<(), PortError> {
        let keys: Vec<String> = self.collecting.borrow().keys().cloned().collect();
        for key_hash in keys {
            self.submit_batch(&key_hash).await;
        }
        match self.retry().await? {
            None => Ok(()),
            Some(_) => Err(PortError("The gate of a key takes no finished runs.".to_owned())),
        }
    }

    async fn submit_batch(&self, key_hash: &str) {
        let Batch { runs, waiting } = self.collecting.borrow_mut().remove(key_hash).unwrap_or_default();
        if !runs.is_empty() && !self.is_deleted.get() {
            let submit = async |runs: &[FinishedRun]| self.gates.submit_all(key_hash, runs).await;
            let keep = async |runs: &[FinishedRun]| self.keep(key_hash, runs).await;
            deliver(&runs, submit, keep, &*self.runtime.clock, &*self.runtime.log).await;
        }
        for waiter in waiting {
            // The run may be watched no more.
            let _ = waiter.send(());
        }
    }

    /// Stores runs that their gate did not take, and sets the alarm. It may be repeated.
    ///
    /// # Errors
    /// Some of the runs may not be stored.
    pub async fn keep(&self, key_hash: &str, runs: &[FinishedRun]) -> Result<(), PortError> {
        if self.is_deleted.get() {
            return Ok(());
        }
        let (storage, now) = (&*self.runtime.storage, self.runtime.clock.now());
        storage::create_tables(storage)?;
        for run in runs {
            storage::keep_unsubmitted(storage, key_hash, run, now)?;
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
        for (key_hash, since) in storage::keys_of_unsubmitted(storage)? {
            while let Some(runs) = storage::unsubmitted(storage, &key_hash)? {
                if let Err(error) = self.gates.submit_all(&key_hash, &runs).await {
                    failure = failure.or(Some((since, error)));
                    break;
                }
                for run in &runs {
                    storage::delete_unsubmitted(storage, run.id)?;
                }
            }
        }
        Ok(failure.map(|(since, error)| {
            self.runtime.log_failure("The gate of a key still takes no finished runs.", &error.0);
            let now = self.runtime.clock.now();
            now.plus_ms((now.0 - since.0).clamp(RETRY_AFTER_MS, LONGEST_RETRY_MS))
        }))
    }

    /// Records nothing any more: the project was deleted.
    pub fn stop(&self) {
        self.is_deleted.set(true);
    }
}
