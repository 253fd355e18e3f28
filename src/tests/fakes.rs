//! Fakes of the ports that a native test cannot have for real.

use crate::domain::account::mail::Mail;
use crate::domain::run::events::Interrupted;
use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::ports::isolates::Isolates;
use crate::ports::{
    Background, Clock, Entropy, FirstCall, IdempotentCall, Kv, Level, Log, Mailer, PoolFailure, PortError, RunMode,
    RunPools, RunStream, Socket,
};
use async_trait::async_trait;
use docle_protocol::isolate::{Diagnostic, Diagnostics, IsolateJob, IsolateLanguages, Script as Source};
use docle_protocol::{RunJob, RunnerHealth};
use futures::executor::{LocalPool, LocalSpawner};
use futures::future::{self, LocalBoxFuture};
use futures::task::LocalSpawnExt;
use futures::{FutureExt, StreamExt, stream};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// What the fake sandbox does with the next run.
#[derive(Clone)]
pub enum Script {
    /// Answers with these chunks, and ends the stream.
    Chunks(Vec<Vec<u8>>),
    /// The same, and then nothing more until the deadline.
    ChunksThenSilence(Vec<Vec<u8>>),
    /// The same, and then the client is gone.
    ChunksThenLeft(Vec<Vec<u8>>),
    /// The answer to an earlier call.
    Replay(FirstCall, Vec<Vec<u8>>),
    /// Does not take the job.
    Refuse(PoolFailure),
    /// Does not answer.
    Hang,
}

/// [`RunPools`] that follow a script and keep what they were asked.
pub struct FakeRunPools {
    pub script: RefCell<Script>,
    pub jobs: RefCell<Vec<RunJob>>,
    pub calls: RefCell<Vec<(String, Option<IdempotentCall>)>>,
    pub health: RefCell<Option<RunnerHealth>>,
    /// What was to be cancelled, of which project.
    pub cancelled: RefCell<Vec<(String, RunId)>>,
    /// What is said to that; nothing ever where it is `None`.
    pub cancels: Cell<Option<bool>>,
    /// Whether the way to a program's input never opens.
    pub input_hangs: Cell<bool>,
}

#[async_trait(?Send)]
impl RunPools for FakeRunPools {
    async fn run(&self, project_id: &str, job: Vec<u8>, mode: RunMode) -> Result<RunStream, PoolFailure> {
        let idempotent = if let RunMode::Idempotent(call) = mode { Some(call) } else { None };
        self.jobs.borrow_mut().push(serde_json::from_slice(&job).unwrap());
        self.calls.borrow_mut().push((project_id.to_owned(), idempotent));
        let script = self.script.borrow().clone();
        let (chunks, then, first_call) = match script {
            Script::Chunks(chunks) => (chunks, stream::empty().boxed_local(), None),
            Script::ChunksThenSilence(chunks) => (chunks, stream::pending().boxed_local(), None),
            Script::ChunksThenLeft(chunks) => {
                (chunks, stream::once(async { Err(Interrupted::ByClient) }).boxed_local(), None)
            }
            Script::Replay(first_call, chunks) => (chunks, stream::empty().boxed_local(), Some(first_call)),
            Script::Refuse(failure) => return Err(failure),
            Script::Hang => future::pending().await,
        };
        Ok(RunStream { chunks: stream::iter(chunks.into_iter().map(Ok)).chain(then).boxed_local(), first_call })
    }

    async fn cancel_unstarted(&self, project_id: &str, id: RunId) -> bool {
        self.cancelled.borrow_mut().push((project_id.to_owned(), id));
        match self.cancels.get() {
            Some(cancels) => cancels,
            None => future::pending().await,
        }
    }

    async fn input(&self, _: &str, _: RunId) -> Result<Option<Box<dyn Socket>>, PoolFailure> {
        if self.input_hangs.get() {
            return future::pending().await;
        }
        Ok(None)
    }

    async fn health(&self) -> Result<Option<RunnerHealth>, PoolFailure> {
        let health = self.health.borrow().clone();
        match health {
            Some(health) => Ok(Some(health)),
            None => future::pending().await,
        }
    }
}

/// [`Kv`] in memory, which can be told to fail.
#[derive(Default)]
pub struct FakeKv {
    pub values: RefCell<HashMap<String, (Vec<u8>, u64)>>,
    pub fails: Cell<bool>,
}

