//! The pool of one project: admits runs, starts containers, and refuses runs that have waited too long.
//!
//! [`Pool`] decides; this file acts. Everything is in memory: after an eviction no client waits, and a container that
//! still runs is found again when it is asked to start.

use crate::domain::account::quota::QuotaExceeded;
use crate::domain::pool::scheduler::{Effect, Pool, PoolLimits, Ticket};
use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::objects::run_pool::quota::LimitedRuns;
use crate::objects::runtime::ObjectRuntime;
use crate::ports::{ClientSignal, Lease, Level, PoolFailure, PoolFailureCode, PoolMembers, RunLease, SentJob};
use docle_protocol::limits::MAX_QUEUE_MS;
use futures::channel::oneshot;
use futures::future::{Either, LocalBoxFuture, join_all, select};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// How many members the pool tries for a run that has not begun, before its client gets an error.
const ATTEMPTS: u32 = 3;

/// Resolves to the member that a queued run is to go to.
type Admission = oneshot::Receiver<Result<usize, PoolFailure>>;

/// Where a run was cancelled whose start is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Starting {
    /// It waits for a slot of the pool, and was sent nowhere.
    Waits,
    /// The member that it was sent to, or is being sent to, never runs it.
    Refused,
    /// The member has it, and ends it.
    Sent,
}

/// The pool of one project.
pub struct PoolLogic<M: PoolMembers> {
    pool: RefCell<Pool>,
    waiting: RefCell<HashMap<Ticket, oneshot::Sender<Result<usize, PoolFailure>>>>,
    /// The runs in progress, by member.
    running: RefCell<HashMap<RunId, usize>>,
    /// Whether the project was deleted. Nothing runs any more.
    is_deleted: Cell<bool>,
    /// The quota of the account that lets no more runs be in progress.
    exceeded: Cell<Option<QuotaExceeded>>,
    /// Why the last start failed.
    failure: RefCell<PoolFailure>,
    members: M,
    runtime: ObjectRuntime,
}

impl<M: PoolMembers> PoolLogic<M> {
    pub fn new(limits: PoolLimits, members: M, runtime: ObjectRuntime) -> Rc<Self> {
        let failure = RefCell::new(PoolFailureCode::Unavailable.with_message("No start has failed."));
        Rc::new(Self {
            pool: RefCell::new(Pool::new(limits)),
            waiting: RefCell::default(),
            running: RefCell::default(),
            is_deleted: Cell::default(),
            exceeded: Cell::default(),
            failure,
            members,
            runtime,
        })
    }

    /// Runs in progress, and runs that wait.
    pub fn load(&self) -> (usize, usize) {
        let pool = self.pool.borrow();
        (pool.running(), pool.queued())
    }

