//! The container of one object with the runner in it: started on demand, replaced after a failure, put to sleep.
//!
//! Everything in memory can be found out again. The secret of the runner is in storage, because a container may outlive
//! its object. Concurrent calls that need the container wait for one start, which is a task of its own: it goes on when
//! the client of the first call leaves.

use crate::domain::pool::fleet::RENEW_EVERY_MS;
use crate::domain::pool::lifecycle::{
    LONGEST_RUN_MS, Rest, START_ATTEMPTS, START_LIMIT_MS, poll_pause_ms, rest, retry_pause_ms,
};
use crate::domain::pool::name::PoolName;
use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::objects::container::lease::{ContainerLease, ContainerUse};
use crate::objects::container::permit::ContainerPermit;
use crate::objects::container::runner::{Runner, RunnerError};
use crate::objects::container::storage;
use crate::objects::runtime::ObjectRuntime;
use crate::ports::{ClientSignal, Container, PoolFailure, PoolFailureCode, PortError, RunnerHttp, SentJob};
use futures::channel::oneshot;
use futures::future::{Either, select};
use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

/// The environment variable from which the runner takes its secret.
const SECRET: &str = "DOCLE_RUNNER_SECRET";

/// The longest time for a health check, in milliseconds. A runner that takes longer is stuck.
const ANSWER_LIMIT_MS: u32 = 1_000;

/// A runner that is up, and how many programs it runs at once.
pub struct Up<H> {
    pub runner: Runner<H>,
    pub slots: u32,
}

impl<H> Clone for Up<H> {
    fn clone(&self) -> Self {
        Self { runner: self.runner.clone(), slots: self.slots }
    }
}

type Waiting<H> = Vec<oneshot::Sender<Result<Up<H>, PoolFailure>>>;

/// The container of one object.
pub struct ContainerInstance<H> {
    container: Rc<dyn Container>,
    http: Rc<H>,
    runtime: ObjectRuntime,
    sleep_after_ms: i64,
    /// `None` where nobody shares the containers out.
    permit: Option<Rc<ContainerPermit>>,
    up: RefCell<Option<Up<H>>>,
    /// The calls that wait for the start in progress; `None` when no start is in progress.
    starting: RefCell<Option<Waiting<H>>>,
    usage: Rc<ContainerUse>,
}

impl<H: RunnerHttp> ContainerInstance<H> {
    pub fn new(
        container: Rc<dyn Container>,
        http: Rc<H>,
        runtime: ObjectRuntime,
        sleep_after_ms: i64,
        permit: Option<Rc<ContainerPermit>>,
    ) -> Rc<Self> {
        let usage = ContainerUse::new(Rc::clone(&runtime.clock));
        let (up, starting) = (RefCell::default(), RefCell::default());
        Rc::new(Self { container, http, runtime, sleep_after_ms, permit, up, starting, usage })
    }

    /// Notes the name of the object.
    pub fn set_name(&self, name: &PoolName) {
        if let Some(permit) = &self.permit {
            permit.set_name(name);
        }
    }

    /// The runner for further runs, started unless it is up.
    ///
    /// # Errors
    /// No container could be started, or the container ends with the runs in progress, because another account needs it.
    pub async fn up_for_runs(self: &Rc<Self>) -> Result<Up<H>, PoolFailure> {
        self.refuse_if_reclaimed()?;
        self.up().await
    }

    fn refuse_if_reclaimed(&self) -> Result<(), PoolFailure> {
        let is_reclaimed = self.is_running() && self.permit.as_ref().is_some_and(|permit| permit.is_reclaimed());
        let refusal = || PoolFailureCode::Unavailable.with_message("The container is needed by another account.");
        if is_reclaimed { Err(refusal()) } else { Ok(()) }
    }

    /// Whether the container is running.
    pub fn is_running(&self) -> bool {
        self.container.is_running()
    }

    /// The runner, if it has answered before and its container still runs. Nothing is started.
    pub fn known(&self) -> Option<Up<H>> {
        self.up.borrow().clone().filter(|_| self.container.is_running())
    }

    /// Sends a job to the runner, and starts the container unless it is up. The container stays awake until the lease
    /// is released.
    ///
    /// # Errors
    /// Nothing has run, unless the code is [`PoolFailureCode::Lost`].
    pub async fn run(
        self: &Rc<Self>,
        job: &H::Body,
        since: Timestamp,
        client: &ClientSignal,
    ) -> Result<(SentJob<H::Response>, ContainerLease), PoolFailure> {
        self.refuse_if_reclaimed()?;
        let lease = self.usage.lease();
        let up = self.up().await?;
        if client.has_left() {
            return Err(PoolFailureCode::ClientLeft.with_message("The client left while the container was started."));
        }
        match up.runner.run(job, since, client).await {
            Ok(SentJob::Unknown(why)) => {
                self.replace(&up, &why).await;
                Ok((SentJob::Unknown(why), lease))
            }
            Ok(running) => Ok((running, lease)),
            Err(error) => {
                if let Some(why) = error.retires() {
                    self.replace(&up, &why).await;
                }
                Err(error.into())
            }
        }
    }

