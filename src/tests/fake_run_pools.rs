//! Pools of runs without a runner: what runs do is scripted, and they are watched and recorded as in a pool.

use crate::domain::run::draft::RunDraft;
use crate::domain::run::events::Interrupted;
use crate::domain::run::id::RunId;
use crate::domain::run::position::OutputPosition;
use crate::domain::usage_log::query::RunFilter;
use crate::objects::run_pool::in_flight::InFlightRuns;
use crate::objects::run_pool::partial_output::PartialOutput;
use crate::objects::run_pool::recorder::RunRecorder;
use crate::objects::run_pool::runs::{AtEnd, follow};
use crate::objects::run_pool::watch::WatchedRun;
use crate::objects::run_pool::watch_ports::WatchPorts;
use crate::ports::event_reader::EventReader;
use crate::ports::socket::Message;
use crate::ports::{
    ClientSignal, EncodedJob, FirstCall, FollowedRun, IdempotentCall, Lease, ListedRun, PendingRun, PoolFailure,
    PoolFailureCode, PortError, RunAnswer, RunCall, RunLease, RunMode, RunPools, Socket,
};
use crate::tests::fake_spool::bytes_of;
use async_trait::async_trait;
use docle_api::pending_runs::OutputSoFar;
use docle_protocol::{RunJob, RunnerHealth};
use futures::channel::mpsc;
use futures::future::{self, LocalBoxFuture};
use futures::stream::LocalBoxStream;
use futures::{FutureExt, StreamExt, stream};
use std::cell::{Cell, RefCell};
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
    /// Does what this says for the job.
    Of(fn(&RunJob) -> Self),
}

/// [`RunPools`] that follow a script and keep what they were asked. Their runs are watched and recorded as in a pool.
pub struct FakeRunPools {
    pub script: RefCell<Script>,
    pub jobs: RefCell<Vec<RunJob>>,
    /// The bytes that followed each job.
    pub attached: RefCell<Vec<Vec<u8>>>,
    /// The project of each call, its idempotency key, and its deadline.
    pub calls: RefCell<Vec<(String, Option<IdempotentCall>, u32)>>,
    pub health: RefCell<Option<RunnerHealth>>,
    /// What was to be cancelled, of which project.
    pub cancelled: RefCell<Vec<(String, RunId)>>,
    /// What is said to that; nothing ever where it is `None`.
    pub cancels: Cell<Option<bool>>,
    /// The runs that have not ended.
    pub in_flight: InFlightRuns,
    /// Whether the list of them fails.
    pub lists_nothing: Cell<bool>,
    /// Whether the way to a program's input never opens.
    pub input_hangs: Cell<bool>,
    /// Whether there is a way to it.
    pub has_input: Cell<bool>,
    /// What went there.
    pub typed: Rc<RefCell<Vec<Message>>>,
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
            attached: RefCell::default(),
            calls: RefCell::default(),
            health: RefCell::default(),
            cancelled: RefCell::default(),
            cancels: Cell::new(Some(true)),
            in_flight: InFlightRuns::default(),
            lists_nothing: Cell::default(),
            input_hangs: Cell::default(),
            has_input: Cell::default(),
            typed: Rc::default(),
            deleted: RefCell::default(),
            ports,
            recorder,
        }
    }

    fn watched(&self, chunks: Chunks, client: Option<ClientSignal>, draft: &RunDraft, deadline_ms: u32) -> RunAnswer {
        let events = EventReader::new(chunks, future::pending().boxed_local());
        let deadline = self.ports.clock.sleep(deadline_ms);
        let (listener, lines) = mpsc::channel(1);
        let in_flight = self.in_flight.begin(draft, PartialOutput::with_output());
        let run = WatchedRun {
            events,
            lease: NoLease,
            draft: draft.clone(),
            waited_ms: 0.0,
            partial_output: in_flight.partial_output.clone(),
            client: client.clone(),
            cancelled: in_flight.cancelled.clone(),
            deadline,
            listener,
        };
        let at_end = AtEnd { recorder: Some(Rc::clone(&self.recorder)), ..AtEnd::default() };
        let followed = follow(run, self.ports.clone(), at_end, in_flight);
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

/// The way to a program's input, which keeps what goes there.
struct FakeInput(Rc<RefCell<Vec<Message>>>);

#[async_trait(?Send)]
impl Socket for FakeInput {
    async fn next(&mut self) -> Option<Message> {
        future::pending().await
    }

    fn send(&self, message: Message) {
        self.0.borrow_mut().push(message);
    }

    fn closed_with(&self) -> (u16, String) {
        (1_000, String::new())
    }

    fn queued_bytes(&self) -> usize {
        0
    }

    fn close(&self, _: u16, _: &str) {}
}

#[async_trait(?Send)]
impl RunPools for FakeRunPools {
    async fn run(&self, job: EncodedJob, call: RunCall, draft: &RunDraft) -> Result<RunAnswer, PoolFailure> {
        let RunCall { mode, deadline_ms, .. } = call;
        let client = (!matches!(mode, RunMode::Idempotent(_) | RunMode::Detached(_))).then(ClientSignal::default);
        let is_detached = matches!(mode, RunMode::Detached(_));
        let idempotent = match mode {
            RunMode::Idempotent(call) | RunMode::Detached(Some(call)) => Some(call),
            _ => None,
        };
        self.jobs.borrow_mut().push(serde_json::from_slice(&job.json).unwrap());
        self.attached.borrow_mut().push(job.attached.iter().flat_map(bytes_of).copied().collect());
        self.calls.borrow_mut().push((draft.owner.project_id.clone(), idempotent, deadline_ms));
        let mut script = self.script.borrow().clone();
        if let Script::Of(script_of) = script {
            script = script_of(self.jobs.borrow().last().expect("it was pushed"));
        }
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
            Script::Hang | Script::Of(_) => future::pending().await,
        };
        let answer = self.watched(chunks, client, draft, deadline_ms);
        Ok(match is_detached {
            true => RunAnswer::Detached(self.in_flight.find(draft.id).expect("it was begun")),
            false => answer,
        })
    }

    async fn pending(&self, _: &str, id: RunId) -> Result<Option<PendingRun>, PoolFailure> {
        Ok(self.in_flight.find(id))
    }

    async fn list(&self, _: &str, filter: &RunFilter) -> Result<Vec<ListedRun>, PoolFailure> {
        match self.lists_nothing.get() {
            true => Err(PoolFailureCode::Unavailable.with_message("The pool is down.")),
            false => Ok(self.in_flight.list(filter)),
        }
    }

    async fn output_so_far(&self, _: &str, id: RunId) -> Result<Option<OutputSoFar>, PoolFailure> {
        Ok(self.in_flight.partial_output(id).and_then(|output| output.so_far()))
    }

    async fn follow(&self, _: &str, id: RunId, from: OutputPosition) -> Result<Option<FollowedRun>, PoolFailure> {
        let Some(partial_output) = self.in_flight.partial_output(id) else { return Ok(None) };
        let from = partial_output.begin_at(from);
        let ended = stream::once(async { Err(Interrupted::ByRunner) });
        let chunks = partial_output.follow(from, || future::pending().boxed_local()).map(Ok).chain(ended).boxed_local();
        Ok(Some(FollowedRun { from, chunks }))
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
        Ok(self.has_input.get().then(|| Box::new(FakeInput(Rc::clone(&self.typed))) as Box<dyn Socket>))
    }

    async fn health(&self) -> Result<Option<RunnerHealth>, PoolFailure> {
        let health = self.health.borrow().clone();
        match health {
            Some(health) => Ok(Some(health)),
            None => future::pending().await,
        }
    }
}
