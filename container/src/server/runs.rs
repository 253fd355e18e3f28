//! `POST /v1/runs`: one job, answered by a stream of events; jobs that are cancelled, and those that are read again.

use super::answers::{HEARTBEAT, event_stream};
use super::check::check_job;
use super::kept::{KeptRuns, Ran};
use super::run_ids::{Cancelled, RunningJob};
use super::{Service, refuse};
use crate::events::{EventReceiver, EventSender, channel, line};
use crate::files::read_job;
use crate::report::hundredths;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use docle_protocol::headers::QUEUED;
use docle_protocol::limits::MAX_QUEUE_MS;
use docle_protocol::{RefusalCode, RunEvent, RunJob, RunStatus, Stream as Output};
use futures_util::stream;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Taking a place that is free needs a moment, however long a job has waited before.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// Runs one job. Closing the connection ends it.
pub async fn create_run(
    State(service): State<Service>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return refuse(RefusalCode::TooLarge, "the job is too large");
        }
        Err(rejection) => return refuse(RefusalCode::InvalidJob, rejection.body_text()),
    };
    let job = match read_job(&body) {
        Ok(job) => job,
        Err(error) => return refuse(RefusalCode::InvalidJob, error),
    };
    drop(body);
    if let Err(message) = check_job(&job) {
        return refuse(RefusalCode::InvalidJob, message);
    }
    if !service.runner.interpreters.has(job.language) {
        return refuse(RefusalCode::NoLanguage, format!("{} is not installed here", job.language.title));
    }
    if job.tty.is_some() && !service.has_terminals {
        return refuse(RefusalCode::NoTerminal, "this machine has no terminals for programs");
    }
    let queued = queued(&headers);
    let cancel = service.stopping.child_token();
    let Some(running) = service.taken.take(&job.id, &cancel) else {
        return refuse(RefusalCode::Duplicate, "this runner has had this job before");
    };
    let (sender, receiver) = channel();
    let kept = job.kept.then(|| (Arc::clone(&service.kept), job.id.clone()));
    let run = start(&service, (job, running), queued, sender, &cancel);
    answer_events(run, receiver, queued, cancel.drop_guard(), kept).await
}

/// Answers with all events of a run that is kept.
pub async fn read_events(State(service): State<Service>, Path(id): Path<String>) -> Response {
    match service.kept.find(&id) {
        Some(run) => event_stream(Body::from_stream(run.events())),
        None => refuse(RefusalCode::NotFound, "this runner keeps no such run"),
    }
}

/// Forgets the events of a run that has ended, because they were read.
pub async fn forget_events(State(service): State<Service>, Path(id): Path<String>) -> StatusCode {
    service.kept.forget(&id);
    StatusCode::NO_CONTENT
}

/// Cancels a job: it never begins, or it ends.
pub async fn cancel_run(State(service): State<Service>, Path(id): Path<String>) -> Response {
    match service.taken.cancel(&id) {
        Cancelled::Unstarted => StatusCode::NO_CONTENT.into_response(),
        Cancelled::Running => StatusCode::ACCEPTED.into_response(),
        Cancelled::Over => refuse(RefusalCode::Duplicate, "this runner has had this job"),
    }
}

/// How long the job has waited before it came here.
fn queued(headers: &HeaderMap) -> Duration {
    let milliseconds = headers.get(QUEUED).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_millis(milliseconds.unwrap_or(0).min(MAX_QUEUE_MS.into()))
}

/// Starts the run as a task of its own, so that it also cleans up when nobody waits for it any more.
fn start(
    service: &Service,
    (job, running): (RunJob, RunningJob),
    queued: Duration,
    events: EventSender,
    cancel: &CancellationToken,
) -> Ran {
    let (service, cancel) = (service.clone(), cancel.clone());
    let (open, more_stdin) = job.interactive.then(|| service.inputs.open(&job.id)).unzip();
    tokio::spawn(async move {
        let _open = open;
        let memory_mb = job.limits.memory_mb;
        let memory_failures = service.fitness.memory_failures();
        let mut report = match service.runner.run(job, more_stdin, &events, &cancel).await {
            Ok(report) => service.fitness.judge(report, memory_mb, memory_failures, &events),
            Err(full) => {
                // A job that was cancelled while it waited must not begin later.
                if !cancel.is_cancelled() {
                    running.give_back();
                }
                return Err(full);
            }
        };
        drop(running);
        if report.status == RunStatus::Cancelled && service.stopping.is_cancelled() {
            report.status = RunStatus::System;
            events.output(Output::Stderr, b"The sandbox was stopped. The run may be repeated.\n");
        }
        report.usage.queue_ms = hundredths(report.usage.queue_ms + queued.as_millis() as f64);
        Ok(report)
    })
}

fn busy() -> Response {
    refuse(RefusalCode::Busy, "every place is taken")
}

/// Where a stream of events stands.
struct Stream {
    run: Option<Ran>,
    events: EventReceiver,
    _guard: DropGuard,
}

/// Waits for the first event, so that a run without a place is still refused with a status of its own.
async fn answer_events(
    run: Ran,
    mut events: EventReceiver,
    queued: Duration,
    guard: DropGuard,
    kept: Option<(Arc<KeptRuns>, String)>,
) -> Response {
    // What it has waited elsewhere it cannot wait here.
    let patience = Duration::from_millis(MAX_QUEUE_MS.into()).saturating_sub(queued);
    let first = match timeout(patience.max(LEAST_PATIENCE), events.next()).await {
        Ok(Some(first)) => first,
        // The run has ended before it began.
        Ok(None) => {
            return match run.await {
                Ok(_) => busy(),
                Err(error) => refuse(RefusalCode::Internal, error.to_string()),
            };
        }
        // Dropping the guard ends the run's waiting.
        Err(_) if events.refuse() => return busy(),
        // It has begun in this moment.
        Err(_) => match events.next().await {
            Some(first) => first,
            None => return busy(),
        },
    };
    if let Some((runs, id)) = kept {
        // It has begun, and goes on without this connection.
        guard.disarm();
        return event_stream(Body::from_stream(runs.keep(id, &first, run, events).events()));
    }
    let first = stream::iter([Ok::<_, Infallible>(line(&first))]);
    let rest = stream::unfold(Stream { run: Some(run), events, _guard: guard }, |mut stream| async move {
        let next = next_line(&mut stream).await?;
        Some((Ok(next), stream))
    });
    event_stream(Body::from_stream(stream::StreamExt::chain(first, rest)))
}

/// The next line, an empty one after a while of silence, and nothing once the report was said.
async fn next_line(stream: &mut Stream) -> Option<Bytes> {
    stream.run.as_ref()?;
    match timeout(HEARTBEAT, stream.events.next()).await {
        Err(_) => Some(Bytes::from_static(b"\n")),
        Ok(Some(event)) => Some(line(&event)),
        // All senders are gone, so the run is over.
        Ok(None) => {
            let report = stream.run.take()?.await.ok()?.ok()?;
            Some(line(&RunEvent::Complete { report }))
        }
    }
}