    /// Runs a job as soon as there is a free slot for it. The run keeps its slot until the lease is released. A client that
    /// leaves before the job is sent runs nothing; later the caller ends the run by the lease. `before_send` is called each
    /// time before the job is sent; after an error of it the job is not sent.
    ///
    /// # Errors
    /// Nothing has run, unless the code is [`PoolFailureCode::Lost`].
    pub async fn run(
        self: &Rc<Self>,
        job: &M::Body,
        id: RunId,
        client: &ClientSignal,
        before_send: impl Fn() -> Result<(), PoolFailure>,
    ) -> Result<(SentJob<M::Response>, SlotLease<M>), PoolFailure> {
        let since = self.runtime.clock.now();
        let (mut slot, mut admission) = self.admit(id, since)?;
        for attempt in 1.. {
            let member = self.wait(admission, since, client).await?;
            if self.is_deleted.get() {
                return Err(PoolFailureCode::Unavailable.with_message("The project was deleted."));
            }
            before_send()?;
            self.running.borrow_mut().insert(id, member);
            match self.members.run(member, job, since, &slot.end).await {
                Ok((job, lease)) => {
                    slot.member = Some(lease);
                    return Ok((job, slot));
                }
                Err(failure) if failure.code == PoolFailureCode::Unavailable && attempt < ATTEMPTS => {
                    let line = json!({ "message": "A run is sent to another container.", "error": failure.message });
                    self.runtime.log.write(Level::Info, line);
                    admission = self.enqueue(slot.ticket);
                    let effects = self.pool.borrow_mut().requeue(slot.ticket, self.runtime.clock.now());
                    self.apply(effects);
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(PoolFailureCode::Unavailable.with_message("No attempt was made."))
    }

    /// The events of a run that was sent before this object was reset, from their beginning, once it has a slot; `None` if no
    /// member keeps it. Every member that there may be is asked: an object that was reset does not know which members are up.
    ///
    /// # Errors
    /// The run may go on, and the call may be repeated.
    pub async fn attach(
        self: &Rc<Self>,
        id: RunId,
    ) -> Result<Option<(SentJob<M::Response>, SlotLease<M>)>, PoolFailure> {
        let mut unknown = None;
        let members = 0..self.pool.borrow().max_instances();
        for member in members {
            let (events, lease) = match self.members.attach(member, id).await {
                Ok(Some(attached)) => attached,
                Ok(None) => continue,
                Err(failure) => {
                    unknown = Some(failure);
                    continue;
                }
            };
            let since = self.runtime.clock.now();
            // A run in progress has a slot of its member, so it takes its place in the pool as well.
            let (mut slot, admission) = self.admit(id, since)?;
            slot.member = Some(lease);
            // From here on the slot takes it out again.
            self.running.borrow_mut().insert(id, member);
            self.wait(admission, since, &ClientSignal::default()).await?;
            return Ok(Some((SentJob::Running(events), slot)));
        }
        unknown.map_or(Ok(None), Err)
    }

    /// Tells the member that has a run, when the future is polled, that its end is stored.
    pub fn forget(self: &Rc<Self>, id: RunId) -> LocalBoxFuture<'static, ()> {
        let (pool, member) = (Rc::clone(self), self.running.borrow().get(&id).copied());
        Box::pin(async move {
            if let Some(member) = member {
                pool.members.forget(member, id).await;
            }
        })
    }

    /// An encoded job as it is sent.
    pub fn body(&self, job: &[u8]) -> M::Body {
        self.members.body(job)
    }

    /// Cancels a job. `true` means that no container of the project executes it. Every member that there may be is asked:
    /// an object that was reset does not know which members are up.
    pub async fn cancel(&self, id: RunId) -> bool {
        let members = 0..self.pool.borrow().max_instances();
        join_all(members.map(|member| self.members.cancel(member, id)))
            .await
            .into_iter()
            .all(|is_cancelled| is_cancelled)
    }

    /// Cancels a run in flight whose start is not known yet.
    pub async fn cancel_starting(&self, id: RunId) -> Starting {
        let member = self.running.borrow().get(&id).copied();
        match member {
            None => Starting::Waits,
            Some(member) if self.members.cancel(member, id).await => Starting::Refused,
            Some(_) => Starting::Sent,
        }
    }

    /// The socket to the standard input of an interactive run; `None` when the run is over.
    ///
    /// # Errors
    /// The member cannot be reached.
    pub async fn input(&self, id: RunId) -> Result<Option<M::Response>, PoolFailure> {
        let member = self.running.borrow().get(&id).copied();
        match member {
            Some(member) => self.members.input(member, id).await,
            None => Ok(None),
        }
    }

    /// Ends all runs of a deleted project. No further run starts.
    pub async fn delete(&self) {
        self.is_deleted.set(true);
        self.cancel_running().await;
    }

    async fn cancel_running(&self) {
        let running: Vec<_> = self.running.borrow().iter().map(|(id, member)| (*id, *member)).collect();
        join_all(running.into_iter().map(|(id, member)| self.members.cancel(member, id))).await;
    }

    /// Ends the containers of the further objects.
    pub async fn destroy_others(&self) {
        // An object that was reset does not know which members are up.
        let members = 1..self.pool.borrow().max_instances();
        join_all(members.map(|member| self.members.destroy(member))).await;
    }

    /// The quota of the account that lets no more runs be in progress, if that is why runs wait.
    fn exceeded(&self) -> Option<PoolFailure> {
        let is_held = self.pool.borrow().is_held_by_account();
        self.exceeded.get().filter(|_| is_held).map(PoolFailure::of_quota)
    }

    fn admit(self: &Rc<Self>, id: RunId, now: Timestamp) -> Result<(SlotLease<M>, Admission), PoolFailure> {
        let arrived = self.pool.borrow_mut().enqueue(now);
        let (ticket, effects) = arrived.map_err(|full| {
            let failure = PoolFailureCode::QueueFull.with_message("Too many runs of the project wait.");
            PoolFailure { retry_after_s: Some(full.retry_after_s), ..failure }
        })?;
        let admission = self.enqueue(ticket);
        self.apply(effects);
        let slot = SlotLease { pool: Rc::clone(self), ticket, id, member: None, end: ClientSignal::default() };
        Ok((slot, admission))
    }

    fn enqueue(&self, ticket: Ticket) -> Admission {
        let (sender, admission) = oneshot::channel();
        self.waiting.borrow_mut().insert(ticket, sender);
        admission
    }

    /// Waits until the run is admitted, its client leaves, or it has waited for as long as a run may.
    async fn wait(&self, admission: Admission, since: Timestamp, client: &ClientSignal) -> Result<usize, PoolFailure> {
        let (sender, left) = oneshot::channel::<()>();
        client.on_leave(move || {
            // A run that was admitted does not wait any more.
            let _ = sender.send(());
        });
        let waited = u32::try_from((self.runtime.clock.now().0 - since.0).max(0)).unwrap_or(u32::MAX);
        let patience = self.runtime.clock.sleep(MAX_QUEUE_MS.saturating_sub(waited));
        match select(admission, select(left, patience)).await {
            Either::Left((Ok(admission), _)) => admission,
            Either::Left((Err(_), _)) => Err(PoolFailureCode::Unavailable.with_message("The queue was dropped.")),
            Either::Right((Either::Left(_), _)) => Err(PoolFailureCode::ClientLeft.with_message("The client left.")),
            Either::Right((Either::Right(_), _)) => {
                let retry_after_s = Some(self.pool.borrow().retry_after_s());
                let busy = || PoolFailureCode::Busy.with_message("No slot became free in time.");
                let failure = self.exceeded().unwrap_or_else(busy);
                Err(PoolFailure { retry_after_s, ..failure })
            }
        }
    }

    fn apply(self: &Rc<Self>, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Run { ticket, member } => self.answer(ticket, Ok(member)),
                Effect::GiveUp { ticket } => self.answer(ticket, Err(self.failure.borrow().clone())),
                Effect::Start { member } => {
                    let own = Rc::clone(self);
                    // A task of its own: when the client that caused the start leaves, other runs may wait for it.
                    self.runtime.background.spawn(Box::pin(async move { own.start(member).await }));
                }
            }
        }
    }

