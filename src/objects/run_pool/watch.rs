//! Reads a run to its end: passes its events on while a client listens, stores its output, and ends it with its client or when
//! a call cancels it.

use crate::domain::run::draft::RunDraft;
use crate::domain::run::events::{Line, read_line};
use crate::domain::run::phase::Phase;
use crate::domain::run::record::StoredOutput;
use crate::domain::run::result::{RunResult, sandbox_failed};
use crate::domain::timestamp::Timestamp;
use crate::objects::run_pool::artifacts::{ArtifactWriter, STORE_MS};
use crate::objects::run_pool::in_flight::until_raised;
use crate::objects::run_pool::output::OutputStore;
use crate::objects::run_pool::partial_output::PartialOutput;
use crate::objects::run_pool::watch_ports::WatchPorts;
use crate::ports::event_reader::EventReader;
use crate::ports::{ClientSignal, RunLease};
use bytes::Bytes;
use docle_protocol::{RunDetails, RunEvent, RunReport, RunStatus, RunUsage, Stream, Truncated};
use futures::channel::mpsc;
use futures::future::{self, Either, LocalBoxFuture, select};
use futures::{FutureExt, SinkExt};
use std::pin::pin;

/// How long a runner may take to end a cancelled run and to report what it has used, in milliseconds: many times what it
/// takes.
const CANCEL_MS: u32 = 5_000;

/// A run whose events are being read.
pub struct WatchedRun<L> {
    pub events: EventReader,
    pub lease: L,
    pub draft: RunDraft,
    /// How long the run has waited before it was sent to where its events come from, in milliseconds.
    pub waited_ms: f64,
    /// Gets what happens.
    pub partial_output: PartialOutput,
    /// The client with which the run ends; `None` if no client ends it by leaving.
    pub client: Option<ClientSignal>,
    /// Raised when a call cancels the run. Its client gets the rest of the output and the result.
    pub cancelled: ClientSignal,
    /// Resolves when the run has taken longer than it may.
    pub deadline: LocalBoxFuture<'static, ()>,
    /// Gets the lines of the stream, each with its line feed.
    pub listener: mpsc::Sender<Vec<u8>>,
}

/// A run that has ended.
pub struct EndedRun {
    pub draft: RunDraft,
    pub result: RunResult,
    pub output: StoredOutput,
    /// Files that it has handed back: those with an index below this number may be stored.
    pub artifacts: u32,
}

/// The `complete` event of a run, and who gets it.
pub struct LastEvent {
    /// A sentence about the sandbox, if that failed.
    before: Option<RunEvent>,
    /// The event.
    line: Bytes,
    listener: mpsc::Sender<Vec<u8>>,
}

impl LastEvent {
    /// Passes the event on.
    pub async fn pass_on(mut self) {
        // The sentence leaves with the report, because a client that does not read must not hold up the end of the run.
        let before = self.before.map(|event| with_line_feed(&encode(&event))).unwrap_or_default();
        // A client that has left needs no last event.
        let _ = self.listener.send([before, with_line_feed(&self.line)].concat()).await;
    }
}

/// What happened first.
enum First<T> {
    Done(T),
    /// The client has left, or the run was cancelled.
    Ended(Ended),
    /// The deadline has passed.
    Late,
}

/// Why a run is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    ByLeaving,
    ByCall,
}

/// How the events of a run ended.
enum End {
    /// With this `complete` event.
    Reported(Bytes),
    /// Without one. The event is what comes before the one that is made instead.
    Interrupted(Option<RunEvent>),
}

struct Watch<L> {
    run: WatchedRun<L>,
    /// Resolves when the client leaves, and when a call cancels the run.
    ended: LocalBoxFuture<'static, Ended>,
    /// When that was.
    ended_at: Option<Timestamp>,
    /// Whether nobody reads the events any more.
    has_left: bool,
    started_at: Timestamp,
    /// Whether the deadline has passed.
    is_late: bool,
    output: OutputStore,
    artifacts: ArtifactWriter,
    /// Whether the program has ended, and its files come.
    hands_back: bool,
    ports: WatchPorts,
}

