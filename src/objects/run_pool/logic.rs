//! The pool of one project at work: runs in, containers started and used, waiting callers told.

use crate::domain::pool::scheduler::{Effect, Pool, PoolLimits, Ticket};
use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::objects::container::instance::ContainerLease;
use crate::objects::container::runner::Job;
use crate::objects::run_pool::client_signal::Caller;
use crate::objects::run_pool::members::PoolMembers;
use crate::objects::run_pool::pipe::Lease;
use crate::platform::clock::RuntimeClock;
use crate::platform::console::Console;
use crate::ports::{Clock, Level, Log, PoolFailure, PoolFailureCode};
use docle_protocol::limits::MAX_QUEUE_MS;
use futures::channel::oneshot;
use futures::future::{Either, join_all, select};
use serde_json::json;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use worker::js_sys::ArrayBuffer;

/// How many containers may fail a run before it began, until its caller is told.
const ATTEMPTS: u32 = 3;

/// The container that a run is to go to.
type Turn = oneshot::Receiver<Result<usize, PoolFailure>>;

/// See the module. All of it is memory: after an eviction nobody waits, and containers that still run are found again
/// as they are asked to start.
pub struct PoolLogic {
    pool: RefCell<Pool>,
    waiting: RefCell<HashMap<Ticket, oneshot::Sender<Result<usize, PoolFailure>>>>,
    /// The interactive runs, and where they are.
    interactive: RefCell<HashMap<RunId, usize>>,
    /// Why the last start failed.
    failure: RefCell<PoolFailure>,
    pub members: PoolMembers,
}

impl PoolLogic {
    pub fn new(limits: PoolLimits, members: PoolMembers) -> Rc<Self> {
        let failure = RefCell::new(PoolFailureCode::Unavailable.because("No start has failed."));
        Rc::new(Self {
            pool: RefCell::new(Pool::new(limits)),
            waiting: RefCell::default(),
            interactive: RefCell::default(),
            failure,
            members,
        })
    }

    /// Runs in progress, and those that wait.
    pub fn load(&self) -> (usize, usize) {
        let pool = self.pool.borrow();
        (pool.running(), pool.queued())
    }

