//! Runs that no client waits for. The object stores the job before it answers, and sends it when there is a slot.
//!
//! One of them at a time waits in the queue of the pool, so that they keep no other run of the project from its place. An alarm
//! every few seconds keeps the object in memory while there are any, and takes them up after a reset: a job that was not sent
//! is sent. One that was sent is never sent again: its runner keeps its events, and the object reads them from the beginning.

use crate::domain::account::quota::Quota;
use crate::domain::run::draft::RunDraft;
use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::objects::run_pool::detached::fifo_lock::FifoGuard;
use crate::objects::run_pool::detached::state::{Detached, delete};
use crate::objects::run_pool::detached::storage::{self, StoredRun};
use crate::objects::run_pool::held::hold;
use crate::objects::run_pool::idempotency::{Answer, IdempotentRun};
use crate::objects::run_pool::in_flight::InFlightRun;
use crate::objects::run_pool::logic::PoolLogic;
use crate::objects::run_pool::partial_output::PartialOutput;
use crate::objects::run_pool::runs::{AtEnd, PoolAnswer, PoolRuns, Request, Sent, limited_runs};
use crate::objects::run_pool::storage::MAX_STORED_BYTES;
use crate::objects::run_pool::unstarted;
use crate::ports::event_reader::EventReader;
use crate::ports::{
    ClientSignal, EventStream, IdempotentCall, PoolFailure, PoolFailureCode, PoolMembers, PortError, RunCall,
};
use docle_api::limits::{DETACHED_QUEUE_MS, MAX_DETACHED_RUNS};
use futures::channel::mpsc;
use futures::future::{Either, LocalBoxFuture, select};
use std::rc::Rc;

/// How often the alarm fires while there are detached runs, in milliseconds. The runtime evicts an object ten seconds after its
/// last call.
const LOOK_EVERY_MS: i64 = 5_000;
/// The pause before a job that no runner took is sent again, in milliseconds.
const RETRY_AFTER_MS: u32 = 1_000;
/// When a client may try again whose run found no room, in seconds.
const FULL_RETRY_AFTER_S: u32 = 10;

/// What the standard error of a run says that the service has ended, after `docle: `.
const INTERRUPTED: &str =
    "the service was restarted while the program ran; its output is lost, and the run may be repeated.";
const NO_SLOT: &str = "no slot became free in the time that the run waits; nothing was run.";
const NO_RUNNER: &str = "no runner took the run in the time that it waits; nothing was run.";
const SUSPENDED: &str = "the account was suspended before the run began; nothing was run.";
const NO_QUOTA: &str = "a quota of the account had no room when the turn of the run came; nothing was run.";
const REFUSED: &str = "the runner refused the run; nothing was run.";
const NO_LANGUAGE: &str = "the language is not installed; GET /languages lists those that are; nothing was run.";

/// How the wait of a run for its slot ended.
enum Waited {
    MaySend(FifoGuard),
    Cancelled,
    TooLong,
}

impl PoolRuns {
    /// Sends no detached run any more: the project was deleted.
    pub fn stop_detached(&self) {
        self.detached.is_stopped.set(true);
    }

    /// Stores a job, and runs it as soon as there is a slot. It may be repeated with an idempotency key.
    ///
    /// # Errors
    /// The job is not stored, and never runs.
    pub async fn detach<M>(
        &self,
        pool: &Rc<PoolLogic<M>>,
        (run, call): (&RunCall, Option<IdempotentCall>),
        draft: RunDraft,
        job: &[u8],
    ) -> Result<PoolAnswer, PoolFailure>
    where
        M: PoolMembers<Response: EventStream>,
    {
        let in_flight = self.in_flight.begin(&draft, PartialOutput::with_output());
        let key = call.as_ref().map(|call| call.key.clone());
        let idempotent = match call {
            None => None,
            Some(call) => match self.idempotent.decide(call, &draft).await? {
                Answer::Run(run) => Some(run),
                Answer::Ended(first_call) => return Ok(PoolAnswer::Ended(first_call)),
                Answer::InFlight(first_call) => {
                    return Ok(match self.in_flight.find(first_call.run_id) {
                        Some(pending) => PoolAnswer::Detached(pending),
                        None => PoolAnswer::Attached(first_call),
                    });
                }
            },
        };
        let stored =
            StoredRun { draft, key, deadline_ms: run.deadline_ms, has_network: run.has_network, is_sent: false };
        let kept = async {
            let project_id = &stored.draft.owner.project_id;
            // A run that finds no room in a quota now is refused as one that a client waits for.
            drop(self.quota.admit(project_id, stored.has_network, &limited_runs(pool)).await?);
            self.store(&stored, job).await
        };
        if let Err(failure) = kept.await {
            return Err(match idempotent {
                Some(run) => run.not_started(failure),
                None => failure,
            });
        }
        let pending = self.in_flight.find(stored.draft.id);
        self.drive(Rc::clone(pool), stored, idempotent, in_flight);
        pending.map(PoolAnswer::Detached).ok_or_else(|| PoolFailureCode::Unavailable.with_message("The run is gone."))
    }

