//! `POST /v1/runs`: one job, answered by a report or by a stream of events; and jobs that are withdrawn.

use super::check::check_job;
use super::{Service, json, refuse};
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use docle_protocol::headers::{EVENT_STREAM, QUEUED};
use docle_protocol::limits::MAX_QUEUE_MS;
use docle_protocol::{RefusalCode, RunEvent, RunJob, RunReport};
use futures_util::stream;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A silent stream says that it lives this often.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Taking a place that is free needs a moment, however long a job has waited before.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

type Ran = JoinHandle<Result<RunReport, crate::place::Full>>;

/// Runs one job. Whoever closes the connection ends it.
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
    let job: RunJob = match serde_json::from_slice(&body) {
        Ok(job) => job,
        Err(error) => return refuse(RefusalCode::InvalidJob, error.to_string()),
    };
    drop(body);
    if let Err(message) = check_job(&job) {
        return refuse(RefusalCode::InvalidJob, message);
    }
    if !service.taken.take(&job.id) {
        return refuse(RefusalCode::Duplicate, "this runner has had this job before");
    }
    let queued = queued(&headers);
    let cancel = service.stopping.child_token();
    let streams = headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes() == EVENT_STREAM.as_bytes());
    if streams {
        let (sender, receiver) = unbounded_channel();
        let run = start(&service, job, queued, Some(sender), &cancel);
        answer_events(run, receiver, queued, cancel.drop_guard()).await
    } else {
        let guard = cancel.clone().drop_guard();
        let run = start(&service, job, queued, None, &cancel);
        let answer = answer_report(run).await;
        guard.disarm();
        answer
    }
}

/// Sees to it that a job which has not come is never executed.
pub async fn withdraw_run(State(service): State<Service>, Path(id): Path<String>) -> Response {
    if service.taken.take(&id) {
        return StatusCode::NO_CONTENT.into_response();
    }
    refuse(RefusalCode::Duplicate, "this runner has had this job")
}

/// How long the job has waited before it came here.
fn queued(headers: &HeaderMap) -> Duration {
    let milliseconds = headers.get(QUEUED).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_millis(milliseconds.unwrap_or(0).min(MAX_QUEUE_MS.into()))
}

/// Starts the run as a task of its own, so that it also cleans up when nobody waits for it any more.
fn start(
    service: &Service,
    job: RunJob,
    queued: Duration,
    events: Option<UnboundedSender<RunEvent>>,
    cancel: &CancellationToken,
) -> Ran {
    let (service, cancel) = (service.clone(), cancel.clone());
    let (open, more_stdin) = job.interactive.then(|| service.inputs.open(&job.id)).unzip();
    tokio::spawn(async move {
        let _open = open;
        let (id, memory_mb) = (job.id.clone(), job.limits.memory_mb);
        let memory_failures = service.fitness.memory_failures();
        let mut report = match service.runner.run(job, more_stdin, events, &cancel).await {
            Ok(report) => service.fitness.judge(report, memory_mb, memory_failures),
            Err(full) => {
                service.taken.give_back(&id);
                return Err(full);
            }
        };
        report.usage.queue_ms += queued.as_millis() as f64;
        Ok(report)
    })
}

async fn answer_report(run: Ran) -> Response {
    match run.await {
        Ok(Ok(report)) => json(StatusCode::OK, &report),
        Ok(Err(crate::place::Full)) => busy(),
        Err(error) => refuse(RefusalCode::Internal, error.to_string()),
    }
}

fn busy() -> Response {
    refuse(RefusalCode::Busy, "every place is taken")
}

/// Where a stream of events stands.
struct Stream {
    run: Option<Ran>,
    events: UnboundedReceiver<RunEvent>,
    _guard: DropGuard,
}

/// Waits for the first event, so that a run without a place is still refused with a status of its own.
async fn answer_events(
    run: Ran,
    mut events: UnboundedReceiver<RunEvent>,
    queued: Duration,
    guard: DropGuard,
) -> Response {
    // What it has waited elsewhere it cannot wait here.
    let patience = Duration::from_millis(MAX_QUEUE_MS.into()).saturating_sub(queued);
    let first = match timeout(patience.max(LEAST_PATIENCE), events.recv()).await {
        Ok(Some(first)) => first,
        Ok(None) => return answer_report(run).await,
        // Dropping the guard ends the run's waiting.
        Err(_) => return busy(),
    };
    let first = stream::iter([Ok::<_, Infallible>(line(&first))]);
    let rest = stream::unfold(Stream { run: Some(run), events, _guard: guard }, |mut stream| async move {
        let next = next_line(&mut stream).await?;
        Some((Ok(next), stream))
    });
    let body = Body::from_stream(stream::StreamExt::chain(first, rest));
    ([(header::CONTENT_TYPE, EVENT_STREAM), (header::CACHE_CONTROL, "no-store")], body).into_response()
}

/// The next line, an empty one after a while of silence, and nothing once the report was said.
async fn next_line(stream: &mut Stream) -> Option<Bytes> {
    stream.run.as_ref()?;
    match timeout(HEARTBEAT, stream.events.recv()).await {
        Err(_) => Some(Bytes::from_static(b"\n")),
        Ok(Some(event)) => Some(line(&event)),
        // All senders are gone, so the run is over.
        Ok(None) => {
            let report = stream.run.take()?.await.ok()?.ok()?;
            Some(line(&RunEvent::Complete { report }))
        }
    }
}

fn line(event: &RunEvent) -> Bytes {
    let mut encoded = serde_json::to_vec(event).expect("events hold only strings and numbers");
    encoded.push(b'\n');
    encoded.into()
}
