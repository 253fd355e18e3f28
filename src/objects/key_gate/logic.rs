//! What a key's gate does: checks calls, and notes when the key was last used.
//!
//! The gate is exact because there is one per key: between reading the window and counting a call there is no await, so
//! no other call can come between ([`decide`]). It reads the key's settings from the database and keeps them in memory.
//! After every change in the database the writer calls [`KeyGateLogic::refresh`]; the gate then drops its settings, and
//! also the answer of a query that is in flight.
//!
//! The window is in memory and is saved within a second; [`crate::domain::key::gate`] says what a crash can lose. The time of
//! the latest use is written to the database some seconds after it, and not more than once a minute. When the last call has left
//! the window, the storage is deleted.

use crate::domain::account::amounts::Amounts;
use crate::domain::key::gate::{CheckKey, Decision, KeyConfig, Maintenance, SAVE_AFTER_MS, decide, next_alarm};
use crate::domain::key::publishable::NetworkWindows;
use crate::domain::timestamp::Timestamp;
use crate::objects::cached::Cached;
use crate::objects::key_gate::quota::{ExecutionRefusal, GateQuota, GateQuotaPorts};
use crate::objects::key_gate::storage::{self, Saved};
use crate::ports::{Clock, KeyLedger, ObjectStorage, PortError};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// After a failure the alarm fires again after this long, in milliseconds.
const RETRY_AFTER_MS: i64 = 5_000;

/// Settings that are older than this are read again, in milliseconds. A key in use does not wait for that, because the alarm
/// reads them before. So an account that the operator has suspended is refused within half a minute.
const RECENT_MS: i64 = 30_000;
/// The alarm reads the settings of a key in use again after this long, in milliseconds.
const REREAD_MS: i64 = 20_000;

/// The gate of one key.
pub struct KeyGateLogic {
    storage: Rc<dyn ObjectStorage>,
    ledger: Rc<dyn KeyLedger>,
    clock: Rc<dyn Clock>,
    quota: Rc<GateQuota>,
    /// The settings of the key; `None` if there is no such key.
    config: Cached<Option<KeyConfig>>,
    /// When the settings were read.
    read_at: Cell<Option<Timestamp>>,
    memory: RefCell<Memory>,
}

/// What the gate keeps in memory. It is never borrowed across an await.
#[derive(Default)]
struct Memory {
    /// `None`: not loaded.
    saved: Option<Saved>,
    /// The latest calls of each network, with a publishable key. A crash forgets them; the key's own limit bounds what that
    /// costs.
    networks: NetworkWindows,
    /// The time of the first passed call that is not saved yet.
    unsaved_since: Option<Timestamp>,
    /// The time of the first passed call after the latest use that the database has.
    used_since: Option<Timestamp>,
    /// The alarm that is set.
    alarm: Option<Timestamp>,
}

impl Memory {
    fn latest_use(&self) -> Option<Timestamp> {
        self.saved.as_ref().and_then(|saved| saved.window.latest())
    }

    fn noted_use(&self) -> Option<Timestamp> {
        self.saved.as_ref().and_then(|saved| saved.noted_use)
    }
}

impl KeyGateLogic {
    pub fn new(
        storage: Rc<dyn ObjectStorage>,
        ledger: Rc<dyn KeyLedger>,
        clock: Rc<dyn Clock>,
        quotas: GateQuotaPorts,
    ) -> Self {
        let quota = GateQuota::new(quotas, Rc::clone(&storage), Rc::clone(&clock));
        let (config, read_at) = (Cached::default(), Cell::default());
        Self { storage, ledger, clock, quota, config, read_at, memory: RefCell::default() }
    }

