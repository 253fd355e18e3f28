//! Starts a program, or finds the run that an earlier call has started.

use crate::app::context::App;
use crate::app::runs::follow;
use crate::app::runs::progress::{Client, NotStarted, Progress, StartedRun};
use crate::app::runs::read;
use crate::app::runs::record::Fallback;
use crate::app::runs::running::Running;
use crate::domain::run::draft::{Asked, RunDraft};
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{Fingerprint, IdempotencyKey};
use crate::domain::run::position::OutputPosition;
use crate::domain::run::request::RunRequest;
use crate::domain::timestamp::Timestamp;
use crate::ports::event_reader::EventReader;
use crate::ports::spool::Outside;
use crate::ports::{EncodedJob, IdempotentCall, Level, PoolFailure, PoolFailureCode, RunAnswer, RunCall, RunMode};
use crate::store;
use docle_protocol::limits::{FETCH_TIMEOUT_MS, GRACE_MS, INSTALL_TIMEOUT_MS, MAX_QUEUE_MS};
use docle_protocol::{Network, RunJob};
use futures::future::{Either, select};
use futures::stream::LocalBoxStream;
use serde_json::json;
use std::rc::Rc;

/// How long the way from the Worker to the runner or the isolate may take beyond the limits there, in milliseconds.
pub const HOPS_MS: u32 = 5_000;
/// The deadline of the object comes this much before that of the Worker, in milliseconds, so that the object can still record
/// the run and report its end.
pub(super) const OBJECT_FIRST_MS: u32 = 2_000;
/// How long the object may take to store the files that a run hands back, in milliseconds: 20 s, and five to read the report.
const ARTIFACTS_MS: u32 = 25_000;
/// How long a runner may take to confirm that it has cancelled a job, in milliseconds.
const CANCEL_MS: u32 = 5_000;

/// Starts a run for `client`. The pool records it when it ends, also when the client has left by then.
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
) -> Result<StartedRun, NotStarted> {
    start_with_files(app, id, client, (request, Vec::new()), once).await
}

/// The same with the bytes of the files that are attached to the job.
///
/// # Errors
/// As for [`start_run`].
pub async fn start_with_files(
    app: &App,
    id: RunId,
    client: Client,
    (request, attached): (RunRequest, Vec<Outside>),
    once: Option<(IdempotencyKey, Fingerprint)>,
) -> Result<StartedRun, NotStarted> {
    let created_at = app.clock.now();
    let deadline_ms = deadline_ms(&request.job);
    let is_idempotent = once.is_some();
    let mode = match once {
        Some((key, fingerprint)) => RunMode::Idempotent(IdempotentCall { key, fingerprint }),
        None if request.job.interactive => RunMode::Interactive,
        None => RunMode::Plain,
    };
    let Client { owner, ip, token, base_url } = client;
    let (draft, input) = RunDraft::new(Asked { id, created_at, owner, ip, token, base_url }, &request);
    let json = serde_json::to_vec(&request.job)
        .map_err(|error| PoolFailureCode::Rejected.with_message(format!("The job could not be encoded: {error}")))?;
    let job = EncodedJob { json, attached };
    let has_network = request.job.network != Network::None;
    drop(request);

    let project_id = draft.owner.project_id.clone();
    let run = RunCall { mode, deadline_ms: deadline_ms - OBJECT_FIRST_MS, has_network };
    let running = match begin(app, &draft, job, run).await {
        Ok(Begun::Running(running)) => *running,
        Ok(Begun::Ended(id, created_at)) => {
            let ended = read::ended_run(app, id, created_at).await.map_err(NotStarted::Unreadable)?;
            let progress = ended.ok_or(NotStarted::Erased)?;
            return Ok(replayed(id, created_at, progress));
        }
        Ok(Begun::Attached(id, created_at)) => {
            return Ok(replayed(id, created_at, follow::to_the_end(app, project_id, id, created_at)));
        }
        Err(lost) if lost.code == PoolFailureCode::Lost && !is_idempotent => {
            if is_cancelled(app, &draft).await {
                return Err(PoolFailure { code: PoolFailureCode::Unavailable, ..lost }.into());
            }
            app.log.write(Level::Error, json!({ "message": "A run was lost.", "run.id": id, "error": lost.message }));
            Running::broken(id, created_at)
        }
        Err(failure) => return Err(failure.into()),
    };
    if let Some(input) = input {
        store_input(app, id, input.get().to_owned());
    }
    let progress = running.progress(Fallback::of(app, draft));
    Ok(StartedRun { replayed: false, ..replayed(id, created_at, progress) })
}

