//! Runs that one call asks for: each is started when there is room for it, and read to its end.

use crate::app::context::App;
use crate::app::runs::progress::{Client, NotStarted, Progress, StartedRun};
use crate::app::runs::start::start_run;
use crate::domain::account::quota::Period;
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{Fingerprint, IdempotencyKey};
use crate::domain::run::output::Output;
use crate::domain::run::output_start::OutputStart;
use crate::domain::run::request::RunRequest;
use crate::domain::run::result::RunResult;
use crate::ports::{PoolFailure, PoolFailureCode, Socket};
use docle_protocol::{SourceFile, Truncated};
use futures::StreamExt;
use futures::channel::oneshot;
use futures::future::{Either, select};
use std::cell::RefCell;

/// Runs of one call that are in progress at once: a Worker may have six connections open for one request, and two are left for
/// the storage of large inputs. It also leaves slots of the project to its other calls.
pub const AT_ONCE: usize = 4;
/// Bytes of source, input and output of one run up to which several runs of a call are in progress at once. Each is some six
/// times in memory while the run is started: 4 × 6 × 2 MiB are 48 MiB of an isolate's 128.
const MAX_PARALLEL_BYTES: usize = 2 * 1_024 * 1_024;
/// How long a run is offered to a pool without room before it is refused, in milliseconds.
const PATIENCE_MS: i64 = 60_000;
/// How long the socket to the standard input of a program may take to open, in milliseconds.
const INPUT_MS: u32 = 5_000;
/// The pause before it is offered again, in milliseconds.
const PAUSE_MS: u32 = 1_000;

/// The runs of one call.
pub struct Series {
    app: App,
    client: Client,
    /// The idempotency key of the call, and what tells its body from others. Each run then has a key of its own.
    once: Option<(IdempotencyKey, Fingerprint)>,
    /// Names the call for the runner, so that it compiles each program of it once.
    share: String,
    /// Why no further run can be started.
    refused: RefCell<Option<PoolFailure>>,
}

/// A run that has ended, with the beginning of its output.
pub struct EndedRun {
    pub result: RunResult,
    pub output: Output,
    /// Which streams are not whole.
    pub shortened: Truncated,
}

impl Series {
    pub fn new(app: App, client: Client, once: Option<(IdempotencyKey, Fingerprint)>) -> Self {
        let share = hex::encode(app.random::<16>());
        Self { app, client, once, share, refused: RefCell::default() }
    }

    /// Runs a program to its end. A pool without room is asked again for a while. A client that leaves drops this, which ends
    /// the run, unless the call has an idempotency key. `name` is that of the run within its call: a repeated call finds the same
    /// run by it.
    ///
    /// # Errors
    /// Nothing has run, or the key of the call forbids it. After a quota of the day, and after a suspension, no further run is
    /// tried.
    pub async fn run(&self, name: &str, request: RunRequest, mut output: OutputStart) -> Result<EndedRun, NotStarted> {
        let once = self.once.as_ref().map(|(key, fingerprint)| (key.of_run(name), fingerprint.clone()));
        let mut run = self.start(request, once).await?;
        while let Some(progress) = run.progress.next().await {
            match progress {
                Progress::Output(stream, text) => output.push(stream, &text),
                Progress::Heartbeat | Progress::Stage(_) | Progress::Cell(_) => {}
                Progress::Complete(result) => {
                    let (output, shortened) = output.into_parts();
                    return Ok(EndedRun { result, output, shortened });
                }
            }
        }
        Err(PoolFailureCode::ClientLeft.with_message("The client left.").into())
    }

    /// Starts a program whose standard input stays open. Without a socket, the run is over already.
    ///
    /// # Errors
    /// Nothing has run, or the run was ended because its input did not open.
    pub async fn open(&self, mut request: RunRequest) -> Result<(StartedRun, Option<Box<dyn Socket>>), NotStarted> {
        request.job.interactive = true;
        let run = self.start(request, None).await?;
        let input = self.app.run_pools.input(&self.client.owner.project_id, run.id);
        match select(input, self.app.clock.sleep(INPUT_MS)).await {
            Either::Left((input, _)) => Ok((run, input?)),
            Either::Right(_) => {
                Err(PoolFailureCode::Unavailable.with_message("The input of a run did not open in time.").into())
            }
        }
    }

    /// Starts a program as soon as there is room for it.
    async fn start(
        &self,
        mut request: RunRequest,
        once: Option<(IdempotencyKey, Fingerprint)>,
    ) -> Result<StartedRun, NotStarted> {
        request.job.share = request.job.compile.is_some().then(|| self.share.clone());
        let until = self.app.clock.now().0 + PATIENCE_MS;
        loop {
            if let Some(failure) = &*self.refused.borrow() {
                return Err(failure.clone().into());
            }
            let id = self.app.new_run_id(self.client.owner.log_id);
            request.job.id = id.to_string();
            let started = match &once {
                None => start_run(&self.app, id, self.client.clone(), request.clone(), None).await,
                Some(once) => self.start_once(id, request.clone(), once.clone()).await,
            };
            match started {
                Ok(run) => return Ok(run),
                Err(NotStarted::Pool(failure)) if is_final(&failure) => {
                    *self.refused.borrow_mut() = Some(failure.clone());
                    return Err(failure.into());
                }
                // A run with a key that was lost is found again, or started now.
                Err(NotStarted::Pool(failure))
                    if self.app.clock.now().0 < until
                        && (has_no_room(&failure) || failure.code == PoolFailureCode::Lost && once.is_some()) =>
                {
                    self.app.clock.sleep(PAUSE_MS).await;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Starts a run with a key, also if the client leaves meanwhile. The runtime breaks off the calls of a request whose client has
    /// left, and with a call that was not answered yet it would break off the run.
    async fn start_once(
        &self,
        id: RunId,
        request: RunRequest,
        once: (IdempotencyKey, Fingerprint),
    ) -> Result<StartedRun, NotStarted> {
        let (sender, started) = oneshot::channel();
        let (app, client) = (self.app.clone(), self.client.clone());
        self.app.background.spawn(Box::pin(async move {
            // If nobody takes the run, it goes on in its pool.
            let _ = sender.send(start_run(&app, id, client, request, Some(once)).await);
        }));
        let lost = || PoolFailureCode::Lost.with_message("The start of a run was dropped.").into();
        started.await.unwrap_or_else(|_| Err(lost()))
    }
}

/// How many runs of these sizes may be in progress at once; a size is that of the source, the input and the output, in bytes.
pub fn at_once(largest_bytes: usize) -> usize {
    if largest_bytes <= MAX_PARALLEL_BYTES { AT_ONCE } else { 1 }
}

/// Bytes of files.
pub fn size_of(files: &[SourceFile]) -> usize {
    files.iter().map(|file| file.path.len() + file.content.len()).sum()
}

/// Whether no further run of the call can be started.
fn is_final(failure: &PoolFailure) -> bool {
    let of_a_day = |quota: Period| quota == Period::Day;
    failure.code == PoolFailureCode::Suspended
        || failure.quota.is_some_and(|exceeded| of_a_day(exceeded.quota.period()))
}

/// Whether the run can be started when others have ended.
fn has_no_room(failure: &PoolFailure) -> bool {
    matches!(failure.code, PoolFailureCode::Busy | PoolFailureCode::QueueFull | PoolFailureCode::QuotaExceeded)
}
