//! Runs with an idempotency key: repeated calls are one run. The object keeps the id of the run for a day; the result is
//! where all results are.

use crate::domain::run::draft::RunDraft;
use crate::domain::run::idempotency::{CallAction, Entry, IdempotencyKey, decide};
use crate::objects::run_pool::storage::{self, MAX_STORED_BYTES};
use crate::objects::runtime::ObjectRuntime;
use crate::ports::{FirstCall, IdempotentCall, PoolFailure, PoolFailureCode, PortError};
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

/// The runs with an idempotency key of one object. Clones are of the same object.
#[derive(Clone)]
pub struct IdempotentRuns {
    runtime: ObjectRuntime,
    in_flight: InFlight,
}

/// What to do with a call with an idempotency key.
pub enum Answer {
    /// Run its job. The caller reports how that went.
    Run(IdempotentRun),
    /// The run of an earlier call, which is in flight.
    InFlight(FirstCall),
    /// The run of an earlier call, which has ended.
    Ended(FirstCall),
}

/// A run with an idempotency key that this object starts. Other calls with the key attach to it until it is dropped.
pub struct IdempotentRun {
    runtime: ObjectRuntime,
    guard: InFlightGuard,
}

impl IdempotentRuns {
    pub fn new(runtime: ObjectRuntime) -> Self {
        Self { runtime, in_flight: InFlight::default() }
    }

    /// Decides about a call. If it is the first with its key, it is stored before anything runs.
    ///
    /// # Errors
    /// Nothing runs for this call.
    pub async fn decide(&self, call: IdempotentCall, draft: &RunDraft) -> Result<Answer, PoolFailure> {
        let storage = &*self.runtime.storage;
        storage::create_tables(storage).map_err(storage_failed)?;
        let entry = storage::get(storage, &call.key).map_err(storage_failed)?;
        let in_flight = self.in_flight.contains(&call.key);
        let first = entry.as_ref().map(|entry| FirstCall { run_id: entry.run_id, created_at: entry.created_at });
        match (decide(entry.as_ref(), &call.fingerprint, in_flight, self.runtime.clock.now()), first) {
            (CallAction::Run, _) => self.begin(call, draft).await.map(Answer::Run),
            (CallAction::Attach, Some(first)) => Ok(Answer::InFlight(first)),
            (CallAction::Replay, Some(first)) => {
                if storage::is_unsubmitted(storage, first.run_id).map_err(storage_failed)? {
                    let message = "The log of the project has not taken the result yet.";
                    return Err(PoolFailureCode::Unavailable.with_message(message));
                }
                Ok(Answer::Ended(first))
            }
            (CallAction::RefuseReuse, _) => Err(PoolFailureCode::KeyReused.with_message("Another body.")),
            (CallAction::RefuseInDoubt | CallAction::Replay | CallAction::Attach, _) => {
                Err(PoolFailureCode::InDoubt.with_message("The object was restarted during the run."))
            }
        }
    }

    /// Takes the run of an earlier call up again, whose job this object has stored.
    pub fn resume(&self, key: &IdempotencyKey) -> IdempotentRun {
        IdempotentRun { runtime: self.runtime.clone(), guard: self.in_flight.begin(key) }
    }

    /// Between the decision to run and the entry in storage there is no await, so no other call can decide the same.
    async fn begin(&self, call: IdempotentCall, draft: &RunDraft) -> Result<IdempotentRun, PoolFailure> {
        let storage = &*self.runtime.storage;
        let IdempotentCall { key, fingerprint } = call;
        if storage.size() > MAX_STORED_BYTES {
            let message = "The project has too many idempotency keys of the last 24 hours.";
            return Err(PoolFailureCode::TooManyKeys.with_message(message));
        }
        let entry = Entry { fingerprint, run_id: draft.id, created_at: draft.created_at, finished: false };
        storage::begin(storage, &key, &entry).map_err(storage_failed)?;
        let run = IdempotentRun { runtime: self.runtime.clone(), guard: self.in_flight.begin(&key) };
        let next = storage::next_alarm(storage).map(|next| next.unwrap_or(draft.created_at));
        let alarm = async { storage.schedule_alarm(next?).await };
        match alarm.await {
            Ok(()) => Ok(run),
            Err(error) => Err(run.not_started(storage_failed(error))),
        }
    }
}

impl IdempotentRun {
    /// The run did not start. The next call with the key starts afresh, unless the job may have run. Returns why.
    pub fn not_started(self, failure: PoolFailure) -> PoolFailure {
        if failure.code == PoolFailureCode::Lost {
            // The entry stays, and refuses the next call with this key.
            return PoolFailureCode::InDoubt.with_message(failure.message);
        }
        match storage::forget(&*self.runtime.storage, &self.guard.key) {
            Ok(()) => failure,
            Err(error) => storage_failed(error),
        }
    }

    /// The run has ended and its record can be read.
    pub fn finished(self) {
        if let Err(error) = storage::finish(&*self.runtime.storage, &self.guard.key) {
            self.runtime.log_failure("The end of a run with an idempotency key could not be stored.", &error.0);
        }
    }

    /// The stream of the run has ended before the run started. The call can be repeated.
    pub fn never_started(self) {
        if let Err(error) = storage::forget(&*self.runtime.storage, &self.guard.key) {
            self.runtime.log_failure("An idempotency key could not be freed.", &error.0);
        }
    }
}

fn storage_failed(error: PortError) -> PoolFailure {
    PoolFailureCode::Unavailable.with_message(error.0)
}

/// The keys of the runs that this object is reading. It is only in memory: after a reset no run is in flight, and an unfinished
/// entry in storage is in doubt, unless its job is stored.
#[derive(Clone, Default)]
struct InFlight(Rc<RefCell<HashSet<String>>>);

impl InFlight {
    fn contains(&self, key: &IdempotencyKey) -> bool {
        self.0.borrow().contains(key.as_str())
    }

    /// Notes that the run with `key` is in flight, until the guard is dropped.
    fn begin(&self, key: &IdempotencyKey) -> InFlightGuard {
        self.0.borrow_mut().insert(key.as_str().to_owned());
        InFlightGuard { in_flight: self.clone(), key: key.clone() }
    }
}

/// A run in flight.
struct InFlightGuard {
    in_flight: InFlight,
    key: IdempotencyKey,
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.in_flight.0.borrow_mut().remove(self.key.as_str());
    }
}