    async fn store(&self, stored: &StoredRun, job: &[u8]) -> Result<(), PoolFailure> {
        let storage = &*self.runtime.storage;
        storage::create_tables(storage).map_err(storage_failed)?;
        let stored_runs = storage::count(storage).map_err(storage_failed)?;
        if stored_runs >= MAX_DETACHED_RUNS || storage.size() > MAX_STORED_BYTES {
            let failure = PoolFailureCode::QueueFull.with_message("Too many detached runs of the project wait.");
            return Err(PoolFailure { retry_after_s: Some(FULL_RETRY_AFTER_S), ..failure });
        }
        storage.atomically(&mut || storage::insert(storage, stored, job)).map_err(storage_failed)?;
        let at = self.runtime.clock.now().plus_ms(LOOK_EVERY_MS);
        self.runtime.storage.schedule_alarm(at).await.map_err(|error| {
            delete(&self.runtime, stored.draft.id);
            storage_failed(error)
        })
    }

    /// Takes up the stored runs once after a reset. See [`Self::take_up`].
    ///
    /// # Errors
    /// The storage fails.
    pub fn take_up_once<M>(
        &self,
        pool: impl FnOnce(&str) -> Result<Rc<PoolLogic<M>>, PoolFailure>,
    ) -> Result<(), PortError>
    where
        M: PoolMembers<Response: EventStream>,
    {
        if !self.detached.has_taken_up.get() {
            self.take_up(pool)?;
        }
        Ok(())
    }

    /// Takes up the stored runs that this object does not know, after a reset. Returns when to look again; `None` if no run is
    /// stored. `pool` makes the pool of a project.
    ///
    /// # Errors
    /// The storage fails.
    pub fn take_up<M>(
        &self,
        pool: impl FnOnce(&str) -> Result<Rc<PoolLogic<M>>, PoolFailure>,
    ) -> Result<Option<Timestamp>, PortError>
    where
        M: PoolMembers<Response: EventStream>,
    {
        let storage = &*self.runtime.storage;
        let runs = storage::list(storage)?;
        let is_any = !runs.is_empty();
        let unknown: Vec<_> = runs.into_iter().filter(|run| self.in_flight.find(run.draft.id).is_none()).collect();
        if let Some(first) = unknown.first() {
            let pool = pool(&first.draft.owner.project_id).map_err(|failure| PortError(failure.message))?;
            for run in unknown {
                let in_flight = self.in_flight.begin(&run.draft, PartialOutput::with_output());
                let idempotent = run.key.as_ref().map(|key| self.idempotent.resume(key));
                self.drive(Rc::clone(&pool), run, idempotent, in_flight);
            }
        }
        self.detached.has_taken_up.set(true);
        Ok(is_any.then(|| self.runtime.clock.now().plus_ms(LOOK_EVERY_MS)))
    }

