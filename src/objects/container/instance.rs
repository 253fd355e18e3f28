//! The container of one object with the runner in it: started when it is needed, replaced when it fails, put to sleep.

use crate::domain::pool::lifecycle::{
    LONGEST_RUN_MS, Rest, START_ATTEMPTS, START_LIMIT_MS, Use, poll_pause_ms, rest, retry_pause_ms,
};
use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::objects::alarm::schedule_alarm;
use crate::objects::container::handle::{ContainerHandle, first_line};
use crate::objects::container::runner::{Address, Job, Runner, RunnerError};
use crate::objects::container::storage;
use crate::objects::run_pool::client_signal::Caller;
use crate::objects::run_pool::pipe::Lease;
use crate::platform::clock::RuntimeClock;
use crate::platform::console::Console;
use crate::platform::entropy::RuntimeEntropy;
use crate::platform::object_storage::RuntimeStorage;
use crate::ports::{Clock, Entropy, Level, Log, PoolFailure, PoolFailureCode};
use docle_protocol::{Refusal, RefusalCode, RunnerHealth};
use futures::channel::oneshot;
use futures::future::{Either, select};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use worker::js_sys::ArrayBuffer;
use worker::worker_sys::web_sys::AbortController;

/// Where the runner takes its secret from.
const SECRET: &str = "DOCLE_RUNNER_SECRET";

/// A runner that needs longer to say how it is does not work, in milliseconds.
const ANSWER_LIMIT_MS: u32 = 1_000;

/// A runner that is up, and how many programs it runs at once.
#[derive(Clone)]
pub struct Up {
    pub runner: Runner,
    pub places: u32,
}

type Waiting = Vec<oneshot::Sender<Result<Up, PoolFailure>>>;

/// See the module. What it keeps in memory can be found out again; the secret is in storage.
pub struct ContainerInstance {
    container: Rc<ContainerHandle>,
    sleep_after_ms: i64,
    up: RefCell<Option<Up>>,
    /// Who waits for the start that goes on; `None` where none does.
    starting: RefCell<Option<Waiting>>,
    running: Cell<u32>,
    last_used: Cell<Option<Timestamp>>,
    /// Whether a run has ended without the runner's having said so: the caller left, or the runner is stuck.
    suspect: Cell<bool>,
}

impl ContainerInstance {
    pub fn new(container: ContainerHandle, sleep_after_ms: i64) -> Rc<Self> {
        Rc::new(Self {
            container: Rc::new(container),
            sleep_after_ms,
            up: RefCell::default(),
            starting: RefCell::default(),
            running: Cell::default(),
            last_used: Cell::default(),
            suspect: Cell::default(),
        })
    }

    /// Whether the container is running.
    pub fn is_running(&self) -> bool {
        self.container.is_running()
    }

    /// What is known of the runner, without waking it.
    pub fn known(&self) -> Option<Up> {
        self.up.borrow().clone().filter(|_| self.container.is_running())
    }

    /// Sends a job to the runner, which is started where it is not up. The job keeps the container awake until the
    /// use is dropped.
    ///
    /// # Errors
    /// Nothing was run.
    pub async fn run(
        self: &Rc<Self>,
        job: &ArrayBuffer,
        since: Timestamp,
        caller: &Caller,
    ) -> Result<(Job, ContainerLease), PoolFailure> {
        let lease = ContainerLease::new(self);
        let up = self.up().await?;
        if caller.has_left() {
            return Err(PoolFailureCode::ClientLeft.because("The caller left while the container was started."));
        }
        match up.runner.run(job, since, caller).await {
            Ok(Job::Unknown(why)) => {
                self.replace(&up, &why).await;
                Ok((Job::Unknown(why), lease))
            }
            Ok(running) => Ok((running, lease)),
            Err(error) => {
                if let Some(why) = unfit(&error) {
                    self.replace(&up, &why).await;
                }
                Err(error.into())
            }
        }
    }

    /// Sees to it that a job which may be on its way is not executed. `false` where it has been, or may have been.
    pub async fn cancel_unstarted(self: &Rc<Self>, id: RunId) -> bool {
        let Ok(kept) = storage::secret(&self.sql()) else { return false };
        // A container that was ended has no secret any more.
        if kept.is_none() {
            return true;
        }
        // Of one that died nobody knows what it did, and one that was started in its place does not know it either.
        if !self.container.is_running() {
            return false;
        }
        let Ok(up) = self.up().await else { return false };
        storage::secret(&self.sql()) == Ok(kept) && up.runner.cancel_unstarted(id).await
    }

