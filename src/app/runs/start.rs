//! Running a program: start it, follow it, record how it ended.

use crate::app::context::App;
use crate::domain::run::events::{Interrupted, Line, PartialOutput, read_line};
use crate::domain::run::finished::{FinishedRun, MAX_RESULT_BYTES};
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{Fingerprint, IdempotencyKey};
use crate::domain::run::record::{self, Owner, Recordable};
use crate::domain::run::request::RunRequest;
use crate::domain::run::result::RunResult;
use crate::domain::timestamp::Timestamp;
use crate::domain::usage;
use crate::ports::event_reader::EventReader;
use crate::ports::{Background, IdempotentCall, KeyGates, Kv, Level, Log, PoolFailure, PoolFailureCode, RunMode};
use crate::store;
use bytes::Bytes;
use docle_protocol::RunJob;
use docle_protocol::limits::{GRACE_MS, INSTALL_TIMEOUT_MS, MAX_QUEUE_MS};
use futures::channel::{mpsc, oneshot};
use futures::future::{self, Either, select};
use futures::stream::{self, LocalBoxStream};
use futures::{FutureExt, SinkExt, StreamExt, join};
use serde_json::json;
use std::rc::Rc;

/// What the hops between Worker, object and whatever runs code may take on top of the clocks there.
pub const HOPS_MS: u32 = 5_000;
/// How long a runner may take to say that it has cancelled a job.
const CANCEL_MS: u32 = 5_000;

/// For whom a program is run.
pub struct Client {
    pub owner: Owner,
    /// Names the gate that flushes the run.
    pub key_hash: String,
    /// The address of the caller, where it is kept.
    pub ip: Option<String>,
}

/// A run that has its place in a sandbox.
pub struct StartedRun {
    pub id: RunId,
    pub created_at: Timestamp,
    /// It is not new: an earlier call with the same idempotency key made it.
    pub replayed: bool,
    /// Ends with exactly one [`Progress::Complete`]. Dropping it before ends the run, unless it has an idempotency key.
    pub progress: LocalBoxStream<'static, Progress>,
}

/// What happens while a run goes on.
#[derive(Debug)]
pub enum Progress {
    /// Output, as the one-line JSON object that the runner wrote.
    Stdout(Bytes),
    Stderr(Bytes),
    /// Nothing, but the runner is alive.
    Heartbeat,
    Complete(RunResult),
}

/// Starts a run for `client`. The run is recorded when it ends, also when the client has left by then.
///
/// When the connection to the pool breaks before the runner reports a start, the run may have begun. The Worker then
/// cancels it. When that is too late, or the answer is unknown, the run ends with status `system`.
///
/// # Errors
/// When nothing has run: the sandbox could not take the job, or the idempotency key stands against it. With such a key it
/// may also be lost, and the same call made again finds out.
pub async fn start_run(
    app: &App,
    id: RunId,
    client: Client,
    request: RunRequest,
    once: Option<(IdempotencyKey, Fingerprint)>,
) -> Result<StartedRun, PoolFailure> {
    let created_at = app.clock.now();
    let deadline_ms = deadline_ms(&request.job);
    let detached = once.is_some();
    let mode = match once {
        Some((key, fingerprint)) => {
            RunMode::Idempotent(IdempotentCall { key, fingerprint, run_id: id, created_at, deadline_ms })
        }
        None if request.job.interactive => RunMode::Interactive(id),
        None => RunMode::Plain,
    };
    let job = serde_json::to_vec(&request.job)
        .map_err(|error| PoolFailureCode::Rejected.because(format!("The job could not be encoded: {error}")))?;

    let project_id = &client.owner.project_id;
    let begun = begin(app, project_id, (id, created_at), job, mode, deadline_ms).await;
    let (mut running, replayed) = match begun {
        Ok(begun) => begun,
        Err(lost) if lost.code == PoolFailureCode::Lost && !detached => {
            if is_cancelled(app, project_id, id).await {
                return Err(PoolFailure { code: PoolFailureCode::Unavailable, ..lost });
            }
            app.log.write(Level::Error, json!({ "message": "A run was lost.", "run.id": id, "error": lost.message }));
            (Running::broken(id, created_at), false)
        }
        Err(failure) => return Err(failure),
    };
    record_at_the_end(app, &mut running, client, request);

    let progress = if detached {
        detach(&*app.background, running)
    } else {
        stream::unfold(running, |mut running| async move { Some((running.next().await?, running)) }).boxed_local()
    };
    Ok(StartedRun { id, created_at, replayed, progress })
}

