//! What the log of a project does: keeps its runs, counts them, and answers questions about them.
//!
//! A run is stored and counted in one transaction, so the counts are exact, and a run that arrives twice is counted once. The
//! log keeps the guard of its project in memory, which it reads from the database when it is cold. After every change in the
//! database the writer calls [`UsageLogLogic::refresh`]. A warm log needs no database to take a run or to give a result.
//!
//! Some seconds after a change the database gets a copy (`flush.rs`). Everything that the log deletes step by step is in
//! `erasure.rs`. The log deletes its storage when its project is deleted.

use crate::domain::project::guard::Guard;
use crate::domain::run::finished::FinishedRun;
use crate::domain::run::id::RunId;
use crate::domain::run::record::{InKv, apart};
use crate::domain::run::stored_keys::{TTL_SECONDS, record_key};
use crate::domain::timestamp::Timestamp;
use crate::domain::usage_log::name::LogName;
use crate::domain::usage_log::query::{HistoryQuery, Hours, UsageCounts, UsageRun};
use crate::domain::usage_log::retention::{Due, MAX_STORED_BYTES, next_alarm};
use crate::objects::cached::Cached;
use crate::objects::usage_log::storage::results::{self, Place};
use crate::objects::usage_log::storage::runs::{self, Arrived};
use crate::objects::usage_log::storage::{self, counts};
use crate::objects::usage_log::unflushed::Unflushed;
use crate::ports::artifacts::ArtifactStore;
use crate::ports::{Clock, FoundRecord, Kv, LogLedger, ObjectStorage, PortError};
use futures::lock::Mutex;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// After a failure the alarm fires again after this long, in milliseconds.
const RETRY_AFTER_MS: i64 = 5_000;
/// The pause between two steps of a long deletion, in milliseconds.
const STEP_MS: i64 = 1_000;

/// The runs in the database's copy.
pub(super) const RECENT_RUNS: u32 = 50;

/// What a log needs beside its own storage.
pub struct LogPorts {
    pub ledger: Rc<dyn LogLedger>,
    pub kv: Rc<dyn Kv>,
    pub artifacts: Rc<dyn ArtifactStore>,
}

/// The log of one project.
pub struct UsageLogLogic {
    pub(super) storage: Rc<dyn ObjectStorage>,
    pub(super) ledger: Rc<dyn LogLedger>,
    pub(super) kv: Rc<dyn Kv>,
    pub(super) artifacts: Rc<dyn ArtifactStore>,
    pub(super) clock: Rc<dyn Clock>,
    /// `None` if the project is gone.
    pub(super) project: Cached<Option<Guard>>,
    pub(super) memory: RefCell<Memory>,
    /// Held while a copy is on its way to the database, and while something is deleted in steps, so that no two of these
    /// overlap. Submissions and reads do not wait for it.
    pub(super) working: Mutex<()>,
}

/// What the log keeps in memory. It is never borrowed across an await.
#[derive(Default)]
pub(super) struct Memory {
    /// Whether the tables exist.
    has_tables: bool,
    pub(super) unflushed: Unflushed,
    /// The alarm that is set.
    alarm: Option<Timestamp>,
}

impl UsageLogLogic {
    pub fn new(storage: Rc<dyn ObjectStorage>, ports: LogPorts, clock: Rc<dyn Clock>) -> Self {
        let LogPorts { ledger, kv, artifacts } = ports;
        let (project, memory, working) = (Cached::default(), RefCell::default(), Mutex::new(()));
        Self { storage, ledger, kv, artifacts, clock, project, memory, working }
    }

    /// Stores and counts finished runs. Runs of a project that is gone are dropped. It may be repeated.
    ///
    /// # Errors
    /// Some of the runs may not be stored.
    pub async fn submit(&self, log: LogName, runs: Vec<FinishedRun>) -> Result<(), PortError> {
        let mut arrived = runs.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if arrived.is_empty() {
            return Ok(());
        }
        if self.storage.size() > MAX_STORED_BYTES {
            for run in &mut arrived {
                self.move_to_kv(run).await?;
            }
        }
        if self.project(log).await?.is_none() {
            return Ok(());
        }
        // From here to the end of the transaction there is no await, so no deletion can come between.
        let storage = &*self.storage;
        if storage::state(storage)?.is_some_and(|state| state.is_deleting) {
            return arrived.iter().try_for_each(|run| runs::leave(storage, run));
        }
        let now = self.clock.now();
        self.create_tables(log)?;
        let mut hours = BTreeSet::new();
        storage.atomically(&mut || {
            hours = runs::add(storage, &arrived, now)?;
            Ok(())
        })?;
        self.memory.borrow_mut().unflushed.add(hours, now);
        self.set_alarm(now).await
    }

    /// The record of a run with the guard of its project; `None` if no record is kept.
    pub async fn record(&self, log: LogName, id: RunId) -> Result<Option<FoundRecord>, PortError> {
        if self.find(id)?.is_none() {
            return Ok(None);
        }
        let Some(guard) = self.project(log).await? else { return Ok(None) };
        // It may have been deleted during the query.
        Ok(self.find(id)?.map(|place| match place {
            Place::Here(record) => FoundRecord { guard, record: Some(record.into_bytes()) },
            Place::InKv => FoundRecord { guard, record: None },
        }))
    }

    /// A part of the runs, the newest first.
    pub fn history(&self, query: &HistoryQuery) -> Result<Vec<UsageRun>, PortError> {
        if self.is_deleting()? { Ok(Vec::new()) } else { runs::list(&*self.storage, query) }
    }

