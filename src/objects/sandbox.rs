//! The Sandbox object: one per project, between the Worker and the project's runner.
//!
//! It knows where the runner is and the secret that it wants, and passes answers through as they come. What it keeps is
//! in [`once_storage`]; when the last of that is a day old, its storage is deleted.

use crate::bindings;
use crate::domain::events::Broken;
use crate::domain::idempotency::{Decision, Entry, decide};
use crate::objects::once::{Watched, watch};
use crate::objects::once_storage;
use crate::objects::runner::Runner;
use crate::objects::sandbox_call::{self, SandboxCall};
use crate::platform::clock::RuntimeClock;
use crate::platform::console::Console;
use crate::platform::object_sql::ObjectSql;
use crate::ports::follow::Follow;
use crate::ports::{Clock, FirstCall, Level, Log, Once, PortError, SandboxFailure, SandboxFailureCode};
use futures::StreamExt;
use futures::channel::mpsc;
use serde_json::json;
use std::time::Duration;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object, wasm_bindgen};

/// See the module.
#[durable_object(alarm)]
pub struct Sandbox {
    state: State,
    runner: Option<Runner>,
    watched: Watched,
}

impl DurableObject for Sandbox {
    fn new(state: State, env: Env) -> Self {
        Self { state, runner: bindings::runner(&env), watched: Watched::default() }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let answer = match SandboxCall::read(&request)? {
            SandboxCall::Run { once: None } => self.run(&request).await,
            SandboxCall::Run { once: Some(once) } => self.run_once(&request, once).await,
            SandboxCall::Health => self.health(&request).await,
        };
        answer.or_else(|failure| sandbox_call::refuse(&failure))
    }

    async fn alarm(&self) -> Result<Response> {
        let sql = self.sql();
        let next = once_storage::purge(&sql, RuntimeClock.now()).and_then(|()| once_storage::next_alarm(&sql));
        match next.map_err(|error| error.to_string())? {
            Some(next) => self.state.storage().set_alarm(until(next.0)).await?,
            None => self.state.storage().delete_all().await?,
        }
        Response::empty()
    }
}

impl Sandbox {
    async fn run(&self, request: &Request) -> std::result::Result<Response, SandboxFailure> {
        self.runner()?.run(request, true).await
    }

    async fn health(&self, request: &Request) -> std::result::Result<Response, SandboxFailure> {
        self.runner()?.health(request).await
    }

    /// Runs a call with an idempotency key, unless that was done before.
    async fn run_once(&self, request: &Request, once: Once) -> std::result::Result<Response, SandboxFailure> {
        let sql = self.sql();
        once_storage::create_tables(&sql).map_err(storage_failed)?;
        loop {
            let entry = once_storage::get(&sql, &once.key).map_err(storage_failed)?;
            let watched = self.watched.contains(&once.key);
            match (decide(entry.as_ref(), &once.fingerprint, watched, RuntimeClock.now()), entry) {
                (Decision::Run, _) => return self.run_first(request, once).await,
                (Decision::Wait, _) => self.watched.wait(&once.key).await,
                (Decision::Replay, Some(entry)) => {
                    let line = once_storage::answer(&sql, &once.key).map_err(storage_failed)?;
                    let first_call = FirstCall { run_id: entry.run_id, created_at: entry.created_at };
                    return sandbox_call::replay(first_call, &line).map_err(runtime_failed);
                }
                (Decision::RefuseReuse, _) => return Err(SandboxFailureCode::KeyReused.because("Another body.")),
                (Decision::RefuseInDoubt | Decision::Replay, _) => {
                    return Err(SandboxFailureCode::InDoubt.because("The object was restarted during the run."));
                }
            }
        }
    }

    /// Between the decision to run and the note of it there is no await, so no other call can decide the same.
    async fn run_first(&self, request: &Request, once: Once) -> std::result::Result<Response, SandboxFailure> {
        let sql = self.sql();
        let Once { key, fingerprint, run_id, created_at, deadline_ms } = once;
        let entry = Entry { fingerprint, run_id, created_at, finished: false };
        once_storage::begin(&sql, &key, &entry).map_err(storage_failed)?;
        let guard = self.watched.begin(&key);
        let next = once_storage::next_alarm(&sql).map_err(storage_failed)?.unwrap_or(created_at);

        let answer = async {
            self.state.storage().set_alarm(until(next.0)).await.map_err(runtime_failed)?;
            let mut response = self.runner()?.run(request, false).await?;
            response.stream().map_err(runtime_failed)
        };
        let chunks = match answer.await {
            Ok(chunks) => chunks.map(|chunk| chunk.map_err(|_| Broken::BySandbox)).boxed_local(),
            Err(failure) => {
                // Nothing ran: the next call with this key starts afresh.
                once_storage::forget(&sql, &key).map_err(storage_failed)?;
                return Err(failure);
            }
        };
        let events = Follow::new(chunks, RuntimeClock.sleep(deadline_ms));
        let (sender, receiver) = mpsc::channel(1);
        self.state.wait_until(async move {
            if let Err(error) = watch(events, sender, &sql, guard).await {
                let line = json!({ "message": "A run could not be remembered.", "run.id": run_id, "error": error.0 });
                Console.write(Level::Error, line);
            }
        });
        Response::from_stream(receiver.map(Ok::<_, worker::Error>)).map_err(runtime_failed)
    }

    fn runner(&self) -> std::result::Result<&Runner, SandboxFailure> {
        self.runner.as_ref().ok_or_else(|| {
            SandboxFailureCode::Unavailable
                .because("SANDBOX_URL is not set, and containers come with the next release.")
        })
    }

    fn sql(&self) -> ObjectSql {
        ObjectSql(self.state.storage().sql())
    }
}

/// The time left until `at`, in milliseconds since 1970.
fn until(at: i64) -> Duration {
    Duration::from_millis(u64::try_from(at - RuntimeClock.now().0).unwrap_or(0))
}

fn storage_failed(error: PortError) -> SandboxFailure {
    SandboxFailureCode::Unavailable.because(error.0)
}

fn runtime_failed(error: worker::Error) -> SandboxFailure {
    SandboxFailureCode::Unavailable.because(error.to_string())
}
