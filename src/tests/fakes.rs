//! Fakes of the ports that a native test cannot have for real.

use crate::domain::account::mail::Mail;
use crate::domain::run::draft::RunDraft;
use crate::domain::run::events::Interrupted;
use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::objects::run_pool::in_flight::InFlightRuns;
use crate::objects::run_pool::recorder::RunRecorder;
use crate::objects::run_pool::runs::follow;
use crate::objects::run_pool::watch::WatchedRun;
use crate::objects::run_pool::watch_ports::WatchPorts;
use crate::ports::event_reader::EventReader;
use crate::ports::isolates::Isolates;
use crate::ports::{
    Background, ClientSignal, Clock, Entropy, FirstCall, IdempotentCall, Kv, Lease, Level, Log, Mailer, PoolFailure,
    PortError, RunAnswer, RunCall, RunLease, RunMode, RunPools, Socket,
};
use async_trait::async_trait;
use docle_protocol::isolate::{Diagnostic, Diagnostics, IsolateJob, IsolateLanguages, Script as Source};
use docle_protocol::{RunJob, RunnerHealth};
use futures::channel::mpsc;
use futures::executor::{LocalPool, LocalSpawner};
use futures::future::{self, LocalBoxFuture};
use futures::stream::LocalBoxStream;
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
    /// The answer to an earlier call, whose run has ended.
    Ended(FirstCall),
    /// The connection to the pool breaks after these chunks, and nothing records the run.
    ChunksThenReset(Vec<Vec<u8>>),
    /// Does not take the job.
    Refuse(PoolFailure),
    /// Does not answer.
    Hang,
}

/// [`RunPools`] that follow a script and keep what they were asked. Their runs are watched and recorded as in a pool.
pub struct FakeRunPools {
    pub script: RefCell<Script>,
    pub jobs: RefCell<Vec<RunJob>>,
    /// The project of each call, its idempotency key, and its deadline.
    pub calls: RefCell<Vec<(String, Option<IdempotentCall>, u32)>>,
    pub health: RefCell<Option<RunnerHealth>>,
    /// What was to be cancelled, of which project.
    pub cancelled: RefCell<Vec<(String, RunId)>>,
    /// What is said to that; nothing ever where it is `None`.
    pub cancels: Cell<Option<bool>>,
    /// The runs that have not ended.
    pub in_flight: InFlightRuns,
    /// Whether the way to a program's input never opens.
    pub input_hangs: Cell<bool>,
    /// The projects whose programs were ended.
    pub deleted: RefCell<Vec<String>>,
    pub ports: WatchPorts,
    pub recorder: Rc<RunRecorder>,
}

impl FakeRunPools {
    pub fn new(ports: WatchPorts, recorder: Rc<RunRecorder>) -> Self {
        Self {
            script: RefCell::new(Script::Hang),
            jobs: RefCell::default(),
            calls: RefCell::default(),
            health: RefCell::default(),
            cancelled: RefCell::default(),
            cancels: Cell::new(Some(true)),
            in_flight: InFlightRuns::default(),
            input_hangs: Cell::default(),
            deleted: RefCell::default(),
            ports,
            recorder,
        }
    }

    fn watched(&self, chunks: Chunks, client: Option<ClientSignal>, draft: &RunDraft, deadline_ms: u32) -> RunAnswer {
        let events = EventReader::new(chunks, future::pending().boxed_local());
        let deadline = self.ports.clock.sleep(deadline_ms);
        let (listener, lines) = mpsc::channel(1);
        let in_flight = self.in_flight.begin(draft.id, draft.token.clone());
        let run = WatchedRun {
            events,
            lease: NoLease,
            draft: draft.clone(),
            client: client.clone(),
            cancelled: in_flight.cancelled.clone(),
            deadline,
            listener,
        };
        let followed = follow(run, self.ports.clone(), Some(Rc::clone(&self.recorder)), None, None, in_flight);
        self.ports.background.spawn(followed.boxed_local());
        let drops = Rc::new(LeaveOnDrop(client.clone()));
        let drops_too = Rc::clone(&drops);
        let has_left = move || client.as_ref().is_some_and(ClientSignal::has_left);
        let why = move || if has_left() { Interrupted::ByClient } else { Interrupted::ByRunner };
        let lines = lines.map(move |line| {
            let _ = &drops;
            Ok(line)
        });
        RunAnswer::Started(
            lines
                .chain(stream::once(async move {
                    let _ = &drops_too;
                    Err(why())
                }))
                .boxed_local(),
        )
    }
}