    /// Runs a stored job to its end in the background.
    fn drive<M>(
        &self,
        pool: Rc<PoolLogic<M>>,
        stored: StoredRun,
        idempotent: Option<IdempotentRun>,
        in_flight: InFlightRun,
    ) where
        M: PoolMembers<Response: EventStream>,
    {
        let own = self.clone();
        self.runtime.background.spawn(Box::pin(async move {
            let id = stored.draft.id;
            let sent = match stored.is_sent {
                true if own.is_recorded(id).await => {
                    if let Some(run) = idempotent {
                        run.finished();
                    }
                    return own.stored_job(None).ended(&stored.draft);
                }
                true => own.attached(&pool, &stored, &in_flight).await,
                false => own.sent(&pool, &stored, &in_flight).await,
            };
            let Some(sent) = sent else { return };
            // From here on the run has an end, so it must not be sent after a reset.
            if let Err(error) = storage::mark(&*own.runtime.storage, id, true) {
                own.runtime.log_failure("The state of a detached run could not be stored.", &error.0);
            }
            // How long a run waited that was sent before a reset is not known any more.
            let is_timed = sent.is_ok() && !stored.is_sent;
            let waited_ms = if is_timed { own.waited_ms(&stored).max(0) as f64 } else { 0.0 };
            let detached = Some(own.stored_job(sent.is_ok().then(|| pool.forget(id))));
            let at_end = AtEnd { recorder: Some(Rc::clone(&own.recorder)), idempotent, detached, ..AtEnd::default() };
            // Nobody listens.
            let (listener, _) = mpsc::channel(1);
            own.follow(sent, (stored.draft, None, waited_ms), stored.deadline_ms, listener, at_end, in_flight);
        }));
    }

    fn stored_job(&self, forget: Option<LocalBoxFuture<'static, ()>>) -> Detached {
        let (runtime, runs, notices) = (self.runtime.clone(), self.detached.clone(), Rc::clone(&self.notices));
        Detached { runtime, runs, notices, forget }
    }

    /// Sends a job as soon as a runner takes it; the events with which the run ends if that does not happen. `None` if the
    /// project was deleted.
    async fn sent<M>(
        &self,
        pool: &Rc<PoolLogic<M>>,
        stored: &StoredRun,
        in_flight: &InFlightRun,
    ) -> Option<Result<Sent<M>, EventReader>>
    where
        M: PoolMembers<Response: EventStream>,
    {
        let _guard = match self.wait_to_send(stored, in_flight).await {
            Waited::MaySend(guard) => guard,
            Waited::Cancelled => return Some(Err(unstarted::cancelled(self.waited_ms(stored)))),
            Waited::TooLong => return Some(Err(self.failed(NO_SLOT, stored))),
        };
        loop {
            if self.detached.is_stopped.get() {
                return None;
            }
            let failure = match self.try_to_send(pool, stored, in_flight).await {
                Ok(Some(sent)) => return Some(Ok(sent)),
                Ok(None) => return Some(Err(unstarted::cancelled(self.waited_ms(stored)))),
                Err(failure) => failure,
            };
            let is_too_late = self.waited_ms(stored) >= patience_ms(stored);
            let why = match failure.code {
                PoolFailureCode::Lost | PoolFailureCode::InDoubt => INTERRUPTED,
                PoolFailureCode::Suspended => SUSPENDED,
                PoolFailureCode::QuotaExceeded if !is_of_runs(&failure) => NO_QUOTA,
                PoolFailureCode::Rejected | PoolFailureCode::NoTerminal => REFUSED,
                PoolFailureCode::NoLanguage => NO_LANGUAGE,
                PoolFailureCode::Busy | PoolFailureCode::QueueFull if is_too_late => NO_SLOT,
                _ if is_too_late => NO_RUNNER,
                _ => {
                    let pause = self.runtime.clock.sleep(RETRY_AFTER_MS);
                    if let Either::Right(_) = select(pause, in_flight.until_cancelled()).await {
                        return Some(Err(unstarted::cancelled(self.waited_ms(stored))));
                    }
                    continue;
                }
            };
            self.runtime.log_failure("A detached run was not started.", &failure.message);
            return Some(Err(self.failed(why, stored)));
        }
    }