/// Sends a job and waits for its start. Answers with the run, and whether an earlier call has made it.
///
/// # Errors
/// As for [`start_run`], or what became of the job is not known.
async fn begin(
    app: &App,
    project_id: &str,
    (id, created_at): (RunId, Timestamp),
    job: Vec<u8>,
    mode: RunMode,
    deadline_ms: u32,
) -> Result<(Running, bool), PoolFailure> {
    let deadline = app.clock.sleep(deadline_ms);
    let call = app.run_pools.run(project_id, job, mode);
    let (stream, deadline) = match select(call, deadline).await {
        Either::Left((stream, deadline)) => (stream?, deadline),
        Either::Right(_) => return Err(PoolFailureCode::Lost.because("The sandbox did not answer in time.")),
    };
    let (id, created_at) = stream.first_call.map_or((id, created_at), |first| (first.run_id, first.created_at));
    let replayed = stream.first_call.is_some();
    let events = Some(EventReader::new(stream.chunks, deadline));
    let mut running = Running { id, created_at, events, partial_output: PartialOutput::default(), recorder: None };
    running.wait_for_place().await?;
    Ok((running, replayed))
}

/// Sees to it that a job never runs, where that is still possible.
async fn is_cancelled(app: &App, project_id: &str, id: RunId) -> bool {
    match select(app.run_pools.cancel_unstarted(project_id, id), app.clock.sleep(CANCEL_MS)).await {
        Either::Left((cancelled, _)) => cancelled,
        Either::Right(_) => false,
    }
}

/// The Worker's own clock. It is the last of three: the runner's ends the program, the object's and this one only see
/// to it that an answer comes when the runner's does not.
fn deadline_ms(job: &RunJob) -> u32 {
    let install = if job.packages.is_empty() { 0 } else { INSTALL_TIMEOUT_MS };
    install + MAX_QUEUE_MS + job.limits.timeout_ms + GRACE_MS + HOPS_MS
}

/// A run on its way to its result.
struct Running {
    id: RunId,
    created_at: Timestamp,
    /// `None` when it has ended.
    events: Option<EventReader>,
    partial_output: PartialOutput,
    recorder: Option<oneshot::Sender<Ended>>,
}

/// What is left to do of a run, after its answer.
struct Ended {
    result: RunResult,
    /// What follows after `complete`, which is nothing; but a connection that is read to its end is used again.
    rest: Option<EventReader>,
}

impl Running {
    /// A run of which nothing is known but that it may have begun.
    fn broken(id: RunId, created_at: Timestamp) -> Self {
        let events = EventReader::new(stream::empty().boxed_local(), future::pending().boxed_local());
        Self { id, created_at, events: Some(events), partial_output: PartialOutput::default(), recorder: None }
    }

    /// Resolves when the runner says that the run has started. A stream that breaks before has run nothing.
    async fn wait_for_place(&mut self) -> Result<(), PoolFailure> {
        loop {
            match read_line(&self.next_line().await.map_err(not_started)?) {
                Some(Line::Heartbeat) => {}
                Some(Line::Start) => return Ok(()),
                _ => return Err(PoolFailureCode::Mismatch.because("The stream does not begin with a start.")),
            }
        }
    }

    async fn next(&mut self) -> Option<Progress> {
        self.events.as_ref()?;
        let line = match self.next_line().await {
            Ok(line) => line,
            Err(broken) => return Some(self.break_off(broken)),
        };
        Some(match read_line(&line) {
            Some(Line::Heartbeat | Line::Start) => Progress::Heartbeat,
            Some(kind @ Line::Stdout) => {
                self.partial_output.keep(&kind, &line);
                Progress::Stdout(line)
            }
            Some(kind @ Line::Stderr) => {
                self.partial_output.keep(&kind, &line);
                Progress::Stderr(line)
            }
            Some(Line::Complete(report)) => match RunResult::from_report_json(self.id, self.created_at, report) {
                Some(result) => {
                    let rest = self.events.take();
                    self.end(result, rest)
                }
                None => self.break_off(Interrupted::ByRunner),
            },
            None => self.break_off(Interrupted::ByRunner),
        })
    }

    async fn next_line(&mut self) -> Result<Bytes, Interrupted> {
        match &mut self.events {
            Some(events) => events.next_line().await,
            None => Err(Interrupted::ByRunner),
        }
    }

