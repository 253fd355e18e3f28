//! The Sandbox object: one per project, between the Worker and the containers of the project.
//!
//! It shares runs out ([`PoolLogic`]) to its own container ([`ContainerInstance`]) and to those of further objects of this
//! class, and passes answers through as they come. What it keeps is in [`once_storage`] and the secret of its container;
//! when the last answer is a day old and the container sleeps, its storage is deleted.

use crate::bindings;
use crate::domain::pool::lifecycle::next_alarm;
use crate::domain::pool::scheduler::PoolLimits;
use crate::domain::run::events::Interrupted;
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{CallAction, Entry, decide};
use crate::objects::alarm::schedule_alarm;
use crate::objects::container::handle::{ContainerHandle, handle};
use crate::objects::container::instance::ContainerInstance;
use crate::objects::container::target::RunTarget;
use crate::objects::run_pool::call::{self, PoolState, RunPoolCall, Started};
use crate::objects::run_pool::client_signal::Caller;
use crate::objects::run_pool::idempotency::{InFlight, watch};
use crate::objects::run_pool::idempotency_storage;
use crate::objects::run_pool::logic::PoolLogic;
use crate::objects::run_pool::members::PoolMembers;
use crate::objects::run_pool::pipe::pipe_response;
use crate::platform::clock::RuntimeClock;
use crate::platform::console::Console;
use crate::platform::object_storage::RuntimeStorage;
use crate::ports::event_reader::EventReader;
use crate::ports::{Clock, FirstCall, IdempotentCall, Level, Log, PoolFailure, PoolFailureCode, PortError};
use futures::StreamExt;
use futures::channel::mpsc;
use serde_json::json;
use std::rc::Rc;
use worker::js_sys::ArrayBuffer;
use worker::wasm_bindgen::JsCast;
use worker::wasm_bindgen_futures::JsFuture;
use worker::worker_sys::web_sys::AbortSignal;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object, wasm_bindgen};

type Answer<T = Response> = std::result::Result<T, PoolFailure>;

/// See the module.
#[durable_object(alarm)]
pub struct RunPool {
    state: State,
    backend: RunTarget,
    pool: std::result::Result<Rc<PoolLogic>, String>,
    in_flight: InFlight,
}

impl DurableObject for RunPool {
    fn new(state: State, env: Env) -> Self {
        let limits = bindings::pool_limits(&env);
        let sleep_after_ms = limits.as_ref().map_or(0, |limits| limits.sleep_after_ms);
        let backend = match (bindings::runner(&env), ContainerHandle::of(&state)) {
            (Some(runner), _) => RunTarget::Outside(runner),
            (None, Some(container)) => RunTarget::Container(ContainerInstance::new(container, sleep_after_ms)),
            (None, None) => RunTarget::Nothing,
        };
        let members =
            PoolMembers { own: backend.clone(), object: handle(&state), namespace: bindings::run_pools(&env) };
        let pool = limits.map(|limits| match backend {
            RunTarget::Container(_) => PoolLogic::new(limits, members),
            // One runner, which may be used by others, too, and does not sleep.
            _ => PoolLogic::new(PoolLimits { max_instances: 1, sleep_after_ms: i64::MAX, ..limits }, members),
        });
        Self { state, backend, pool, in_flight: InFlight::default() }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let answer = match RunPoolCall::read(&request)? {
            RunPoolCall::Run { once: None, interactive } => {
                self.run(&request, interactive, Some(request.inner().signal())).await
            }
            RunPoolCall::Run { once: Some(once), .. } => self.run_once(&request, once).await,
            RunPoolCall::CancelUnstarted { id } => self.cancel_unstarted(id).await,
            RunPoolCall::CancelUnstartedHere { id } => cancelled(self.backend.cancel_unstarted(id).await),
            RunPoolCall::Input { id } => self.input(id).await,
            RunPoolCall::InputHere { id } => self.backend.input(id).await,
            RunPoolCall::RunHere { waited_ms } => self.run_here(&request, waited_ms).await,
            RunPoolCall::Start => self.start().await,
            RunPoolCall::Destroy => self.destroy().await,
            RunPoolCall::State => self.describe(),
            RunPoolCall::Health => self.health(&request).await,
        };
        answer.or_else(|failure| call::refuse(&failure))
    }

