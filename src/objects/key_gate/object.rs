//! The KeyGate object: one per API key, asked once for every call with it.
//!
//! It is exact because it is one: all calls with a key come to this object, and between looking at the window and
//! counting the call there is no await, so no other call can come between ([`domain::gate::decide`]). It knows the key
//! from the database and keeps that in memory; whoever changes a key there tells the gate afterwards, which then
//! forgets what it knew, what it is just being told included, before it answers.
//!
//! The window is in memory and is saved within a second; [`domain::gate`] says what a crash can forget. Ended runs are
//! saved as they come. Their usage is written to the database some seconds later, together; their records stay here for a
//! week, where a run's id leads to them. When the last call has left the window, everything is flushed and the last record
//! is purged, the storage is deleted.
//!
//! [`domain::gate`]: crate::domain::key::gate
//! [`domain::gate::decide`]: crate::domain::key::gate::decide

use crate::bindings;
use crate::domain::key::gate::{CheckKey, Decision, KeyConfig, Maintenance, SAVE_AFTER_MS, decide, next_alarm};
use crate::domain::run::finished::{FinishedRun, MAX_STORED_BYTES};
use crate::domain::timestamp::Timestamp;
use crate::objects::key_gate::call::{DECISION, GateAction, GateCall};
use crate::objects::key_gate::storage::{self as storage, Saved};
use crate::platform::clock::RuntimeClock;
use crate::platform::console::Console;
use crate::platform::object_sql::ObjectSql;
use crate::ports::{Clock, KeyLedger, Level, Log, PortError};
use futures::FutureExt;
use futures::future::{LocalBoxFuture, Shared};
use serde_json::json;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use worker::{DurableObject, Env, Headers, Request, Response, Result, State, durable_object, wasm_bindgen};

type Looking = Shared<LocalBoxFuture<'static, std::result::Result<Option<KeyConfig>, PortError>>>;

/// A database that is away is not asked more often.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// See the module.
#[durable_object(alarm)]
pub struct KeyGate {
    state: State,
    env: Env,
    memory: RefCell<Memory>,
}

/// What is known without asking anybody. It is never borrowed over an await.
#[derive(Default)]
struct Memory {
    /// `None` where the database has to be asked; what is inside is what it said.
    facts: Option<Option<KeyConfig>>,
    /// The database is being asked; whoever comes meanwhile waits for the same answer.
    looking: Option<Looking>,
    /// How often the gate was told to forget. An answer to a question from before that is not kept.
    generation: u64,
    /// `None` where it has to be loaded.
    saved: Option<Saved>,
    /// When the first call was let through that is not saved.
    unsaved_since: Option<Timestamp>,
    /// When the first call was let through that the database does not know of.
    pending_use: Option<Timestamp>,
    /// The alarm that is set.
    alarm: Option<Timestamp>,
}