    /// Notes that the container is used now.
    pub fn touch(&self) {
        self.usage.touch();
    }

    /// The events of a run that this container keeps. No container is started: a run ends with its container.
    ///
    /// # Errors
    /// The runner does not answer, so it may keep the run.
    pub async fn attach(self: &Rc<Self>, id: RunId) -> Result<Option<(H::Response, ContainerLease)>, PoolFailure> {
        if !self.container.is_running() {
            return Ok(None);
        }
        let lease = self.usage.lease();
        let up = self.up().await?;
        Ok(up.runner.attach(id).await?.map(|events| (events, lease)))
    }

    /// Cancels a job. `true` means that it never runs in this container or in one started later; `false` means that it ends
    /// now if it runs.
    pub async fn cancel(self: &Rc<Self>, id: RunId) -> bool {
        let Ok(kept) = storage::secret(&*self.runtime.storage) else { return false };
        // The object has deleted the secret of a container that it ended. No run of that container continues.
        if kept.is_none() {
            return true;
        }
        // It is unknown which jobs ran in a container that died by itself. The next container does not know it either.
        if !self.container.is_running() {
            return false;
        }
        let Ok(up) = self.up().await else { return false };
        storage::secret(&*self.runtime.storage) == Ok(kept) && up.runner.cancel(id).await
    }

    /// The runner, started unless it is up.
    ///
    /// # Errors
    /// No container could be started.
    pub async fn up(self: &Rc<Self>) -> Result<Up<H>, PoolFailure> {
        if let Some(up) = self.known() {
            if !self.usage.take_suspicion() || self.answers(&up).await {
                return Ok(up);
            }
            self.replace(&up, "The runner does not answer.").await;
        }
        let (sender, receiver) = oneshot::channel();
        let is_first = {
            let mut starting = self.starting.borrow_mut();
            let is_first = starting.is_none();
            starting.get_or_insert_default().push(sender);
            is_first
        };
        if is_first {
            let own = Rc::clone(self);
            self.runtime.background.spawn(Box::pin(async move {
                let result = own.start().await;
                *own.up.borrow_mut() = result.as_ref().ok().cloned();
                for waiting in own.starting.borrow_mut().take().unwrap_or_default() {
                    // A call whose client left does not wait any more.
                    let _ = waiting.send(result.clone());
                }
            }));
        }
        receiver.await.unwrap_or_else(|_| Err(PoolFailureCode::Unavailable.with_message("The start was interrupted.")))
    }

    /// Ends the container and all programs in it. A container that could not be ended keeps its secret.
    pub async fn destroy(&self) {
        self.up.replace(None);
        // While this container ends, a call may start another one. The secret of that one must not be deleted.
        let secret = storage::secret(&*self.runtime.storage);
        match self.container.destroy().await {
            Ok(()) => {
                let forgotten = secret.and_then(|secret| storage::forget(&*self.runtime.storage, secret.as_deref()));
                if let Err(error) = forgotten {
                    self.runtime.log_failure("A secret could not be deleted.", &error.0);
                }
                if let Some(permit) = self.permit.as_ref().filter(|_| !self.container.is_running()) {
                    permit.release().await;
                }
            }
            Err(error) => self.runtime.log_failure("A container could not be ended.", &error.0),
        }
    }

    /// Ends the container if it may sleep. Returns when to check again; `None` when no container runs or starts.
    pub async fn rest(&self) -> Option<Timestamp> {
        let now = self.runtime.clock.now();
        let look_again = |now: Timestamp| now.plus_ms(self.sleep_after_ms);
        if self.starting.borrow().is_some() {
            return Some(look_again(now));
        }
        if !self.container.is_running() {
            return None;
        }
        let running = self.usage.current().running;
        let renewal = match &self.permit {
            Some(permit) => Some(permit.renew(running).await),
            None => None,
        };
        let is_reclaimed = self.permit.as_ref().is_some_and(|permit| permit.is_reclaimed());
        // Runs may have begun during the renewal.
        let usage = self.usage.current();
        match rest(usage, self.sleep_after_ms, now) {
            Rest::Stay(until) if !is_reclaimed || usage.running > 0 => Some(renewal.map_or(until, |at| at.min(until))),
            Rest::Stay(_) | Rest::Sleep => {
                self.destroy().await;
                // If the container could not be ended, the next check tries again. A call may also have started another
                // one during the destruction.
                let is_there = self.container.is_running() || self.starting.borrow().is_some();
                is_there.then(|| look_again(self.runtime.clock.now()))
            }
        }
    }