/// Reads a run to its end, and returns its last event, which has not been passed on. `None` means that it never started.
///
/// When the client leaves, or a call cancels the run, the run is ended, and the watch waits for the report, which says what the run has used. If
/// none comes, the run ends with status `cancelled` and the time that has passed.
pub async fn watch<L: RunLease>(run: WatchedRun<L>, ports: WatchPorts) -> Option<(EndedRun, LastEvent)> {
    let left = match &run.client {
        None => future::pending().boxed_local(),
        Some(client) => until_raised(client),
    };
    let ended = select(left, until_raised(&run.cancelled)).map(|first| match first {
        Either::Left(_) => Ended::ByLeaving,
        Either::Right(_) => Ended::ByCall,
    });
    let output = OutputStore::new(run.draft.id, run.partial_output.clone(), ports.clone());
    let started_at = ports.clock.now();
    let ended = ended.boxed_local();
    let artifacts = ArtifactWriter::new(&run.draft, ports.clone());
    let watch = Watch {
        run,
        ended,
        ended_at: None,
        has_left: false,
        started_at,
        is_late: false,
        output,
        artifacts,
        hands_back: false,
        ports,
    };
    watch.run().await
}

impl<L: RunLease> Watch<L> {
    async fn run(mut self) -> Option<(EndedRun, LastEvent)> {
        let mut has_started = false;
        let (mut report, end) = loop {
            if self.is_late && has_started {
                break self.interrupted().await;
            }
            let line = match before(self.run.events.next_line(), &mut self.ended, &mut self.run.deadline).await {
                First::Ended(why) => {
                    self.cancel(why);
                    continue;
                }
                First::Done(Ok(line)) => line,
                First::Late | First::Done(Err(_)) if !has_started => return None,
                First::Late | First::Done(Err(_)) => break self.interrupted().await,
            };
            match read_line(&line) {
                Some(Line::Heartbeat) => self.pass_on(&line).await,
                Some(Line::Event(RunEvent::Start)) => {
                    has_started = true;
                    self.run.partial_output.reach(Phase::Running);
                    self.pass_on(&line).await;
                }
                Some(Line::Event(_)) | None if !has_started => {
                    // The Worker sees what came instead.
                    self.pass_on(&line).await;
                    return None;
                }
                Some(Line::Event(RunEvent::Stage { stage })) => {
                    self.run.partial_output.enter(stage);
                    self.pass_on(&line).await;
                }
                Some(Line::Event(RunEvent::Stdout { data })) => self.add(Stream::Stdout, &data.0, &line).await,
                Some(Line::Event(RunEvent::Stderr { data })) => self.add(Stream::Stderr, &data.0, &line).await,
                Some(Line::Event(RunEvent::Cell { .. })) => self.pass_on(&line).await,
                Some(Line::Event(RunEvent::ArtifactStart { index, file, is_inline })) => {
                    if !std::mem::replace(&mut self.hands_back, true) {
                        // The program has kept its time, so the bucket gets a time of its own.
                        self.run.deadline = self.ports.clock.sleep(STORE_MS + CANCEL_MS);
                    }
                    self.artifacts.begin(index, *file, is_inline).await;
                }
                Some(Line::Event(RunEvent::Artifact { data, .. })) => {
                    if self.artifacts.is_inline() {
                        self.pass_on(&line).await;
                    }
                    self.artifacts.add(data.0).await;
                }
                Some(Line::Event(RunEvent::Complete { report })) => break (report, End::Reported(line)),
                None => break self.interrupted().await,
            }
        };
        let waited_ms = self.run.waited_ms;
        // A sum of numbers with two decimals has more.
        report.usage.queue_ms = ((report.usage.queue_ms + waited_ms) * 100.0).round() / 100.0;
        let is_observed = matches!(end, End::Reported(_));
        let artifacts = self.artifacts.finish(&mut report.details).await;
        let is_as_it_came = waited_ms == 0.0 && report.details.artifacts.is_none();
        let (line, before) = match end {
            End::Reported(line) if is_as_it_came => (line, None),
            End::Reported(_) => (encode(&RunEvent::Complete { report: report.clone() }), None),
            End::Interrupted(before) => (encode(&RunEvent::Complete { report: report.clone() }), before),
        };
        let (output, truncated) = self.output.finish(report.truncated).await;
        let WatchedRun { events, lease, draft, partial_output, listener, .. } = self.run;
        partial_output.complete(&line);
        if is_observed {
            lease.finished();
            self.ports.background.spawn(Box::pin(events.read_to_end()));
        } else {
            // Both end the program, if it still runs.
            drop((events, lease));
        }
        let result = RunResult::from_report(draft.id, draft.created_at, RunReport { truncated, ..report });
        Some((EndedRun { draft, result, output, artifacts }, LastEvent { before, line, listener }))
    }

