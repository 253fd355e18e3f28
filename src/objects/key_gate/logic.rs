//! What a key's gate does: check calls, store finished runs, and flush their usage to the database.
//!
//! The gate is exact because there is one per key: between reading the window and counting a call there is no await, so
//! no other call can come between ([`decide`]). It reads the key's settings from the database and keeps them in memory.
//! After every change in the database the writer calls [`KeyGateLogic::refresh`]; the gate then drops its settings, and
//! also the answer of a query that is in flight.
//!
//! The window is in memory and is saved within a second; [`crate::domain::key::gate`] says what a crash can lose.
//! Finished runs are saved at once. Their usage is flushed to the database some seconds later, together; their records
//! stay here for a week. When the last call has left the window, no usage is pending and no record is left, the storage
//! is deleted.

use crate::domain::account::amounts::Amounts;
use crate::domain::key::gate::{CheckKey, Decision, KeyConfig, Maintenance, SAVE_AFTER_MS, decide, next_alarm};
use crate::domain::run::finished::{FinishedRun, MAX_STORED_BYTES};
use crate::domain::run::id::RunId;
use crate::domain::run::record::apart;
use crate::domain::timestamp::Timestamp;
use crate::objects::key_gate::quota::{ExecutionRefusal, GateQuota, GateQuotaPorts};
use crate::objects::key_gate::storage::{self, Saved};
use crate::ports::{Clock, DeletedRecord, KeyLedger, ObjectStorage, PortError};
use futures::FutureExt;
use futures::future::{LocalBoxFuture, Shared};
use futures::lock::Mutex;
use std::cell::RefCell;
use std::rc::Rc;

type Loading = Shared<LocalBoxFuture<'static, Result<Option<KeyConfig>, PortError>>>;

/// After a failure the alarm fires again after this long, in milliseconds.
const RETRY_AFTER_MS: i64 = 5_000;

/// Settings that are older than this are read again, in milliseconds. A key in use does not wait for that, because the gate reads
/// them after each flush. So an account that the operator has suspended is refused within half a minute.
const RECENT_MS: i64 = 30_000;

/// The gate of one key.
pub struct KeyGateLogic {
    storage: Rc<dyn ObjectStorage>,
    ledger: Rc<dyn KeyLedger>,
    clock: Rc<dyn Clock>,
    quota: Rc<GateQuota>,
    memory: RefCell<Memory>,
    /// Held while usage is on its way to the database, so that no two flushes overlap.
    flushing: Mutex<()>,
}

/// What the gate keeps in memory. It is never borrowed across an await.
#[derive(Default)]
struct Memory {
    /// Outer `None`: not loaded. Inner `None`: there is no such key.
    config: Option<Option<KeyConfig>>,
    /// When the settings were read.
    read_at: Option<Timestamp>,
    /// A query for the settings that is in flight; concurrent calls wait for the same one.
    loading: Option<Loading>,
    /// Counts the calls of `refresh`. The answer to a query from before the last one is dropped.
    generation: u64,
    /// `None`: not loaded.
    saved: Option<Saved>,
    /// The time of the first passed call that is not saved yet.
    unsaved_since: Option<Timestamp>,
    /// The time of the first passed call after the last flush of `last_used_at`.
    pending_use: Option<Timestamp>,
    /// The alarm that is set.
    alarm: Option<Timestamp>,
}

impl KeyGateLogic {
    pub fn new(
        storage: Rc<dyn ObjectStorage>,
        ledger: Rc<dyn KeyLedger>,
        clock: Rc<dyn Clock>,
        quotas: GateQuotaPorts,
    ) -> Self {
        let quota = GateQuota::new(quotas, Rc::clone(&storage), Rc::clone(&clock));
        Self { storage, ledger, clock, quota, memory: RefCell::default(), flushing: Mutex::new(()) }
    }

    /// Decides about a call, and counts one that passes.
    ///
    /// # Errors
    /// The settings of the key cannot be read; the call is to be refused.
    pub async fn check(&self, key_hash: &str, check: &CheckKey) -> Result<Decision, PortError> {
        let config = self.config(key_hash).await?;
        let now = self.clock.now();
        let decision = {
            let mut memory = self.memory.borrow_mut();
            let decision = decide(config.as_ref(), &mut self.saved(&mut memory, key_hash)?.window, check, now);
            if check.counts && matches!(decision, Decision::Allowed { .. }) {
                memory.unsaved_since.get_or_insert(now);
                memory.pending_use.get_or_insert(now);
            }
            decision
        };
        let account = config.and_then(|config| config.account).filter(|_| check.executes);
        let decision = match account {
            Some(account) => self.execute(&account, decision).await?,
            None => decision,
        };
        self.set_alarm(now).await?;
        Ok(decision)
    }