    /// The counts of the runs.
    pub fn counts(&self, hours: Hours) -> Result<UsageCounts, PortError> {
        if self.is_deleting()? { Ok(UsageCounts::default()) } else { counts::read(&*self.storage, hours) }
    }

    /// Drops the guard of the project, also one that is being read.
    pub fn refresh(&self) {
        self.project.forget();
    }

    /// Does what is due. A failure loses nothing, and the alarm fires again.
    ///
    /// # Errors
    /// Something that was due could not be done.
    pub async fn alarm(&self) -> Result<(), PortError> {
        self.memory.borrow_mut().alarm = None;
        let done = self.maintain().await;
        if done.is_err() {
            let at = self.clock.now().plus_ms(RETRY_AFTER_MS);
            self.memory.borrow_mut().alarm = Some(at);
            self.storage.set_alarm(at).await?;
        }
        done
    }

    async fn maintain(&self) -> Result<(), PortError> {
        let _only = self.working.lock().await;
        let Some(state) = storage::state(&*self.storage)? else { return Ok(()) };
        if state.is_deleting {
            return self.delete_step().await.map(drop);
        }
        self.purge()?;
        let cleared = self.clear_leftovers(&mut 0).await;
        let flushed = if self.has_to_flush()? { self.flush(state.log).await } else { Ok(()) };
        // A failure of one says nothing about the other.
        cleared?;
        flushed?;
        self.set_alarm(self.clock.now()).await
    }

    /// The guard of the project, from memory or from the database.
    pub(super) async fn project(&self, log: LogName) -> Result<Option<Guard>, PortError> {
        let load = || {
            let ledger = Rc::clone(&self.ledger);
            async move { ledger.project(log.log).await }
        };
        self.project.get(load).await
    }

    pub(super) fn create_tables(&self, log: LogName) -> Result<(), PortError> {
        if !self.memory.borrow().has_tables {
            storage::create_tables(&*self.storage, log)?;
            self.memory.borrow_mut().has_tables = true;
        }
        Ok(())
    }

    pub(super) fn is_deleting(&self) -> Result<bool, PortError> {
        Ok(storage::state(&*self.storage)?.is_some_and(|state| state.is_deleting))
    }

    fn find(&self, id: RunId) -> Result<Option<Place>, PortError> {
        if self.is_deleting()? { Ok(None) } else { results::find(&*self.storage, id) }
    }

    /// Stores the record of a run in KV, because the log is full.
    async fn move_to_kv(&self, run: &mut Arrived) -> Result<(), PortError> {
        let Some(record) = &run.record else { return Ok(()) };
        self.kv.put(&record_key(run.id), record.as_bytes(), TTL_SECONDS).await?;
        run.in_kv = Some(InKv { record: true, ..run.in_kv.unwrap_or_default() });
        run.record = None;
        Ok(())
    }

    fn due(&self) -> Result<Due, PortError> {
        let storage = &*self.storage;
        Ok(Due {
            flush_at: self.memory.borrow().unflushed.due_at(),
            deletes: !results::leftovers(storage, 1)?.is_empty(),
            oldest_run: runs::oldest(storage)?,
            oldest_results: results::days(storage)?.first().copied(),
            oldest_erasure: runs::oldest_erasure(storage)?,
            is_full: self.storage.size() > MAX_STORED_BYTES,
        })
    }

    /// Sets the alarm when something is due before the one that is set. The tables exist.
    pub(super) async fn set_alarm(&self, now: Timestamp) -> Result<(), PortError> {
        // While a flush is due, nothing else is worth a look: everything else is done by the same alarm.
        let has_alarm = |memory: &Memory| {
            let (alarm, flush) = (memory.alarm?, memory.unflushed.due_at()?);
            (alarm <= flush).then_some(())
        };
        if has_alarm(&self.memory.borrow()).is_some() {
            return Ok(());
        }
        match next_alarm(&self.due()?, now) {
            // What is due at once goes on in steps.
            Some(next) => self.wake_at(next.max(now.plus_ms(STEP_MS))).await,
            None => Ok(()),
        }
    }

    /// Makes the alarm fire at `at` at the latest.
    pub(super) async fn wake_at(&self, at: Timestamp) -> Result<(), PortError> {
        {
            let mut memory = self.memory.borrow_mut();
            if memory.alarm.is_some_and(|alarm| alarm <= at) {
                return Ok(());
            }
            memory.alarm = Some(at);
        }
        let set = self.storage.set_alarm(at).await;
        if set.is_err() {
            // It is unknown whether it is set, so the next call sets it again.
            self.memory.borrow_mut().alarm = None;
        }
        set
    }

    /// Makes the next step of a deletion happen.
    pub(super) async fn wake_soon(&self) -> Result<(), PortError> {
        self.wake_at(self.clock.now().plus_ms(STEP_MS)).await
    }
}

/// A run as it is stored. A record that does not come with it is in KV, where the record of a script has nothing apart.
fn read(run: FinishedRun) -> Result<Arrived, PortError> {
    let usage = serde_json::from_str(&run.usage)
        .map_err(|error| PortError(format!("The usage of a run is unreadable: {error}")))?;
    let in_kv = match &run.record {
        Some(record) => apart(record.as_bytes()).map(|apart| InKv { record: false, apart }),
        None => Some(InKv { record: true, ..InKv::default() }),
    };
    Ok(Arrived { id: run.id, usage, record: run.record, in_kv })
}