impl DurableObject for KeyGate {
    fn new(state: State, env: Env) -> Self {
        Self { state, env, memory: RefCell::default() }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let GateCall { key_hash, what } = GateCall::read(&request)?;
        let answer = match what {
            GateAction::CheckKey(ask) => match self.ask(&key_hash, &ask).await {
                Ok(decision) => return with_decision(&decision),
                Err(error) => Err(error),
            },
            GateAction::Record => match request.text().await {
                Ok(runs) => self.record(&key_hash, &runs).await,
                Err(error) => Err(failed(error)),
            },
            GateAction::Flush => match request.text().await {
                Ok(runs) => self.flush(&key_hash, &runs).await,
                Err(error) => Err(failed(error)),
            },
            GateAction::Recorded(id) => storage::record(&self.sql(), id).map(Option::unwrap_or_default),
            GateAction::Forget(ids) => {
                ids.into_iter().try_for_each(|id| storage::forget_record(&self.sql(), id)).map(|()| String::new())
            }
            GateAction::Erase => self.erase().await,
            GateAction::Refresh => {
                self.forget_facts();
                Ok(String::new())
            }
        };
        match answer {
            Ok(text) => Response::ok(text),
            Err(error) => {
                let line = json!({ "message": "A key's gate could not answer.", "error": error.0 });
                Console.write(Level::Error, line);
                Response::error("", 500)
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.memory.borrow_mut().alarm = None;
        if let Err(error) = self.maintain().await {
            Console.write(Level::Error, json!({ "message": "A key's gate could not flush.", "error": error.0 }));
            // Nothing is lost: all of it is still there, and the next alarm tries again.
            self.state.storage().set_alarm(RETRY_AFTER).await?;
        }
        Response::empty()
    }
}

impl KeyGate {
    async fn ask(&self, key_hash: &str, ask: &CheckKey) -> std::result::Result<String, PortError> {
        let facts = self.facts(key_hash).await?;
        let now = RuntimeClock.now();
        let decision = {
            let mut memory = self.memory.borrow_mut();
            let decision = decide(facts.as_ref(), &mut self.saved(&mut memory, key_hash)?.window, ask, now);
            if ask.counts && matches!(decision, Decision::Open { .. }) {
                memory.unsaved_since.get_or_insert(now);
                memory.pending_use.get_or_insert(now);
            }
            decision
        };
        self.set_alarm(now).await?;
        serde_json::to_string(&decision).map_err(|error| PortError(error.to_string()))
    }

    /// Saves ended runs, each of them a [`FinishedRun`] on a line of its own. Records that the gate has no room for get a
    /// place of their own.
    async fn record(&self, key_hash: &str, runs: &str) -> std::result::Result<String, PortError> {
        let now = RuntimeClock.now();
        let runs: Option<Vec<_>> = runs.lines().map(FinishedRun::from_line).collect();
        let mut runs = runs.ok_or_else(|| PortError("What was handed over is unreadable.".to_owned()))?;
        if self.state.storage().sql().database_size() as u64 > MAX_STORED_BYTES {
            let ledger = bindings::ledger(&self.env).map_err(failed)?;
            for run in &mut runs {
                if let Some(record) = run.record.take() {
                    ledger.keep(run.id, &record).await?;
                }
            }
        }
        {
            let sql = self.sql();
            storage::create_tables(&sql, key_hash)?;
            storage::add(&sql, runs, now)?;
        }
        self.set_alarm(now).await?;
        Ok(String::new())
    }

    /// Books what there is.
    async fn flush(&self, key_hash: &str, runs: &str) -> std::result::Result<String, PortError> {
        if !runs.is_empty() {
            self.record(key_hash, runs).await?;
        }
        let sql = self.sql();
        if storage::pending_since(&sql)?.is_some() {
            let latest = storage::latest_usage(&sql)?;
            while self.flush_oldest(key_hash).await? < latest {}
        }
        Ok(String::new())
    }

    /// Books one batch, and answers how far that is.
    async fn flush_oldest(&self, key_hash: &str) -> std::result::Result<i64, PortError> {
        let sql = self.sql();
        let (usage, last) = storage::oldest_usage(&sql)?;
        let used_at = {
            let memory = self.memory.borrow();
            let latest = memory.saved.as_ref().and_then(|saved| saved.window.latest());
            memory.pending_use.and(latest)
        };
        let ledger = bindings::ledger(&self.env).map_err(failed)?;
        ledger.flush(key_hash, used_at, &usage).await?;
        storage::forget_usage(&sql, last)?;
        let mut memory = self.memory.borrow_mut();
        // A use during the flush is flushed with the next.
        memory.pending_use =
            memory.saved.as_ref().and_then(|saved| saved.window.latest()).filter(|at| Some(*at) != used_at);
        Ok(last)
    }

    /// Forgets everything about a key that is gone.
    async fn erase(&self) -> std::result::Result<String, PortError> {
        self.forget_facts();
        {
            let mut memory = self.memory.borrow_mut();
            *memory = Memory { generation: memory.generation, ..Memory::default() };
        }
        self.state.storage().delete_all().await.map_err(failed)?;
        Ok(String::new())
    }

    /// What the database says about the key, from memory where it was asked before.
    async fn facts(&self, key_hash: &str) -> std::result::Result<Option<KeyConfig>, PortError> {
        loop {
            let (looking, generation) = {
                let mut memory = self.memory.borrow_mut();
                if let Some(facts) = &memory.facts {
                    return Ok(facts.clone());
                }
                let look = || look(bindings::ledger(&self.env), key_hash.to_owned());
                (memory.looking.get_or_insert_with(look).clone(), memory.generation)
            };
            let said = looking.await;
            let mut memory = self.memory.borrow_mut();
            // The gate was told to forget while the database was asked: the answer may be from before that.
            if memory.generation != generation {
                continue;
            }
            memory.looking = None;
            let facts = said?;
            memory.facts = Some(facts.clone());
            return Ok(facts);
        }
    }

    fn forget_facts(&self) {
        let mut memory = self.memory.borrow_mut();
        memory.facts = None;
        memory.looking = None;
        memory.generation += 1;
    }

    /// What is saved, loaded where it is not in memory.
    fn saved<'m>(&self, memory: &'m mut Memory, key_hash: &str) -> std::result::Result<&'m mut Saved, PortError> {
        if memory.saved.is_none() {
            memory.saved = storage::load(&self.sql())?;
        }
        Ok(memory.saved.get_or_insert_with(|| Saved { key_hash: key_hash.to_owned(), ..Saved::default() }))
    }