    async fn start(self: &Rc<Self>, member: usize) {
        let effects = match self.members.up(member).await {
            Ok(slots) => self.pool.borrow_mut().ready(member, slots, self.runtime.clock.now()),
            Err(failure) => {
                *self.failure.borrow_mut() = failure;
                self.pool.borrow_mut().failed(member)
            }
        };
        self.apply(effects);
    }

    fn answer(&self, ticket: Ticket, admission: Result<usize, PoolFailure>) {
        if let Some(sender) = self.waiting.borrow_mut().remove(&ticket) {
            // If the run does not wait any more, dropping its lease frees the slot.
            let _ = sender.send(admission);
        }
    }
}

impl<M: PoolMembers> LimitedRuns for Rc<PoolLogic<M>> {
    fn limit_runs(&self, runs: u32, exceeded: Option<QuotaExceeded>) {
        self.exceeded.set(exceeded);
        let runs = usize::try_from(runs).unwrap_or(usize::MAX);
        let effects = self.pool.borrow_mut().limit_running(runs, self.runtime.clock.now());
        self.apply(effects);
    }

    fn end_all(&self) -> LocalBoxFuture<'static, ()> {
        let own = Self::clone(self);
        Box::pin(async move {
            *own.failure.borrow_mut() = PoolFailureCode::Suspended.with_message("The account was suspended.");
            let effects = own.pool.borrow_mut().refuse_waiting();
            own.apply(effects);
            own.cancel_running().await;
        })
    }
}

/// What a run holds in its pool and in its member.
pub struct SlotLease<M: PoolMembers> {
    pool: Rc<PoolLogic<M>>,
    ticket: Ticket,
    id: RunId,
    member: Option<M::Lease>,
    /// Raised when the lease is released before the end of the run was observed: it closes the connection of the run.
    end: ClientSignal,
}

impl<M: PoolMembers> Lease for SlotLease<M> {
    fn finished(mut self) {
        self.member.take().finished();
        self.end = ClientSignal::default();
    }
}

impl<M: PoolMembers> RunLease for SlotLease<M> {
    fn cancel(&self, id: RunId) -> LocalBoxFuture<'static, ()> {
        let pool = Rc::clone(&self.pool);
        let member = pool.running.borrow().get(&id).copied();
        Box::pin(async move {
            if let Some(member) = member {
                pool.members.cancel(member, id).await;
            }
        })
    }
}

impl<M: PoolMembers> Drop for SlotLease<M> {
    fn drop(&mut self) {
        self.end.leave();
        drop(self.member.take());
        self.pool.running.borrow_mut().remove(&self.id);
        self.pool.waiting.borrow_mut().remove(&self.ticket);
        let effects = self.pool.pool.borrow_mut().finish(self.ticket, self.pool.runtime.clock.now());
        self.pool.apply(effects);
    }
}