    /// The runner, up. Whoever asks while it is being started waits for the same start.
    pub async fn up(self: &Rc<Self>) -> Result<Up, PoolFailure> {
        if let Some(up) = self.known() {
            if !self.suspect.replace(false) || self.answers(&up).await {
                return Ok(up);
            }
            self.replace(&up, "The runner does not answer.").await;
        }
        let (sender, receiver) = oneshot::channel();
        let first = {
            let mut starting = self.starting.borrow_mut();
            let first = starting.is_none();
            starting.get_or_insert_default().push(sender);
            first
        };
        if first {
            let own = Rc::clone(self);
            // A task of its own: it ends as it must even if the caller who needed it first has left.
            self.container.object().wait_until(async move {
                let result = own.start().await;
                *own.up.borrow_mut() = result.as_ref().ok().cloned();
                for waiting in own.starting.borrow_mut().take().unwrap_or_default() {
                    // Whoever left does not wait.
                    let _ = waiting.send(result.clone());
                }
            });
        }
        receiver.await.unwrap_or_else(|_| Err(PoolFailureCode::Unavailable.because("The start was interrupted.")))
    }

    /// Ends the container, and what runs in it.
    pub async fn destroy(&self) {
        self.up.replace(None);
        // Another one may have been started, with another secret, by the time this one has ended.
        let secret = storage::secret(&self.sql());
        match self.container.destroy().await {
            Ok(()) => {
                if let Err(error) = secret.and_then(|secret| storage::forget(&self.sql(), secret.as_deref())) {
                    note("A secret could not be forgotten.", &error.0);
                }
            }
            Err(error) => note("A container could not be ended.", &first_line(&error)),
        }
    }

    /// When to look again whether it may sleep; `None` where nothing is running, which is so once it sleeps.
    pub async fn rest(&self) -> Option<Timestamp> {
        if !self.container.is_running() {
            return None;
        }
        match rest(self.usage(), self.sleep_after_ms, RuntimeClock.now()) {
            Rest::Stay(until) => Some(until),
            Rest::Sleep => {
                self.destroy().await;
                // One that could not be ended is ended the next time.
                self.container.is_running().then(|| RuntimeClock.now().plus_ms(self.sleep_after_ms))
            }
        }
    }

    fn sql(&self) -> RuntimeStorage {
        RuntimeStorage::of(self.container.object())
    }

    fn usage(&self) -> Use {
        Use { running: self.running.get(), last: self.last_used.get() }
    }

    async fn start(self: &Rc<Self>) -> Result<Up, PoolFailure> {
        let mut failure = String::new();
        for attempt in 0..START_ATTEMPTS {
            match self.start_once(attempt == 0).await {
                Ok(up) => return Ok(up),
                Err(RunnerError::Mismatch(why)) => {
                    // The next start may find the image that belongs to this Worker.
                    self.destroy().await;
                    return Err(RunnerError::Mismatch(why).into());
                }
                Err(error) => failure = PoolFailure::from(error).message,
            }
            note("A container did not start.", &failure);
            self.destroy().await;
            RuntimeClock.sleep(retry_pause_ms(attempt)).await;
        }
        Err(PoolFailureCode::Unavailable.because(format!("No container could be started: {failure}")))
    }

    /// Starts the container, or finds one that has outlived the object which started it, and waits until it is ready.
    async fn start_once(self: &Rc<Self>, adopt: bool) -> Result<Up, RunnerError> {
        let failed = |error: worker::Error| RunnerError::Undelivered(first_line(&error));
        let sql = self.sql();
        let kept = storage::secret(&sql).map_err(|error| RunnerError::Undelivered(error.0))?;
        let secret = match kept.filter(|_| adopt && self.container.is_running()) {
            Some(secret) => secret,
            None => {
                if self.container.is_running() {
                    self.container.destroy().await.map_err(failed)?;
                }
                let secret = new_secret();
                storage::keep(&sql, &secret).map_err(|error| RunnerError::Undelivered(error.0))?;
                self.container.start(&[(SECRET, &secret)]).map_err(failed)?;
                secret
            }
        };
        self.last_used.set(Some(RuntimeClock.now()));
        let storage = self.container.object().storage();
        schedule_alarm(&storage, RuntimeClock.now().plus_ms(self.sleep_after_ms)).await.map_err(failed)?;
        let address = Address::Container(Rc::clone(&self.container));
        let runner = Runner { address, secret, instance: None };

        let up = self.ready(&runner).await?;
        // What it holds must not be lost with this object, which is evicted when nobody calls it for a while.
        if let Err(error) = self.container.outlive_object(self.sleep_after_ms + LONGEST_RUN_MS).await {
            note("A container may not outlive its object.", &first_line(&error));
        }
        Ok(up)
    }