type Chunks = LocalBoxStream<'static, Result<Vec<u8>, Interrupted>>;

/// A stream that is dropped has lost its client.
struct LeaveOnDrop(Option<ClientSignal>);

impl Drop for LeaveOnDrop {
    fn drop(&mut self) {
        if let Some(client) = &self.0 {
            client.leave();
        }
    }
}

/// The lease of a run in no container. A cancelled run reports nothing.
struct NoLease;

impl Lease for NoLease {
    fn finished(self) {}
}

impl RunLease for NoLease {
    fn cancel(&self, _: RunId) -> LocalBoxFuture<'static, ()> {
        future::ready(()).boxed_local()
    }
}

#[async_trait(?Send)]
impl RunPools for FakeRunPools {
    async fn run(&self, job: Vec<u8>, call: RunCall, draft: &RunDraft) -> Result<RunAnswer, PoolFailure> {
        let RunCall { mode, deadline_ms, .. } = call;
        let client = (!matches!(mode, RunMode::Idempotent(_))).then(ClientSignal::default);
        let idempotent = if let RunMode::Idempotent(call) = mode { Some(call) } else { None };
        self.jobs.borrow_mut().push(serde_json::from_slice(&job).unwrap());
        self.calls.borrow_mut().push((draft.owner.project_id.clone(), idempotent, deadline_ms));
        let script = self.script.borrow().clone();
        let given = |chunks: Vec<Vec<u8>>| stream::iter(chunks.into_iter().map(Ok));
        let chunks = match script {
            Script::Chunks(chunks) => given(chunks).boxed_local(),
            Script::ChunksThenSilence(chunks) => given(chunks).chain(stream::pending()).boxed_local(),
            Script::ChunksThenLeft(chunks) => {
                let leaving = client.clone().unwrap_or_default();
                let left = stream::once(async move {
                    leaving.leave();
                    Ok(b"\n".to_vec())
                });
                given(chunks).chain(left).chain(stream::pending()).boxed_local()
            }
            Script::ChunksThenReset(chunks) => {
                let reset = stream::once(async { Err(Interrupted::ByRunner) });
                return Ok(RunAnswer::Started(given(chunks).chain(reset).boxed_local()));
            }
            Script::Ended(first_call) => return Ok(RunAnswer::Ended(first_call)),
            Script::Refuse(failure) => return Err(failure),
            Script::Hang => future::pending().await,
        };
        Ok(self.watched(chunks, client, draft, deadline_ms))
    }

    async fn cancel(&self, project_id: &str, id: RunId) -> bool {
        self.cancelled.borrow_mut().push((project_id.to_owned(), id));
        match self.cancels.get() {
            Some(cancels) => cancels,
            None => future::pending().await,
        }
    }

    async fn cancel_in_flight(&self, _: &str, id: RunId, token: Option<&str>) -> Result<bool, PoolFailure> {
        Ok(self.in_flight.cancel(id, token).await)
    }

    async fn flush(&self, _: &str) -> Result<(), PortError> {
        self.recorder.flush().await
    }

    async fn delete(&self, project_id: &str) -> Result<(), PortError> {
        self.deleted.borrow_mut().push(project_id.to_owned());
        Ok(())
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
pub struct FakeEntropy(Cell<u16>);

impl Entropy for FakeEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.set(self.0.get() + 1);
        let [high, low] = self.0.get().to_be_bytes();
        bytes.fill(low);
        // The bytes of a small number are all the same, and those of a large one are not.
        if let ([first, second, ..], 1..) = (bytes, high) {
            (*first, *second) = (high, !low);
        }
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