    async fn alarm(&self) -> Result<Response> {
        let sql = self.sql();
        let purged = idempotency_storage::create_tables(&sql)
            .and_then(|()| idempotency_storage::purge(&sql, RuntimeClock.now()));
        let oldest = purged.and_then(|()| idempotency_storage::next_alarm(&sql)).map_err(|error| error.to_string())?;
        let rest = match &self.backend {
            RunTarget::Container(instance) => instance.rest().await,
            _ => None,
        };
        match next_alarm([oldest, rest]) {
            Some(next) => schedule_alarm(&self.state.storage(), next).await?,
            None => self.state.storage().delete_all().await?,
        }
        Response::empty()
    }
}

impl RunPool {
    /// Runs the job in the body. It ends when `signal` is aborted, where there is one.
    async fn run(&self, request: &Request, interactive: Option<RunId>, signal: Option<AbortSignal>) -> Answer {
        let caller = Caller::new(signal);
        let job = body(request).await?;
        let (job, place) = self.pool()?.run(&job, interactive, &caller).await?;
        pipe_response(job, place, &caller).map_err(runtime_failed)
    }

    async fn run_here(&self, request: &Request, waited_ms: i64) -> Answer {
        let since = RuntimeClock.now().plus_ms(-waited_ms);
        let caller = Caller::new(Some(request.inner().signal()));
        let job = body(request).await?;
        let (job, lease) = self.backend.run(&job, since, &caller).await?;
        pipe_response(job, lease, &caller).map_err(runtime_failed)
    }

    async fn cancel_unstarted(&self, id: RunId) -> Answer {
        cancelled(self.pool()?.cancel_unstarted(id).await)
    }

    /// Leads to the input of a run, wherever it is.
    async fn input(&self, id: RunId) -> Answer {
        let pool = self.pool()?;
        match pool.member_of(id) {
            Some(member) => pool.members.input(member, id).await,
            None => call::no_input().map_err(runtime_failed),
        }
    }

    async fn start(&self) -> Answer {
        let places = self.backend.up().await?;
        Response::from_json(&Started { places }).map_err(runtime_failed)
    }

    /// Ends this object's container, and those that it shares runs out to where it does that.
    async fn destroy(&self) -> Answer {
        if let RunTarget::Container(instance) = &self.backend {
            instance.destroy().await;
            self.pool()?.destroy_others().await;
        }
        Response::from_json(&()).map_err(runtime_failed)
    }

    fn describe(&self) -> Answer {
        let (container, up) = match &self.backend {
            RunTarget::Container(instance) => (instance.is_running(), instance.known()),
            _ => (false, None),
        };
        let (running, queued) = self.pool()?.load();
        let places = up.as_ref().map_or(0, |up| up.places);
        let state = PoolState { container, instance: up.and_then(|up| up.runner.instance), places, running, queued };
        Response::from_json(&state).map_err(runtime_failed)
    }

    async fn health(&self, request: &Request) -> Answer {
        match &self.backend {
            RunTarget::Outside(runner) => Ok(runner.health(&request.inner().signal()).await?.into()),
            RunTarget::Container(_) => Response::from_json(&()).map_err(runtime_failed),
            RunTarget::Nothing => self.backend.up().await.and_then(|_| self.describe()),
        }
    }