    async fn start(&self) -> Result<Up<H>, PoolFailure> {
        let mut failure = String::new();
        for attempt in 0..START_ATTEMPTS {
            // A container that has outlived the memory of this object has its lease.
            if let Some(permit) = self.permit.as_ref().filter(|_| !self.container.is_running()) {
                permit.ask().await?;
            }
            match self.start_once(attempt == 0).await {
                Ok(up) => return Ok(up),
                Err(RunnerError::Mismatch(why)) => {
                    // The next start may find the image that belongs to this Worker.
                    self.destroy().await;
                    return Err(RunnerError::Mismatch(why).into());
                }
                Err(error) => failure = PoolFailure::from(error).message,
            }
            self.runtime.log_failure("A container did not start.", &failure);
            self.destroy().await;
            self.runtime.clock.sleep(retry_pause_ms(attempt)).await;
        }
        Err(PoolFailureCode::Unavailable.with_message(format!("No container could be started: {failure}")))
    }

    /// Starts the container and waits until its runner responds. With `adopt` it takes over a running container, which
    /// has outlived the eviction of this object.
    async fn start_once(&self, adopt: bool) -> Result<Up<H>, RunnerError> {
        let failed = |error: PortError| RunnerError::NotDelivered(error.0);
        let storage = &*self.runtime.storage;
        let kept = storage::secret(storage).map_err(failed)?;
        let secret = match kept.filter(|_| adopt && self.container.is_running()) {
            Some(secret) => secret,
            None => {
                if self.container.is_running() {
                    self.container.destroy().await.map_err(failed)?;
                }
                let secret = self.new_secret();
                storage::keep(storage, &secret).map_err(failed)?;
                self.container.start(&[(SECRET, &secret)]).map_err(failed)?;
                secret
            }
        };
        self.usage.touch();
        let first_alarm =
            if self.permit.is_some() { self.sleep_after_ms.min(RENEW_EVERY_MS) } else { self.sleep_after_ms };
        storage.schedule_alarm(self.runtime.clock.now().plus_ms(first_alarm)).await.map_err(failed)?;
        let runner = Runner::new(Rc::clone(&self.http), Rc::clone(&self.runtime.clock), secret);

        let up = self.ready(&runner).await?;
        // The runtime evicts an object that nothing calls for a while. The container and its runs must outlive that.
        if let Err(error) = self.container.outlive_object(self.sleep_after_ms + LONGEST_RUN_MS).await {
            self.runtime.log_failure("A container may not outlive its object.", &error.0);
        }
        Ok(up)
    }

    /// Repeats the health check until the runner answers.
    async fn ready(&self, runner: &Runner<H>) -> Result<Up<H>, RunnerError> {
        let begun = self.runtime.clock.now();
        let mut checks = 0;
        loop {
            let error = match runner.health(&ClientSignal::default()).await {
                Ok(health) => return Ok(Up { runner: runner.expecting(health.instance), slots: health.slots }),
                Err(RunnerError::Mismatch(why)) => return Err(RunnerError::Mismatch(why)),
                Err(error) => error,
            };
            if !self.container.is_running() {
                return Err(RunnerError::NotDelivered("The container ended at its start.".to_owned()));
            }
            if self.runtime.clock.now().0 - begun.0 > START_LIMIT_MS.into() {
                return Err(error);
            }
            self.runtime.clock.sleep(poll_pause_ms(checks)).await;
            checks += 1;
        }
    }

    /// Whether a runner that is up passes a health check in time.
    async fn answers(&self, up: &Up<H>) -> bool {
        let client = ClientSignal::default();
        match select(pin!(up.runner.health(&client)), self.runtime.clock.sleep(ANSWER_LIMIT_MS)).await {
            Either::Left((health, _)) => health.is_ok(),
            Either::Right(_) => false,
        }
    }

    /// Ends the container that failed, unless another call has replaced it already.
    async fn replace(&self, failed: &Up<H>, why: &str) {
        let is_current = self.up.borrow().as_ref().is_some_and(|up| up.runner.instance() == failed.runner.instance());
        if is_current {
            self.runtime.log_failure("A container is replaced.", why);
            self.destroy().await;
        }
    }

    /// 128 bits that only this object and its container know.
    fn new_secret(&self) -> String {
        let mut bytes = [0; 16];
        self.runtime.entropy.fill(&mut bytes);
        hex::encode(bytes)
    }
}