    /// Runs a job as soon as there is room for it. It keeps its place until that is dropped.
    ///
    /// # Errors
    /// Nothing was run.
    pub async fn run(
        self: &Rc<Self>,
        job: &ArrayBuffer,
        interactive: Option<RunId>,
        caller: &Caller,
    ) -> Result<(Job, Place), PoolFailure> {
        let since = RuntimeClock.now();
        let (mut place, mut turn) = self.arrive(since)?;
        for attempt in 1.. {
            let member = self.wait(turn, since, caller).await?;
            match self.members.run(member, job, since, caller).await {
                Ok((job, lease)) => {
                    place.lease = lease;
                    place.interactive = interactive;
                    self.interactive.borrow_mut().extend(interactive.map(|id| (id, member)));
                    return Ok((job, place));
                }
                Err(failure) if failure.code == PoolFailureCode::Unavailable && attempt < ATTEMPTS => {
                    let line = json!({ "message": "A run is sent to another container.", "error": failure.message });
                    Console.write(Level::Info, line);
                    turn = self.queue(place.ticket);
                    let effects = self.pool.borrow_mut().lost(place.ticket, RuntimeClock.now());
                    self.apply(effects);
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(PoolFailureCode::Unavailable.because("No attempt was made."))
    }

    /// Sees to it that a job which may be on its way is executed in no container. `false` where it has been, or may have
    /// been. All that there may be are asked: an object that was reset does not know which there are.
    pub async fn cancel_unstarted(&self, id: RunId) -> bool {
        let members = 0..self.pool.borrow().max_instances();
        join_all(members.map(|member| self.members.cancel_unstarted(member, id)))
            .await
            .into_iter()
            .all(|cancelled| cancelled)
    }

    /// Where an interactive run is; `None` where it is over.
    pub fn member_of(&self, id: RunId) -> Option<usize> {
        self.interactive.borrow().get(&id).copied()
    }

    /// Ends the containers of the further objects.
    pub async fn destroy_others(&self) {
        let members = self.pool.borrow().started();
        for member in members.into_iter().filter(|&member| member > 0) {
            self.members.destroy(member).await;
        }
    }

    fn arrive(self: &Rc<Self>, now: Timestamp) -> Result<(Place, Turn), PoolFailure> {
        let arrived = self.pool.borrow_mut().arrive(now);
        let (ticket, effects) = arrived.map_err(|full| {
            let failure = PoolFailureCode::QueueFull.because("Too many runs of the project wait.");
            PoolFailure { retry_after_s: Some(full.retry_after_s), ..failure }
        })?;
        let turn = self.queue(ticket);
        self.apply(effects);
        Ok((Place { pool: Rc::clone(self), ticket, lease: None, interactive: None }, turn))
    }

    fn queue(&self, ticket: Ticket) -> Turn {
        let (sender, turn) = oneshot::channel();
        self.waiting.borrow_mut().insert(ticket, sender);
        turn
    }

    /// Waits for a turn no longer than a run may wait at all, and only for a caller who is there.
    async fn wait(&self, turn: Turn, since: Timestamp, caller: &Caller) -> Result<usize, PoolFailure> {
        let (sender, left) = oneshot::channel::<()>();
        caller.when_it_leaves(move || {
            // Whoever waits no longer need not be told.
            let _ = sender.send(());
        });
        let waited = u32::try_from((RuntimeClock.now().0 - since.0).max(0)).unwrap_or(u32::MAX);
        let patience = RuntimeClock.sleep(MAX_QUEUE_MS.saturating_sub(waited));
        match select(turn, select(left, patience)).await {
            Either::Left((Ok(turn), _)) => turn,
            Either::Left((Err(_), _)) => Err(PoolFailureCode::Unavailable.because("The queue was dropped.")),
            Either::Right((Either::Left(_), _)) => Err(PoolFailureCode::ClientLeft.because("The caller left.")),
            Either::Right((Either::Right(_), _)) => {
                let retry_after_s = Some(self.pool.borrow().retry_after_s());
                let failure = PoolFailureCode::Busy.because("No place became free in time.");
                Err(PoolFailure { retry_after_s, ..failure })
            }
        }
    }

    fn apply(self: &Rc<Self>, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Run { ticket, member } => self.tell(ticket, Ok(member)),
                Effect::GiveUp { ticket } => self.tell(ticket, Err(self.failure.borrow().clone())),
                Effect::Start { member } => {
                    let own = Rc::clone(self);
                    // A task of its own: others than the caller who needed it first may wait for it by then.
                    self.members.object.wait_until(async move { own.start(member).await });
                }
            }
        }
    }

    async fn start(self: &Rc<Self>, member: usize) {
        let effects = match self.members.up(member).await {
            Ok(places) => self.pool.borrow_mut().ready(member, places, RuntimeClock.now()),
            Err(failure) => {
                *self.failure.borrow_mut() = failure;
                self.pool.borrow_mut().failed(member)
            }
        };
        self.apply(effects);
    }

    fn tell(&self, ticket: Ticket, turn: Result<usize, PoolFailure>) {
        if let Some(sender) = self.waiting.borrow_mut().remove(&ticket) {
            // Whoever has stopped waiting gives the place back by dropping it.
            let _ = sender.send(turn);
        }
    }
}

/// A run's place in the pool and in its container; dropping it gives it back.
pub struct Place {
    pool: Rc<PoolLogic>,
    ticket: Ticket,
    lease: Option<ContainerLease>,
    interactive: Option<RunId>,
}

impl Lease for Place {
    fn finished(mut self) {
        self.lease.take().finished();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.lease.take());
        if let Some(id) = self.interactive {
            self.pool.interactive.borrow_mut().remove(&id);
        }
        self.pool.waiting.borrow_mut().remove(&self.ticket);
        let effects = self.pool.pool.borrow_mut().leave(self.ticket, RuntimeClock.now());
        self.pool.apply(effects);
    }
}