    /// Runs a call with an idempotency key, unless that was done before.
    async fn run_once(&self, request: &Request, once: IdempotentCall) -> Answer {
        let sql = self.sql();
        idempotency_storage::create_tables(&sql).map_err(storage_failed)?;
        loop {
            let entry = idempotency_storage::get(&sql, &once.key).map_err(storage_failed)?;
            let in_flight = self.in_flight.contains(&once.key);
            match (decide(entry.as_ref(), &once.fingerprint, in_flight, RuntimeClock.now()), entry) {
                (CallAction::Run, _) => return self.run_first(request, once).await,
                (CallAction::Wait, _) => self.in_flight.wait(&once.key).await,
                (CallAction::Replay, Some(entry)) => {
                    let line = idempotency_storage::answer(&sql, &once.key).map_err(storage_failed)?;
                    let first_call = FirstCall { run_id: entry.run_id, created_at: entry.created_at };
                    return call::replay(first_call, &line).map_err(runtime_failed);
                }
                (CallAction::RefuseReuse, _) => return Err(PoolFailureCode::KeyReused.because("Another body.")),
                (CallAction::RefuseInDoubt | CallAction::Replay, _) => {
                    return Err(PoolFailureCode::InDoubt.because("The object was restarted during the run."));
                }
            }
        }
    }

    /// Between the decision to run and the note of it there is no await, so no other call can decide the same.
    async fn run_first(&self, request: &Request, once: IdempotentCall) -> Answer {
        let sql = self.sql();
        let IdempotentCall { key, fingerprint, run_id, created_at, deadline_ms } = once;
        let entry = Entry { fingerprint, run_id, created_at, finished: false };
        idempotency_storage::begin(&sql, &key, &entry).map_err(storage_failed)?;
        let guard = self.in_flight.begin(&key);
        let next = idempotency_storage::next_alarm(&sql).map_err(storage_failed)?.unwrap_or(created_at);

        let answer = async {
            schedule_alarm(&self.state.storage(), next).await.map_err(runtime_failed)?;
            let mut response = self.run(request, None, None).await?;
            response.stream().map_err(runtime_failed)
        };
        let chunks = match answer.await {
            Ok(chunks) => chunks.map(|chunk| chunk.map_err(|_| Interrupted::ByRunner)).boxed_local(),
            // It may have run. The note stays, and says so to the next call with this key.
            Err(failure) if failure.code == PoolFailureCode::Lost => {
                return Err(PoolFailureCode::InDoubt.because(failure.message));
            }
            Err(failure) => {
                // Nothing ran: the next call with this key starts afresh.
                idempotency_storage::forget(&sql, &key).map_err(storage_failed)?;
                return Err(failure);
            }
        };
        let events = EventReader::new(chunks, RuntimeClock.sleep(deadline_ms));
        let (sender, receiver) = mpsc::channel(1);
        self.state.wait_until(async move {
            if let Err(error) = watch(events, sender, &sql, guard).await {
                let line = json!({ "message": "A run could not be remembered.", "run.id": run_id, "error": error.0 });
                Console.write(Level::Error, line);
            }
        });
        Response::from_stream(receiver.map(Ok::<_, worker::Error>)).map_err(runtime_failed)
    }

    fn pool(&self) -> Answer<&Rc<PoolLogic>> {
        self.pool.as_ref().map_err(|wrong| PoolFailureCode::Unavailable.because(wrong))
    }

    fn sql(&self) -> RuntimeStorage {
        RuntimeStorage::of(&self.state)
    }
}

fn cancelled(is_cancelled: bool) -> Answer {
    Response::from_json(&is_cancelled).map_err(runtime_failed)
}

/// The job as it came. It stays outside of this object's own memory, and can be sent more than once.
async fn body(request: &Request) -> Answer<ArrayBuffer> {
    let read = async { JsFuture::from(request.inner().array_buffer()?).await };
    let buffer = read.await.map_err(|error| runtime_failed(error.into()))?;
    Ok(buffer.unchecked_into())
}

fn storage_failed(error: PortError) -> PoolFailure {
    PoolFailureCode::Unavailable.because(error.0)
}

fn runtime_failed(error: worker::Error) -> PoolFailure {
    PoolFailureCode::Unavailable.because(error.to_string())
}