/// The run of an earlier call, from its beginning.
pub(super) fn replayed(id: RunId, created_at: Timestamp, progress: LocalBoxStream<'static, Progress>) -> StartedRun {
    StartedRun { id, created_at, replayed: true, is_bounded: false, from: OutputPosition::default(), progress }
}

/// A run after its call.
enum Begun {
    Running(Box<Running>),
    /// The run of an earlier call, which goes on.
    Attached(RunId, Timestamp),
    /// The run of an earlier call.
    Ended(RunId, Timestamp),
}

/// Sends a job and waits for its start.
///
/// # Errors
/// As for [`start_run`]; with [`PoolFailureCode::Lost`] the job may have run.
async fn begin(app: &App, draft: &RunDraft, job: EncodedJob, run: RunCall) -> Result<Begun, PoolFailure> {
    let deadline = app.clock.sleep(run.deadline_ms + OBJECT_FIRST_MS);
    let call = app.run_pools.run(job, run, draft);
    let (answer, deadline) = match select(call, deadline).await {
        Either::Left((answer, deadline)) => (answer?, deadline),
        Either::Right(_) => return Err(PoolFailureCode::Lost.with_message("The sandbox did not answer in time.")),
    };
    let chunks = match answer {
        RunAnswer::Started(chunks) => chunks,
        RunAnswer::Attached(first) => return Ok(Begun::Attached(first.run_id, first.created_at)),
        RunAnswer::Detached(_) => {
            return Err(PoolFailureCode::Mismatch.with_message("The pool has detached a run that a client waits for."));
        }
        RunAnswer::Ended(first) => return Ok(Begun::Ended(first.run_id, first.created_at)),
    };
    let mut running = Running::new(draft.id, draft.created_at, EventReader::new(chunks, deadline));
    running.wait_for_start().await?;
    Ok(Begun::Running(Box::new(running)))
}

/// Stores a large input while the run goes on.
pub(super) fn store_input(app: &App, id: RunId, input: String) {
    let (runs, log) = (Rc::clone(&app.runs), Rc::clone(&app.log));
    app.background.spawn(Box::pin(async move {
        if let Err(error) = store::runs::put_input(&*runs, id, input.as_bytes()).await {
            let message = "The input of a run could not be stored.";
            log.write(Level::Error, json!({ "message": message, "run.id": id, "error": error.0 }));
        }
    }));
}

/// Cancels a job. `true` means that it never runs; `false` means that it may have started.
async fn is_cancelled(app: &App, draft: &RunDraft) -> bool {
    let cancel = app.run_pools.cancel(&draft.owner.project_id, draft.id);
    match select(cancel, app.clock.sleep(CANCEL_MS)).await {
        Either::Left((cancelled, _)) => cancelled,
        Either::Right(_) => false,
    }
}

/// The Worker's deadline, the last of three. The deadline of the runner ends the program. Those of the object and of
/// the Worker only guarantee a response if the runner sends none.
pub fn deadline_ms(job: &RunJob) -> u32 {
    // A fetch has a slot and an end of its own, and what it brings may list packages.
    let fetch = if job.repo.is_some() { MAX_QUEUE_MS + FETCH_TIMEOUT_MS + GRACE_MS } else { 0 };
    let install = if job.packages.is_empty() && job.repo.is_none() { 0 } else { INSTALL_TIMEOUT_MS };
    // A compilation has a slot and an end of its own.
    let compile = job.compile.as_ref().map_or(0, |compile| MAX_QUEUE_MS + compile.timeout_ms + GRACE_MS);
    let artifacts = if job.artifacts.is_some() { ARTIFACTS_MS } else { 0 };
    artifacts + fetch + install + compile + MAX_QUEUE_MS + job.limits.timeout_ms + GRACE_MS + HOPS_MS
}