    /// Saves the window, flushes and purges what is due, or deletes everything where nothing is left to do. Calls come in
    /// during the flush; they find everything in order, because only what was flushed is forgotten, and only afterwards.
    async fn maintain(&self) -> std::result::Result<(), PortError> {
        let Some(key_hash) = self.save_window()? else { return Ok(()) };
        let sql = self.sql();
        if self.maintenance()?.flushes(RuntimeClock.now()) {
            self.flush_oldest(&key_hash).await?;
            // Whoever changed the key may have failed to say so: then it takes effect now.
            let generation = self.memory.borrow().generation;
            let facts = bindings::ledger(&self.env).map_err(failed)?.facts(&key_hash).await?;
            let mut memory = self.memory.borrow_mut();
            if memory.generation == generation {
                memory.facts = Some(facts);
            }
        }
        let now = RuntimeClock.now();
        if let Some(before) = self.maintenance()?.purges(now) {
            storage::purge_records(&sql, before)?;
        }
        if next_alarm(&self.maintenance()?, now).is_none() {
            self.state.storage().delete_all().await.map_err(failed)?;
            // A call that came in meanwhile is in memory, but its alarm may have gone with the storage.
            self.memory.borrow_mut().alarm = None;
        }
        self.set_alarm(now).await
    }

    /// Saves the window where it is not saved. Answers with the key's hash, unless nothing at all is known.
    fn save_window(&self) -> std::result::Result<Option<String>, PortError> {
        let sql = self.sql();
        let mut memory = self.memory.borrow_mut();
        if memory.saved.is_none() {
            memory.saved = storage::load(&sql)?;
        }
        let is_unsaved = memory.unsaved_since.take().is_some();
        let Some(Saved { key_hash, window }) = &memory.saved else { return Ok(None) };
        storage::create_tables(&sql, key_hash)?;
        if is_unsaved {
            storage::save(&sql, key_hash, window)?;
        }
        Ok(Some(key_hash.clone()))
    }

    fn maintenance(&self) -> std::result::Result<Maintenance, PortError> {
        let sql = self.sql();
        let pending_since = storage::pending_since(&sql)?;
        let oldest_record = storage::oldest_record(&sql)?.map(|id| id.day());
        let memory = self.memory.borrow();
        Ok(Maintenance {
            unsaved_since: memory.unsaved_since,
            pending_since: pending_since.into_iter().chain(memory.pending_use).min(),
            latest: memory.saved.as_ref().and_then(|saved| saved.window.latest()),
            oldest_record,
        })
    }

    /// Sets the alarm where the next chore comes earlier than the one that is set.
    async fn set_alarm(&self, now: Timestamp) -> std::result::Result<(), PortError> {
        // Of all maintenance saving comes soonest; most calls find an alarm that is early enough, and go on.
        let is_early_enough = self.memory.borrow().alarm.is_some_and(|alarm| alarm <= now.plus_ms(SAVE_AFTER_MS));
        if is_early_enough {
            return Ok(());
        }
        let Some(next) = next_alarm(&self.maintenance()?, now) else { return Ok(()) };
        {
            let mut memory = self.memory.borrow_mut();
            if memory.alarm.is_some_and(|alarm| alarm <= next) {
                return Ok(());
            }
            memory.alarm = Some(next);
        }
        let wait = Duration::from_millis(u64::try_from(next.0 - now.0).unwrap_or(0));
        self.state.storage().set_alarm(wait).await.map_err(failed)
    }

    fn sql(&self) -> ObjectSql {
        ObjectSql(self.state.storage().sql())
    }
}

fn look(ledger: Result<Rc<dyn KeyLedger>>, key_hash: String) -> Looking {
    async move { ledger.map_err(failed)?.facts(&key_hash).await }.boxed_local().shared()
}

/// The answer to a caller. What is in a decision, ids, hosts and names, is ASCII, as headers want it.
fn with_decision(decision: &str) -> Result<Response> {
    let headers = Headers::new();
    headers.set(DECISION, decision)?;
    Ok(Response::empty()?.with_status(200).with_headers(headers))
}

fn failed(error: worker::Error) -> PortError {
    PortError(format!("The runtime failed: {error}"))
}