    /// Asks the runner until it answers.
    async fn ready(&self, runner: &Runner) -> Result<Up, RunnerError> {
        let begun = RuntimeClock.now();
        let mut asked = 0;
        loop {
            let error = match ask(runner).await {
                Ok(health) => {
                    let runner = Runner { instance: Some(health.instance), ..runner.clone() };
                    return Ok(Up { runner, places: health.slots });
                }
                Err(RunnerError::Mismatch(why)) => return Err(RunnerError::Mismatch(why)),
                Err(error) => error,
            };
            if !self.container.is_running() {
                return Err(RunnerError::Undelivered("It ended at its start.".to_owned()));
            }
            if RuntimeClock.now().0 - begun.0 > START_LIMIT_MS.into() {
                return Err(error);
            }
            RuntimeClock.sleep(poll_pause_ms(asked)).await;
            asked += 1;
        }
    }

    /// Whether a runner that is up answers as one does that can work.
    async fn answers(&self, up: &Up) -> bool {
        match select(pin!(ask(&up.runner)), RuntimeClock.sleep(ANSWER_LIMIT_MS)).await {
            Either::Left((health, _)) => health.is_ok(),
            Either::Right(_) => false,
        }
    }

    /// Ends a container that is not to be trusted with another run, unless that was done already.
    async fn replace(&self, met: &Up, why: &str) {
        let same = self.up.borrow().as_ref().is_some_and(|up| up.runner.instance == met.runner.instance);
        if same {
            note("A container is replaced.", why);
            self.destroy().await;
        }
    }
}

async fn ask(runner: &Runner) -> Result<RunnerHealth, RunnerError> {
    let failed = |error: worker::Error| RunnerError::Lost(first_line(&error));
    let end = AbortController::new().map_err(|error| failed(error.into()))?;
    let response = runner.health(&end.signal()).await?;
    worker::Response::from(response).json().await.map_err(failed)
}

/// Whether what a runner answered makes its container useless.
fn unfit(error: &RunnerError) -> Option<String> {
    match error {
        RunnerError::Undelivered(why) | RunnerError::Lost(why) | RunnerError::Mismatch(why) => Some(why.clone()),
        RunnerError::Refused(Refusal { code, message }) => {
            use RefusalCode::{
                Busy, Duplicate, Internal, InvalidJob, NotFound, OtherInstance, ProtocolMismatch, Stopping,
            };
            match code {
                RefusalCode::Unauthorized | OtherInstance | Stopping | ProtocolMismatch | NotFound => {
                    Some(message.clone())
                }
                Busy | Duplicate | InvalidJob | RefusalCode::TooLarge | Internal => None,
            }
        }
    }
}

/// A job in a container. Dropping it without a word means that nobody heard how it ended.
pub struct ContainerLease {
    instance: Rc<ContainerInstance>,
    finished: bool,
}

impl Lease for ContainerLease {
    fn finished(mut self) {
        self.finished = true;
    }
}

impl ContainerLease {
    fn new(instance: &Rc<ContainerInstance>) -> Self {
        instance.running.set(instance.running.get() + 1);
        instance.last_used.set(Some(RuntimeClock.now()));
        Self { instance: Rc::clone(instance), finished: false }
    }
}

impl Drop for ContainerLease {
    fn drop(&mut self) {
        let Self { instance, finished } = self;
        instance.running.set(instance.running.get().saturating_sub(1));
        instance.last_used.set(Some(RuntimeClock.now()));
        instance.suspect.set(instance.suspect.get() || !*finished);
    }
}

/// 128 bits that only this object and its container know.
fn new_secret() -> String {
    let mut bytes = [0; 16];
    RuntimeEntropy.fill(&mut bytes);
    hex::encode(bytes)
}

fn note(message: &str, why: &str) {
    Console.write(Level::Error, json!({ "message": message, "error": why }));
}