    /// Stores output, and passes its event on.
    async fn add(&mut self, stream: Stream, bytes: &[u8], line: &[u8]) {
        self.output.add(stream, bytes).await;
        self.pass_on(line).await;
    }

    /// Passes a line on. A client that does not read holds up the stream, but not the cancellation and not the deadline.
    async fn pass_on(&mut self, line: &[u8]) {
        if self.has_left {
            return;
        }
        let send = self.run.listener.send(with_line_feed(line));
        match before(send, &mut self.ended, &mut self.run.deadline).await {
            First::Done(Ok(())) => {}
            First::Done(Err(_)) => {
                // The response was dropped: the client is not there any more.
                self.has_left |= self.ended_at.is_some();
                if let Some(client) = &self.run.client {
                    client.leave();
                }
            }
            First::Ended(why) => self.cancel(why),
            First::Late => self.is_late = true,
        }
    }

    /// Ends the run. Its report is still to come.
    fn cancel(&mut self, why: Ended) {
        self.ended = future::pending().boxed_local();
        self.has_left = why == Ended::ByLeaving;
        self.ended_at = Some(self.ports.clock.now());
        if self.hands_back {
            // Nothing runs any more. The files are stored, and the report is on its way.
            return;
        }
        self.run.deadline = self.ports.clock.sleep(CANCEL_MS);
        self.ports.background.spawn(self.run.lease.cancel(self.run.draft.id));
    }

    /// The report of a run whose own never came, with the event before it. Dropping the events ends the program.
    async fn interrupted(&mut self) -> (RunReport, End) {
        let (report, before) = match self.ended_at {
            Some(ended_at) => {
                let duration_ms = (ended_at.0 - self.started_at.0).max(0) as f64;
                let (status, signal) = (RunStatus::Cancelled, Some("SIGKILL".to_owned()));
                let (truncated, usage) = (Truncated::default(), RunUsage { duration_ms, ..RunUsage::default() });
                let details = RunDetails::default();
                (RunReport { status, exit_code: 137, signal, truncated, usage, details }, None)
            }
            None => {
                let sentence = self.output.text().sandbox_failed();
                self.output.add(Stream::Stderr, sentence.as_bytes()).await;
                (sandbox_failed(), Some(RunEvent::output(Stream::Stderr, sentence.into_bytes())))
            }
        };
        (report, End::Interrupted(before))
    }
}

/// Waits for `work`, unless the run is to end or the deadline passes before.
async fn before<T>(
    work: impl Future<Output = T>,
    ended: &mut LocalBoxFuture<'static, Ended>,
    deadline: &mut LocalBoxFuture<'static, ()>,
) -> First<T> {
    match select(pin!(work), select(ended, deadline)).await {
        Either::Left((done, _)) => First::Done(done),
        Either::Right((Either::Left((why, _)), _)) => First::Ended(why),
        Either::Right((Either::Right(_), _)) => First::Late,
    }
}

fn with_line_feed(line: &[u8]) -> Vec<u8> {
    [line, b"\n"].concat()
}

fn encode(event: &RunEvent) -> Bytes {
    serde_json::to_vec(event).expect("events hold only strings and numbers").into()
}