#[async_trait(?Send)]
impl Kv for FakeKv {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        if self.fails.get() {
            return Err(PortError("KV is away.".into()));
        }
        Ok(self.values.borrow().get(key).map(|(value, _)| value.clone()))
    }

    async fn put(&self, key: &str, value: &[u8], ttl_seconds: u64) -> Result<(), PortError> {
        if self.fails.get() {
            return Err(PortError("KV is away.".into()));
        }
        self.values.borrow_mut().insert(key.to_owned(), (value.to_vec(), ttl_seconds));
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), PortError> {
        self.values.borrow_mut().remove(key);
        Ok(())
    }
}

/// [`Mailer`] that keeps its mails, and can be told to fail.
#[derive(Default)]
pub struct FakeMailer {
    pub sent: RefCell<Vec<Mail>>,
    pub fails: Cell<bool>,
}

#[async_trait(?Send)]
impl Mailer for FakeMailer {
    async fn send(&self, mail: Mail) -> Result<(), PortError> {
        if self.fails.get() {
            return Err(PortError("Mail is away.".into()));
        }
        self.sent.borrow_mut().push(mail);
        Ok(())
    }
}

/// [`Clock`] that stands still until somebody sleeps: the time then jumps to the end of the sleep, unless something
/// else is ready first.
#[derive(Default)]
pub struct FakeClock {
    now: Rc<Cell<i64>>,
}

impl FakeClock {
    /// Lets time pass.
    pub fn pass_ms(&self, milliseconds: i64) {
        self.now.set(self.now.get() + milliseconds);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.get())
    }

    fn sleep(&self, milliseconds: u32) -> LocalBoxFuture<'static, ()> {
        let (now, mut patience) = (Rc::clone(&self.now), milliseconds);
        let end = now.get() + i64::from(milliseconds);
        // Longer sleeps let more turns pass, so that of two sleeps the shorter one ends first.
        future::poll_fn(move |context| {
            if patience == 0 {
                now.set(now.get().max(end));
                return std::task::Poll::Ready(());
            }
            patience -= 1;
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .boxed_local()
    }
}

/// [`Entropy`] that counts, so that ids differ and tests are the same each time.
#[derive(Default)]
pub struct FakeEntropy(Cell<u8>);

impl Entropy for FakeEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.set(self.0.get() + 1);
        bytes.fill(self.0.get());
    }
}

/// [`Background`] on the test's own pool.
pub struct PoolBackground(pub LocalSpawner);

impl PoolBackground {
    /// The port and the pool that does its work.
    pub fn new() -> (Self, LocalPool) {
        let pool = LocalPool::new();
        (Self(pool.spawner()), pool)
    }
}

impl Background for PoolBackground {
    fn spawn(&self, work: LocalBoxFuture<'static, ()>) {
        self.0.spawn_local(work).unwrap();
    }
}

/// [`Log`] that keeps its lines.
#[derive(Default)]
pub struct FakeLog(pub RefCell<Vec<(Level, Value)>>);

impl Log for FakeLog {
    fn write(&self, level: Level, line: Value) {
        self.0.borrow_mut().push((level, line));
    }
}

/// [`Isolates`] that answer as they are told, and keep what they were asked.
#[derive(Default)]
pub struct FakeIsolates {
    /// The report of every execution; without one, executions never end.
    pub report: RefCell<Option<Result<Value, PortError>>>,
    pub jobs: RefCell<Vec<IsolateJob>>,
}

#[async_trait(?Send)]
impl Isolates for FakeIsolates {
    async fn execute(&self, job: &IsolateJob) -> Result<Box<RawValue>, PortError> {
        self.jobs.borrow_mut().push(job.clone());
        let report = self.report.borrow().clone();
        match report {
            Some(report) => Ok(to_raw_value(&report?).unwrap()),
            None => future::pending().await,
        }
    }

    async fn validate(&self, script: &Source) -> Result<Diagnostics, PortError> {
        let finding = |line| Diagnostic {
            rule: "eval".into(),
            message: "No.".into(),
            line,
            column: 1,
            end_line: line,
            end_column: 5,
        };
        Ok(Diagnostics { errors: if script.code.contains("eval") { vec![finding(1)] } else { vec![] } })
    }

    async fn languages(&self) -> Result<IsolateLanguages, PortError> {
        Ok(IsolateLanguages { languages: BTreeMap::from([("typescript".into(), BTreeMap::new())]) })
    }
}