    /// Decides about a call, and counts one that passes.
    ///
    /// # Errors
    /// The settings of the key cannot be read; the call is to be refused.
    pub async fn check(&self, key_hash: &str, check: &CheckKey) -> Result<Decision, PortError> {
        let config = self.config(key_hash).await?;
        let now = self.clock.now();
        let decision = {
            let mut borrowed = self.memory.borrow_mut();
            let memory = &mut *borrowed;
            self.load_saved(memory)?;
            let saved = memory.saved.get_or_insert_with(|| Saved { key_hash: key_hash.to_owned(), ..Saved::default() });
            let decision = decide(config.as_ref(), (&mut saved.window, &mut memory.networks), check, now);
            if check.counts && matches!(decision, Decision::Allowed { .. }) {
                memory.unsaved_since.get_or_insert(now);
                memory.used_since.get_or_insert(now);
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
        let Decision::Allowed { owner, store_ip, rate, isolates, page, runs_only, .. } = decision else {
            return Ok(decision);
        };
        match self.quota.execute(account).await {
            Ok(execution) => {
                let execution = Some(execution);
                Ok(Decision::Allowed { owner, store_ip, rate, isolates, execution, page, runs_only })
            }
            Err(ExecutionRefusal::Exceeded(exceeded)) => Ok(Decision::QuotaExceeded { exceeded, rate }),
            Err(ExecutionRefusal::Suspended) => Ok(Decision::Suspended),
            Err(ExecutionRefusal::Silent(error)) => Err(error),
        }
    }

    /// Notes what a script has used of models.
    ///
    /// # Errors
    /// It may not be counted.
    pub async fn note_models(&self, amounts: Amounts) -> Result<(), PortError> {
        self.quota.note(amounts)?;
        self.set_alarm(self.clock.now()).await
    }

    /// Deletes everything about a deleted key. It may be repeated.
    pub async fn erase(&self) -> Result<(), PortError> {
        self.refresh();
        *self.memory.borrow_mut() = Memory::default();
        self.quota.give_back().await?;
        self.storage.delete_all().await
    }

    /// Drops the settings of the key, also those that are being read.
    pub fn refresh(&self) {
        self.config.forget();
        self.read_at.set(None);
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

    /// The settings of the key. They are read again if they are old.
    async fn config(&self, key_hash: &str) -> Result<Option<KeyConfig>, PortError> {
        if self.read_at.get().is_some_and(|at| self.clock.now().0 - at.0 >= RECENT_MS) {
            self.read_again(key_hash).await;
        }
        let config = self.config.get(|| load(Rc::clone(&self.ledger), key_hash.to_owned())).await?;
        if self.read_at.get().is_none() {
            self.read_at.set(Some(self.clock.now()));
        }
        Ok(config)
    }

    /// Reads the settings again. While the database does not answer, what was read before stands.
    async fn read_again(&self, key_hash: &str) {
        let generation = self.config.generation();
        if let Ok(config) = self.ledger.config(key_hash).await {
            self.config.set(generation, config);
        }
        self.read_at.set(Some(self.clock.now()));
    }

    /// When to read the settings of a key in use again, so that no call waits for it.
    fn reread_at(&self) -> Option<Timestamp> {
        let (read_at, used_at) = (self.read_at.get()?, self.memory.borrow().latest_use()?);
        (used_at > read_at).then(|| read_at.plus_ms(REREAD_MS))
    }

    /// Loads what was saved if it is not in memory.
    fn load_saved(&self, memory: &mut Memory) -> Result<(), PortError> {
        if memory.saved.is_none() {
            memory.saved = storage::load(&*self.storage)?;
            memory.used_since = memory.latest_use().filter(|at| memory.noted_use() != Some(*at));
        }
        Ok(())
    }

    /// Saves the window, writes a use that is due, and deletes the storage when nothing is left. Other calls may run during
    /// the write, so the state is consistent at each await.
    async fn maintain(&self) -> Result<(), PortError> {
        let Some(key_hash) = self.save_window()? else { return Ok(()) };
        if self.due()?.notes_use(self.clock.now()) {
            self.note_use(&key_hash).await?;
            // A writer may have changed the key and failed to call `refresh`: the change takes effect now.
            let generation = self.config.generation();
            let config = self.ledger.config(&key_hash).await?;
            self.config.set(generation, config);
            self.read_at.set(Some(self.clock.now()));
        }
        if self.reread_at().is_some_and(|at| at <= self.clock.now()) {
            self.read_again(&key_hash).await;
        }
        self.quota.maintain().await?;
        let now = self.clock.now();
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
        self.load_saved(&mut memory)?;
        let is_unsaved = memory.unsaved_since.take().is_some();
        let Some(saved) = &memory.saved else { return Ok(None) };
        storage::create_table(&*self.storage, &saved.key_hash)?;
        if is_unsaved {
            storage::save(&*self.storage, saved)?;
        }
        Ok(Some(saved.key_hash.clone()))
    }

    /// Writes the time of the latest use to the database. A use during the write is written with the next one.
    async fn note_use(&self, key_hash: &str) -> Result<(), PortError> {
        let latest = self.memory.borrow().latest_use();
        if let Some(used_at) = latest {
            self.ledger.note_use(key_hash, used_at).await?;
        }
        let mut memory = self.memory.borrow_mut();
        memory.used_since = memory.latest_use().filter(|at| Some(*at) != latest);
        // After a deletion there is nothing to note.
        if let Some(saved) = &mut memory.saved {
            saved.noted_use = latest;
            storage::create_table(&*self.storage, key_hash)?;
            storage::save(&*self.storage, saved)?;
        }
        Ok(())
    }

    fn due(&self) -> Result<Maintenance, PortError> {
        let memory = self.memory.borrow();
        let Memory { unsaved_since, used_since, .. } = *memory;
        let look_at = self.quota.due()?.into_iter().chain(self.reread_at()).min();
        let (noted_use, latest) = (memory.noted_use(), memory.latest_use());
        Ok(Maintenance { unsaved_since, used_since, noted_use, latest, look_at })
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

async fn load(ledger: Rc<dyn KeyLedger>, key_hash: String) -> Result<Option<KeyConfig>, PortError> {
    ledger.config(&key_hash).await
}

#[cfg(test)]
mod tests;
