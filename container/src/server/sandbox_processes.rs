//! Processes in the background of persistent sandboxes.

use super::answers::{Answer, Denied, HEARTBEAT, Posted, broken, event_stream, find, invalid, json, read_body};
use super::sandbox_checks::{check_command, check_id_of_command};
use crate::events::line;
use crate::sandbox::{Process, Read, Refusal, Sandbox, Sandboxes, Wait};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use docle_protocol::sandbox::process::{
    ProcessEvent, ProcessRequest, ProcessWatch, process_events_path, processes_path,
};
use docle_protocol::{Piece, Stream};
use futures_util::stream;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The highest number of a signal.
const MAX_SIGNAL: i32 = 64;

/// Everything about processes below the path of a sandbox.
pub fn routes() -> Router<Arc<Sandboxes>> {
    Router::new().route(&processes_path("{id}"), post(request)).route(&process_events_path("{id}"), post(watch))
}

async fn request(State(sandboxes): State<Arc<Sandboxes>>, Path(id): Path<String>, body: Posted) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    let request: ProcessRequest = read_body(body)?;
    check(&request).map_err(invalid)?;
    let response = sandbox.process_request(request).await.map_err(|refusal| denied(&sandbox, refusal))?;
    Ok(json(StatusCode::OK, &response))
}

async fn watch(State(sandboxes): State<Arc<Sandboxes>>, Path(id): Path<String>, body: Posted) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    match read_body(body)? {
        ProcessWatch::Logs { process, after, follow } => {
            let process = sandbox.processes.find(&process).map_err(|refusal| denied(&sandbox, refusal))?;
            let until = (!follow).then(|| process.log.size().0);
            Ok(event_stream(Body::from_stream(logs(Some(Reader { process, at: after, until })))))
        }
        ProcessWatch::Wait { process, condition, timeout_ms } => {
            let process = sandbox.processes.find(&process).map_err(|refusal| denied(&sandbox, refusal))?;
            let wait = Wait::new(condition).map_err(|refusal| denied(&sandbox, refusal))?;
            let waited = async move {
                let result = wait.until(&sandbox, &process, Duration::from_millis(timeout_ms.into())).await;
                line(&ProcessEvent::Waited { result, process: process.state() })
            };
            Ok(event_stream(Body::from_stream(with_heartbeats(Box::pin(waited)))))
        }
    }
}

/// A reader of a log.
struct Reader {
    process: Arc<Process>,
    at: u64,
    /// Where reading ends; `None` follows the process to its end.
    until: Option<u64>,
}

/// The log of a process as lines, with heartbeats.
fn logs(reader: Option<Reader>) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(reader, |reader| async move {
        let mut reader = reader?;
        loop {
            if reader.until.is_some_and(|until| reader.at >= until) {
                let end = ProcessEvent::End { position: reader.at, process: reader.process.state() };
                return Some((Ok(line(&end)), None));
            }
            // Before the look, so that no change stays unseen.
            let mut changes = reader.process.log.changes();
            let event = match reader.process.log.read(reader.at) {
                Read::Output { position, stream, at_ms, bytes } => {
                    let data = Piece(bytes);
                    reader.at = position;
                    match stream {
                        Stream::Stdout => ProcessEvent::Stdout { position, at_ms, data },
                        Stream::Stderr => ProcessEvent::Stderr { position, at_ms, data },
                    }
                }
                Read::Dropped { position, bytes } => {
                    reader.at = position;
                    ProcessEvent::Dropped { position, bytes }
                }
                Read::Nothing if reader.until.is_none() => {
                    if timeout(HEARTBEAT, changes.changed()).await.is_err() {
                        return Some((Ok(Bytes::from_static(b"\n")), Some(reader)));
                    }
                    continue;
                }
                Read::Nothing => {
                    let end = ProcessEvent::End { position: reader.at, process: reader.process.state() };
                    return Some((Ok(line(&end)), None));
                }
                Read::End { position } => {
                    let end = ProcessEvent::End { position, process: reader.process.state() };
                    return Some((Ok(line(&end)), None));
                }
            };
            return Some((Ok(line(&event)), Some(reader)));
        }
    })
}

/// One line when it is there, and heartbeats until then.
fn with_heartbeats(
    last: impl Future<Output = Bytes> + Unpin,
) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(Some(last), |last| async move {
        let mut last = last?;
        match timeout(HEARTBEAT, &mut last).await {
            Ok(line) => Some((Ok(line), None)),
            Err(_) => Some((Ok(Bytes::from_static(b"\n")), Some(last))),
        }
    })
}

fn denied(sandbox: &Sandbox, refusal: Refusal) -> Denied {
    match refusal {
        Refusal::Process(error) => Denied::Process(error),
        Refusal::File(error) => Denied::File(error),
        Refusal::Broken(error) => broken(sandbox, &error),
    }
}

fn check(request: &ProcessRequest) -> Result<(), String> {
    match request {
        ProcessRequest::Start { job } => {
            check_id_of_command(&job.id)?;
            if job.timeout_ms == Some(0) {
                return Err("timeoutMs: at least 1 expected".into());
            }
            check_command(&job.command, &job.cwd, &job.env)
        }
        ProcessRequest::Signal { signal, .. } if !(1..=MAX_SIGNAL).contains(signal) => {
            Err(format!("signal: 1 to {MAX_SIGNAL} expected"))
        }
        _ => Ok(()),
    }
}