    /// Counts a script that the key may run against the quotas of its account.
    async fn execute(&self, account: &str, decision: Decision) -> Result<Decision, PortError> {
        let Decision::Allowed { owner, store_ip, rate, isolates, .. } = decision else { return Ok(decision) };
        match self.quota.execute(account).await {
            Ok(execution) => Ok(Decision::Allowed { owner, store_ip, rate, isolates, execution: Some(execution) }),
            Err(ExecutionRefusal::Exceeded(exceeded)) => Ok(Decision::QuotaExceeded { exceeded, rate }),
            Err(ExecutionRefusal::Suspended) => Ok(Decision::Suspended),
            Err(ExecutionRefusal::Silent(error)) => Err(error),
        }
    }

    /// Notes what a script has used of models.
    ///
    /// # Errors
    /// It may not be counted.
    pub async fn note_use(&self, amounts: Amounts) -> Result<(), PortError> {
        self.quota.note(amounts)?;
        self.set_alarm(self.clock.now()).await
    }

    /// Stores finished runs. If the gate is full, their records go to the ledger. It may be repeated.
    ///
    /// # Errors
    /// Some of the runs may not be stored.
    pub async fn submit(&self, key_hash: &str, mut runs: Vec<FinishedRun>) -> Result<(), PortError> {
        if runs.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        if self.storage.size() > MAX_STORED_BYTES {
            for run in &mut runs {
                if let Some(record) = run.record.take() {
                    self.ledger.keep(run.id, &record).await?;
                }
            }
        }
        storage::create_tables(&*self.storage, key_hash)?;
        storage::add(&*self.storage, runs, now)?;
        self.set_alarm(now).await
    }

    /// Writes to the database all usage that is pending now.
    ///
    /// # Errors
    /// Usage that could not be written stays pending.
    pub async fn flush(&self, key_hash: &str) -> Result<(), PortError> {
        let Some(latest) = storage::latest_usage(&*self.storage)? else { return Ok(()) };
        while storage::oldest_position(&*self.storage)?.is_some_and(|oldest| oldest <= latest) {
            self.flush_oldest(key_hash).await?;
        }
        Ok(())
    }

    /// The record of a run; `None` when it is not kept here.
    pub fn record(&self, id: RunId) -> Result<Option<String>, PortError> {
        storage::record(&*self.storage, id)
    }

    /// Deletes the records of runs, and returns those that were kept here. It may be repeated.
    pub fn delete_records(&self, ids: &[RunId]) -> Result<Vec<DeletedRecord>, PortError> {
        let mut deleted = Vec::new();
        for &id in ids {
            if let Some(record) = storage::record(&*self.storage, id)? {
                storage::delete_record(&*self.storage, id)?;
                deleted.push(DeletedRecord { id, apart: apart(record.as_bytes()) });
            }
        }
        Ok(deleted)
    }

    /// Deletes everything about a deleted key. It may be repeated.
    pub async fn erase(&self) -> Result<(), PortError> {
        self.refresh();
        {
            let mut memory = self.memory.borrow_mut();
            *memory = Memory { generation: memory.generation, ..Memory::default() };
        }
        self.quota.give_back().await?;
        self.storage.delete_all().await
    }

    /// Drops the settings of the key, also those that are being read.
    pub fn refresh(&self) {
        let mut memory = self.memory.borrow_mut();
        memory.config = None;
        memory.loading = None;
        memory.generation += 1;
    }

    /// Runs the maintenance that is due. A failure loses nothing, and the alarm fires again.
    ///
    /// # Errors
    /// Something that was due could not be done.
    pub async fn alarm(&self) -> Result<(), PortError> {
        self.memory.borrow_mut().alarm = None;
        let done = self.maintain().await;
        if done.is_err() {
            self.storage.set_alarm(self.clock.now().plus_ms(RETRY_AFTER_MS)).await?;
        }
        done
    }

    /// The settings of the key, from memory or from the database.
    async fn config(&self, key_hash: &str) -> Result<Option<KeyConfig>, PortError> {
        loop {
            let (loading, generation) = {
                let mut memory = self.memory.borrow_mut();
                let is_recent = memory.read_at.is_some_and(|at| self.clock.now().0 - at.0 < RECENT_MS);
                if let Some(config) = memory.config.as_ref().filter(|_| is_recent) {
                    return Ok(config.clone());
                }
                let load = || load(Rc::clone(&self.ledger), key_hash.to_owned());
                (memory.loading.get_or_insert_with(load).clone(), memory.generation)
            };
            let loaded = loading.await;
            let mut memory = self.memory.borrow_mut();
            // A refresh came during the query, which may have read the older settings.
            if memory.generation != generation {
                continue;
            }
            memory.loading = None;
            memory.read_at = Some(self.clock.now());
            let config = match (loaded, &memory.config) {
                (Ok(config), _) => config,
                // What was read before stands while the database does not answer.
                (Err(_), Some(config)) => config.clone(),
                (Err(error), None) => return Err(error),
            };
            memory.config = Some(config.clone());
            return Ok(config);
        }
    }

