//! `POST /v1/runs`: one job, answered by a report or by a stream of events.

use super::check::check_job;
use super::{Service, json, refuse};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use docle_protocol::headers::EVENT_STREAM;
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
    let cancel = service.stopping.child_token();
    let streams = headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes() == EVENT_STREAM.as_bytes());
    if streams {
        let (sender, receiver) = unbounded_channel();
        let run = start(&service, job, Some(sender), &cancel);
        answer_events(run, receiver, cancel.drop_guard()).await
    } else {
        let guard = cancel.clone().drop_guard();
        let run = start(&service, job, None, &cancel);
        let answer = answer_report(run).await;
        guard.disarm();
        answer
    }
}

/// Starts the run as a task of its own, so that it also cleans up when nobody waits for it any more.
fn start(service: &Service, job: RunJob, events: Option<UnboundedSender<RunEvent>>, cancel: &CancellationToken) -> Ran {
    let (runner, cancel) = (service.runner.clone(), cancel.clone());
    tokio::spawn(async move { runner.run(job, events, &cancel).await })
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
async fn answer_events(run: Ran, mut events: UnboundedReceiver<RunEvent>, guard: DropGuard) -> Response {
    let Some(first) = events.recv().await else {
        return answer_report(run).await;
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