    /// Goes on with a run that was sent before a reset; the events with which it ends if no runner keeps it. `None` if the project
    /// was deleted.
    async fn attached<M>(
        &self,
        pool: &Rc<PoolLogic<M>>,
        stored: &StoredRun,
        in_flight: &InFlightRun,
    ) -> Option<Result<Sent<M>, EventReader>>
    where
        M: PoolMembers<Response: EventStream>,
    {
        let id = stored.draft.id;
        let latest = self.runtime.clock.now().plus_ms(i64::from(stored.deadline_ms));
        loop {
            if self.detached.is_stopped.get() {
                return None;
            }
            let attached = match select(Box::pin(pool.attach(id)), in_flight.until_cancelled()).await {
                Either::Left((attached, _)) => attached,
                Either::Right(((), attaching)) => {
                    // Its events say what it has used.
                    pool.cancel(id).await;
                    attaching.await
                }
            };
            let failure = match attached {
                Ok(Some((job, lease))) => {
                    let project_id = &stored.draft.owner.project_id;
                    let counted = self.quota.admit(project_id, stored.has_network, &limited_runs(pool)).await;
                    let refused = |failure: &PoolFailure| {
                        self.runtime.log_failure("A run that goes on finds no room in a quota.", &failure.message);
                    };
                    return Some(Ok(Sent { job, lease, counted: counted.inspect_err(refused).ok() }));
                }
                Ok(None) => None,
                Err(failure) => Some(failure),
            };
            if let Some(failure) = failure.filter(|_| self.runtime.clock.now() < latest) {
                self.runtime.log_failure("A detached run could not be attached to.", &failure.message);
                self.runtime.clock.sleep(RETRY_AFTER_MS).await;
                continue;
            }
            // It ends if it still runs, and never begins if it has not.
            pool.cancel(id).await;
            return Some(Err(self.failed(INTERRUPTED, stored)));
        }
    }

    /// Waits until the run may be sent.
    async fn wait_to_send(&self, stored: &StoredRun, in_flight: &InFlightRun) -> Waited {
        let left = (patience_ms(stored) - self.waited_ms(stored)).max(0);
        let patience = self.runtime.clock.sleep(u32::try_from(left).unwrap_or(DETACHED_QUEUE_MS));
        let lock = Box::pin(self.detached.send_lock.acquire());
        match select(lock, select(in_flight.until_cancelled(), patience)).await {
            Either::Left((guard, _)) => Waited::MaySend(guard),
            Either::Right((Either::Left(_), _)) => Waited::Cancelled,
            Either::Right((Either::Right(_), _)) => Waited::TooLong,
        }
    }

    async fn try_to_send<M>(
        &self,
        pool: &Rc<PoolLogic<M>>,
        stored: &StoredRun,
        in_flight: &InFlightRun,
    ) -> Result<Option<Sent<M>>, PoolFailure>
    where
        M: PoolMembers<Response: EventStream>,
    {
        let (storage, id) = (&*self.runtime.storage, stored.draft.id);
        let bytes = storage::size(storage, id).map_err(storage_failed)?;
        let _held = hold(usize::try_from(bytes).unwrap_or(usize::MAX))?;
        let job = async || Ok(pool.body(&storage::job(storage, id).map_err(storage_failed)?));
        let client = ClientSignal::default();
        let request = Request {
            draft: &stored.draft,
            in_flight,
            is_counted: true,
            has_network: stored.has_network,
            client: &client,
        };
        // The platform sends the job only when this is durable.
        let before_send = || storage::mark(storage, id, true).map_err(storage_failed);
        let sent = self.send(pool, request, job, before_send).await;
        if let Err(failure) = &sent
            && failure.code != PoolFailureCode::Lost
        {
            storage::mark(storage, id, false).map_err(storage_failed)?;
        }
        sent
    }

    /// Whether the log has the record of a run, or this object keeps it for the log.
    async fn is_recorded(&self, id: RunId) -> bool {
        loop {
            match self.recorder.has(id).await {
                Ok(is_recorded) => return is_recorded,
                Err(error) => {
                    self.runtime.log_failure("Whether a detached run was recorded is not known yet.", &error.0);
                    self.runtime.clock.sleep(RETRY_AFTER_MS).await;
                }
            }
        }
    }

    fn failed(&self, why: &str, stored: &StoredRun) -> EventReader {
        unstarted::failed(why, self.waited_ms(stored))
    }

    fn waited_ms(&self, stored: &StoredRun) -> i64 {
        self.runtime.clock.now().0 - stored.draft.created_at.0
    }
}

/// Whether the account lets no more runs be in progress, which ends with one of them.
fn is_of_runs(failure: &PoolFailure) -> bool {
    failure.quota.as_ref().is_some_and(|exceeded| exceeded.quota == Quota::RunsAtOnce)
}

fn storage_failed(error: PortError) -> PoolFailure {
    PoolFailureCode::Unavailable.with_message(error.0)
}

/// How long a run waits for a slot, in milliseconds.
fn patience_ms(stored: &StoredRun) -> i64 {
    stored.draft.queue_timeout_ms.unwrap_or(DETACHED_QUEUE_MS).into()
}