    /// The saved state, which is loaded if it is not in memory.
    fn saved<'m>(&self, memory: &'m mut Memory, key_hash: &str) -> Result<&'m mut Saved, PortError> {
        if memory.saved.is_none() {
            memory.saved = storage::load(&*self.storage)?;
        }
        Ok(memory.saved.get_or_insert_with(|| Saved { key_hash: key_hash.to_owned(), ..Saved::default() }))
    }

    /// Flushes the oldest pending usage to the database. Runs that are submitted during the flush are not lost: only
    /// the flushed rows are deleted, after the flush, and no position is used twice.
    async fn flush_oldest(&self, key_hash: &str) -> Result<(), PortError> {
        let _only_flush = self.flushing.lock().await;
        let (usage, last) = storage::oldest_usage(&*self.storage)?;
        let used_at = {
            let memory = self.memory.borrow();
            let latest = memory.saved.as_ref().and_then(|saved| saved.window.latest());
            memory.pending_use.and(latest)
        };
        self.ledger.flush(key_hash, used_at, &usage).await?;
        storage::delete_usage(&*self.storage, last)?;
        // Without a use before it, this flush wrote none, and one during it has noted itself.
        if used_at.is_some() {
            let mut memory = self.memory.borrow_mut();
            let latest = memory.saved.as_ref().and_then(|saved| saved.window.latest());
            // A use during this flush is written with the next one.
            memory.pending_use = latest.filter(|at| Some(*at) != used_at);
        }
        Ok(())
    }

    /// Saves the window, flushes and purges what is due, and deletes the storage when nothing is left. Other calls may
    /// run during the flush, so the state is consistent at each await.
    async fn maintain(&self) -> Result<(), PortError> {
        let Some(key_hash) = self.save_window()? else { return Ok(()) };
        if self.due()?.flushes(self.clock.now()) {
            self.flush_oldest(&key_hash).await?;
            // A writer may have changed the key and failed to call `refresh`: the change takes effect now.
            let generation = self.memory.borrow().generation;
            let config = self.ledger.config(&key_hash).await?;
            let mut memory = self.memory.borrow_mut();
            if memory.generation == generation {
                memory.read_at = Some(self.clock.now());
                memory.config = Some(config);
            }
        }
        self.quota.maintain().await?;
        let now = self.clock.now();
        if let Some(before) = self.due()?.purges(now) {
            storage::purge_records(&*self.storage, before)?;
        }
        if next_alarm(&self.due()?, now).is_none() {
            self.storage.delete_all().await?;
            // A call during the deletion is in memory, but its alarm may have been deleted.
            self.memory.borrow_mut().alarm = None;
        }
        self.set_alarm(now).await
    }

    /// Saves the window if it is not saved. Returns the key's hash; `None` when nothing is stored or known.
    fn save_window(&self) -> Result<Option<String>, PortError> {
        let mut memory = self.memory.borrow_mut();
        if memory.saved.is_none() {
            memory.saved = storage::load(&*self.storage)?;
        }
        let is_unsaved = memory.unsaved_since.take().is_some();
        let Some(Saved { key_hash, window }) = &memory.saved else { return Ok(None) };
        storage::create_tables(&*self.storage, key_hash)?;
        if is_unsaved {
            storage::save(&*self.storage, key_hash, window)?;
        }
        Ok(Some(key_hash.clone()))
    }

    fn due(&self) -> Result<Maintenance, PortError> {
        let pending_since = storage::pending_since(&*self.storage)?;
        let oldest_record = storage::oldest_record(&*self.storage)?.map(|id| id.day());
        let memory = self.memory.borrow();
        Ok(Maintenance {
            unsaved_since: memory.unsaved_since,
            pending_since: pending_since.into_iter().chain(memory.pending_use).min(),
            latest: memory.saved.as_ref().and_then(|saved| saved.window.latest()),
            oldest_record,
            quota: self.quota.due()?,
        })
    }

    /// Sets the alarm when something is due before the one that is set.
    async fn set_alarm(&self, now: Timestamp) -> Result<(), PortError> {
        // Saving is what is due soonest, so an alarm within `SAVE_AFTER_MS` is always early enough.
        let is_early_enough = self.memory.borrow().alarm.is_some_and(|alarm| alarm <= now.plus_ms(SAVE_AFTER_MS));
        if is_early_enough {
            return Ok(());
        }
        let Some(next) = next_alarm(&self.due()?, now) else { return Ok(()) };
        {
            let mut memory = self.memory.borrow_mut();
            if memory.alarm.is_some_and(|alarm| alarm <= next) {
                return Ok(());
            }
            memory.alarm = Some(next);
        }
        self.storage.set_alarm(next).await
    }
}

fn load(ledger: Rc<dyn KeyLedger>, key_hash: String) -> Loading {
    async move { ledger.config(&key_hash).await }.boxed_local().shared()
}

#[cfg(test)]
mod tests;
