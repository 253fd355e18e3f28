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

/// How long the way from the Worker to the runner or the isolate may take beyond the limits there, in milliseconds.
pub const HOPS_MS: u32 = 5_000;
/// How long a runner may take to confirm that it has cancelled a job, in milliseconds.
const CANCEL_MS: u32 = 5_000;

/// The client that a program runs for.
pub struct Client {
    pub owner: Owner,
    /// The hash of the API key, whose gate records the run.
    pub key_hash: String,
    /// The network address of the client, if the project stores it.
    pub ip: Option<String>,
}

/// A run that has a slot in a runner.
pub struct StartedRun {
    pub id: RunId,
    pub created_at: Timestamp,
    /// Whether an earlier call with the same idempotency key started it.
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
/// Nothing has run: no runner took the job, or the idempotency key forbids it. With an idempotency key the code can
/// also be [`PoolFailureCode::Lost`]: the job may have run, and the client repeats the call to get the result.
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
        .map_err(|error| PoolFailureCode::Rejected.with_message(format!("The job could not be encoded: {error}")))?;

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

/// Sends a job and waits for its start. Returns the run, and whether an earlier call started it.
///
/// # Errors
/// As for [`start_run`]; with [`PoolFailureCode::Lost`] the job may have run.
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
        Either::Right(_) => return Err(PoolFailureCode::Lost.with_message("The sandbox did not answer in time.")),
    };
    let (id, created_at) = stream.first_call.map_or((id, created_at), |first| (first.run_id, first.created_at));
    let replayed = stream.first_call.is_some();
    let events = Some(EventReader::new(stream.chunks, deadline));
    let mut running = Running { id, created_at, events, partial_output: PartialOutput::default(), recorder: None };
    running.wait_for_start().await?;
    Ok((running, replayed))
}

/// Cancels a job. `true` means that it never runs; `false` means that it may have started.
async fn is_cancelled(app: &App, project_id: &str, id: RunId) -> bool {
    match select(app.run_pools.cancel_unstarted(project_id, id), app.clock.sleep(CANCEL_MS)).await {
        Either::Left((cancelled, _)) => cancelled,
        Either::Right(_) => false,
    }
}

/// The Worker's deadline, the last of three. The deadline of the runner ends the program. Those of the object and of
/// the Worker only guarantee a response if the runner sends none.
fn deadline_ms(job: &RunJob) -> u32 {
    let install = if job.packages.is_empty() { 0 } else { INSTALL_TIMEOUT_MS };
    install + MAX_QUEUE_MS + job.limits.timeout_ms + GRACE_MS + HOPS_MS
}

/// A run in progress.
struct Running {
    id: RunId,
    created_at: Timestamp,
    /// `None` when it has ended.
    events: Option<EventReader>,
    partial_output: PartialOutput,
    recorder: Option<oneshot::Sender<Ended>>,
}

/// What is left of a run after its response.
struct Ended {
    result: RunResult,
    /// The stream after `complete`. It is empty, but only a connection that was read to its end is used again.
    rest: Option<EventReader>,
}

impl Running {
    /// A run that may have begun, and whose events are lost.
    fn broken(id: RunId, created_at: Timestamp) -> Self {
        let events = EventReader::new(stream::empty().boxed_local(), future::pending().boxed_local());
        Self { id, created_at, events: Some(events), partial_output: PartialOutput::default(), recorder: None }
    }

    /// Resolves when the runner reports that the run has started. If the stream breaks before, the run may have
    /// started.
    async fn wait_for_start(&mut self) -> Result<(), PoolFailure> {
        loop {
            match read_line(&self.next_line().await.map_err(not_started)?) {
                Some(Line::Heartbeat) => {}
                Some(Line::Start) => return Ok(()),
                _ => return Err(PoolFailureCode::Mismatch.with_message("The stream does not begin with a start.")),
            }
        }
    }

    async fn next(&mut self) -> Option<Progress> {
        self.events.as_ref()?;
        let line = match self.next_line().await {
            Ok(line) => line,
            Err(broken) => return Some(self.interrupt(broken)),
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
                None => self.interrupt(Interrupted::ByRunner),
            },
            None => self.interrupt(Interrupted::ByRunner),
        })
    }

    async fn next_line(&mut self) -> Result<Bytes, Interrupted> {
        match &mut self.events {
            Some(events) => events.next_line().await,
            None => Err(Interrupted::ByRunner),
        }
    }

    /// Ends the run with its output so far. Dropping its events also ends the program.
    fn interrupt(&mut self, broken: Interrupted) -> Progress {
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
            self.interrupt(Interrupted::ByClient);
        }
    }
}

fn not_started(broken: Interrupted) -> PoolFailure {
    match broken {
        Interrupted::ByClient => PoolFailureCode::ClientLeft.with_message("The client left."),
        Interrupted::ByRunner => PoolFailureCode::Lost.with_message("The stream broke before the run started."),
    }
}

/// Lets a run continue without its client. The client receives events for as long as it listens.
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

/// Records the result and the usage after the response. A replay is recorded again: the record is the same, and the
/// Worker of the first call may have ended before it recorded anything.
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
        // An isolate has one thread. This lets it send the response before it encodes the record.
        clock.sleep(0).await;
        recorder.record(&request, &result).await;
    }));
}

/// Records finished runs: usage, result and input.
pub struct Recorder {
    runs: Rc<dyn Kv>,
    gates: Rc<dyn KeyGates>,
    log: Rc<dyn Log>,
    client: Client,
}

impl Recorder {
    /// A recorder for the runs of a client.
    pub fn of(app: &App, client: Client) -> Self {
        Self { runs: Rc::clone(&app.runs), gates: Rc::clone(&app.gates), log: Rc::clone(&app.log), client }
    }

    /// Submits a run to its key's gate: its usage, and its record with result and input. A large record goes to KV
    /// instead. So does a record whose id does not lead to this gate, because the first call with the idempotency key
    /// used another API key.
    pub async fn record(&self, request: &impl Recordable, result: &RunResult) {
        let Client { owner, key_hash, ip } = &self.client;
        let usage = usage::encode(owner, request, result, ip.as_deref());
        let record = match record::encode(owner, result.created_at, request, result.json()) {
            Ok(record) => record,
            Err(error) => return self.log_failure("A result could not be encoded.", result.id, &error.to_string()),
        };
        let gate_is_found_by_id = key_hash.starts_with(&result.id.key_hash_beginning());
        let (for_gate, for_kv) = if gate_is_found_by_id && record.len() <= MAX_RESULT_BYTES {
            (Some(record), None)
        } else {
            (None, Some(record))
        };
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