    /// Ends the run here; dropping its events ends it there.
    fn break_off(&mut self, broken: Interrupted) -> Progress {
        self.events = None;
        let report = self.partial_output.report(broken);
        self.end(RunResult::from_report(self.id, self.created_at, &report), None)
    }

    fn end(&mut self, result: RunResult, rest: Option<EventReader>) -> Progress {
        if let Some(recorder) = self.recorder.take() {
            // The receiver waits in the background. If the background is gone, the result is recorded nowhere.
            let _ = recorder.send(Ended { result: result.clone(), rest });
        }
        Progress::Complete(result)
    }
}

impl Drop for Running {
    /// A run is dropped before its end when its client has left, and that ends it.
    fn drop(&mut self) {
        if self.recorder.is_some() {
            self.break_off(Interrupted::ByClient);
        }
    }
}

fn not_started(broken: Interrupted) -> PoolFailure {
    match broken {
        Interrupted::ByClient => PoolFailureCode::ClientLeft.because("The caller left."),
        Interrupted::ByRunner => PoolFailureCode::Lost.because("The stream broke before the run started."),
    }
}

/// Lets a run go on without its client: the client gets what it still listens to.
fn detach(background: &dyn Background, mut running: Running) -> LocalBoxStream<'static, Progress> {
    let (mut sender, receiver) = mpsc::channel(1);
    background.spawn(Box::pin(async move {
        while let Some(progress) = running.next().await {
            // A client that left does not end this run.
            let _ = sender.send(progress).await;
        }
    }));
    receiver.boxed_local()
}

/// Stores the result when it is there, after the answer, and hands its usage over. A replay is stored again: it is the
/// same record, and it heals the case that the first caller's Worker ended before it could store anything.
fn record_at_the_end(app: &App, running: &mut Running, client: Client, request: RunRequest) {
    let (sender, receiver) = oneshot::channel::<Ended>();
    running.recorder = Some(sender);
    let recorder = Recorder::of(app, client);
    let clock = Rc::clone(&app.clock);
    app.background.spawn(Box::pin(async move {
        let Ok(Ended { result, rest }) = receiver.await else { return };
        if let Some(mut rest) = rest {
            while rest.next_line().await.is_ok() {}
        }
        // An isolate has one thread: the answer goes out first, the record is made after it.
        clock.sleep(0).await;
        recorder.record(&request, &result).await;
    }));
}

/// Writes down what came of a run.
pub struct Recorder {
    runs: Rc<dyn Kv>,
    gates: Rc<dyn KeyGates>,
    log: Rc<dyn Log>,
    client: Client,
}

impl Recorder {
    /// For runs of a client.
    pub fn of(app: &App, client: Client) -> Self {
        Self { runs: Rc::clone(&app.runs), gates: Rc::clone(&app.gates), log: Rc::clone(&app.log), client }
    }

    /// Hands a run over to its key's gate, with its usage and, to be read for a while, its result and input. What is large
    /// is stored by itself, and so is what its id would not lead to: the answer to a call that another key made first.
    pub async fn record(&self, request: &impl Recordable, result: &RunResult) {
        let Client { owner, key_hash, ip } = &self.client;
        let usage = usage::encode(owner, request, result, ip.as_deref());
        let record = match record::encode(owner, result.created_at, request, result.json()) {
            Ok(record) => record,
            Err(error) => return self.log_failure("A result could not be encoded.", result.id, &error.to_string()),
        };
        let is_led_to = key_hash.starts_with(&result.id.key_hash_beginning());
        let (for_gate, for_kv) =
            if is_led_to && record.len() <= MAX_RESULT_BYTES { (Some(record), None) } else { (None, Some(record)) };
        let counted = self.gates.submit(key_hash, FinishedRun { id: result.id, usage, record: for_gate });
        let stored = async {
            match for_kv {
                Some(record) => store::runs::put(&*self.runs, result.id, record.as_bytes()).await,
                None => Ok(()),
            }
        };
        let (counted, stored) = join!(counted, stored);
        if let Err(error) = counted {
            self.log_failure("A run could not be submitted to its key's gate.", result.id, &error.0);
        }
        if let Err(error) = stored {
            self.log_failure("A result could not be stored.", result.id, &error.0);
        }
    }

    fn log_failure(&self, message: &str, id: RunId, error: &str) {
        self.log.write(Level::Error, json!({ "message": message, "run.id": id, "error": error }));
    }
}
