//! Starts a run that goes on without its caller.

use crate::app::context::App;
use crate::app::runs::follow;
use crate::app::runs::progress::{Client, NotStarted, StartedRun};
use crate::app::runs::read;
use crate::app::runs::start::{OBJECT_FIRST_MS, deadline_ms, replayed, store_input};
use crate::domain::run::draft::{Asked, RunDraft};
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{Fingerprint, IdempotencyKey};
use crate::domain::run::request::RunRequest;
use crate::domain::webhook::notice::Receiver;
use crate::ports::spool::Outside;
use crate::ports::{EncodedJob, IdempotentCall, PendingRun, PoolFailureCode, RunAnswer, RunCall, RunMode};
use docle_protocol::Network;

/// A run that does not need its caller.
pub enum DetachedRun {
    /// It has not ended.
    Pending(PendingRun),
    /// The run of an earlier call with the same idempotency key, which has ended.
    Replayed(StartedRun),
}

/// Starts a run for `client`, with the bytes of the files that are attached to its job. Its end is reported to `webhook`. The pool
/// has stored the job when this returns.
///
/// # Errors
/// Nothing is stored, and nothing runs, unless the error is [`NotStarted::Unknown`].
pub async fn detach_run(
    app: &App,
    id: RunId,
    client: Client,
    (mut request, attached): (RunRequest, Vec<Outside>),
    webhook: Option<Receiver>,
    once: Option<(IdempotencyKey, Fingerprint)>,
) -> Result<DetachedRun, NotStarted> {
    let created_at = app.clock.now();
    let deadline_ms = deadline_ms(&request.job) - OBJECT_FIRST_MS;
    let call = once.map(|(key, fingerprint)| IdempotentCall { key, fingerprint });
    // The run outlives the object that reads its events.
    request.job.kept = true;
    let Client { owner, ip, token, base_url } = client;
    let (draft, input) = RunDraft::new(Asked { id, created_at, owner, ip, token, base_url }, &request);
    let draft = RunDraft { webhook, queue_timeout_ms: request.queue_timeout_ms, ..draft };
    let json = serde_json::to_vec(&request.job)
        .map_err(|error| PoolFailureCode::Rejected.with_message(format!("The job could not be encoded: {error}")))?;
    let job = EncodedJob { json, attached };
    let has_network = request.job.network != Network::None;
    drop(request);

    let run = RunCall { mode: RunMode::Detached(call), deadline_ms, has_network };
    let project_id = draft.owner.project_id.clone();
    let pending = match app.run_pools.run(job, run, &draft).await {
        Ok(RunAnswer::Detached(pending)) => pending,
        Ok(RunAnswer::Ended(first)) => {
            let ended = read::ended_run(app, first.run_id, first.created_at).await.map_err(NotStarted::Unreadable)?;
            let progress = ended.ok_or(NotStarted::Erased)?;
            return Ok(DetachedRun::Replayed(replayed(first.run_id, first.created_at, progress)));
        }
        Ok(RunAnswer::Attached(first)) => {
            let progress = follow::to_the_end(app, project_id, first.run_id, first.created_at);
            return Ok(DetachedRun::Replayed(replayed(first.run_id, first.created_at, progress)));
        }
        Ok(RunAnswer::Started(_)) => {
            return Err(PoolFailureCode::Mismatch.with_message("The pool has not detached a run.").into());
        }
        Err(lost) if lost.code == PoolFailureCode::Lost => match app.run_pools.pending(&project_id, id).await {
            Ok(Some(pending)) => pending,
            // It may have ended already, or wait in an object that does not answer.
            _ => return Err(NotStarted::Unknown(id, lost.message)),
        },
        Err(failure) => return Err(failure.into()),
    };
    if let Some(input) = input.filter(|_| pending.id == id) {
        store_input(app, id, input.get().to_owned());
    }
    Ok(DetachedRun::Pending(pending))
}
