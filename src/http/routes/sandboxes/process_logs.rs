//! `GET /api/v1/sandboxes/:id/processes/:process/logs`: the output of a process, as JSON or as events.

use crate::app::App;
use crate::domain::timestamp::Timestamp;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::accept::wants_event_stream;
use crate::http::request::call::{Call, invalid};
use crate::http::response::{event_stream, respond};
use crate::http::routes::sandboxes::process_events::{decode, encode, time};
use crate::http::routes::sandboxes::processes::named;
use crate::ports::http_messages::Response;
use crate::ports::sandboxes::{ByteStream, SandboxRefusal};
use ::http::StatusCode;
use ::http::header::HeaderName;
use bytes::Bytes;
use docle_api::sandbox_processes::{ProcessLogEvent, ProcessLogs};
use docle_protocol::sandbox::process::{ProcessEvent, ProcessWatch};
use futures::StreamExt;
use std::rc::Rc;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The end of the id of the last event.
const ENDED: &str = "-end";

/// `GET /api/v1/sandboxes/:id/processes/:process/logs`.
pub async fn read_sandbox_process_logs(app: &App, call: Call) -> Result<Response, ApiError> {
    let (sandbox, process) = named(app, &call).await?;
    let follow = wants_event_stream(call.headers());
    let (after, has_all) = after(&call, follow)?;
    let events = app.sandboxes.watch(&sandbox, &ProcessWatch::Logs { process, after, follow }).await?;
    match (follow, has_all) {
        (true, true) => Ok(respond::empty()),
        (true, false) => {
            let clock = Rc::clone(&app.clock);
            let events = decode(events).map(move |event| as_event(event, clock.now()));
            Ok(event_stream::of(app, events.boxed_local()))
        }
        (false, _) => Ok(respond::json(StatusCode::OK, &whole(events).await?)),
    }
}

/// After which position output is wanted, and whether the client has the last event.
fn after(call: &Call, follow: bool) -> Result<(u64, bool), ApiError> {
    let number = |field: &str, text: &str| {
        text.parse::<u64>().map_err(|_| invalid(field, "must be a position in the output, such as 0"))
    };
    match call.headers().get(LAST_EVENT_ID) {
        Some(value) if follow => {
            let text = value.to_str().unwrap_or_default();
            let position = text.strip_suffix(ENDED);
            Ok((number("Last-Event-ID", position.unwrap_or(text))?, position.is_some()))
        }
        _ => Ok((call.query("after").map_or(Ok(0), |text| number("after", &text))?, false)),
    }
}

async fn whole(events: ByteStream) -> Result<ProcessLogs, ApiError> {
    let mut events = decode(events);
    // Pieces never divide a character, but two of one stream may come one after the other.
    let (mut stdout, mut stderr, mut dropped_bytes) = (Vec::new(), Vec::new(), 0);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    loop {
        match events.next().await {
            Some(Ok(ProcessEvent::Stdout { data, .. })) => stdout.extend(data.0),
            Some(Ok(ProcessEvent::Stderr { data, .. })) => stderr.extend(data.0),
            Some(Ok(ProcessEvent::Dropped { bytes, .. })) => dropped_bytes += bytes,
            Some(Ok(ProcessEvent::End { position, process })) => {
                let (stdout, stderr, process) = (text(stdout), text(stderr), encode(process));
                return Ok(ProcessLogs { stdout, stderr, dropped_bytes, position, process });
            }
            Some(Err(refusal)) => return Err(refusal.into()),
            Some(Ok(ProcessEvent::Waited { .. })) | None => {
                return Err(ApiError::new(ErrorCode::Internal, "The output of a process has no end."));
            }
        }
    }
}

fn as_event(event: Result<ProcessEvent, SandboxRefusal>, now: Timestamp) -> Bytes {
    let text = |data: Vec<u8>| String::from_utf8_lossy(&data).into_owned();
    let (id, name, event) = match event {
        Ok(ProcessEvent::Stdout { position, at_ms, data }) => {
            let timestamp = time(at_ms).into();
            (Some(position.to_string()), "stdout", ProcessLogEvent::Stdout { data: text(data.0), timestamp })
        }
        Ok(ProcessEvent::Stderr { position, at_ms, data }) => {
            let timestamp = time(at_ms).into();
            (Some(position.to_string()), "stderr", ProcessLogEvent::Stderr { data: text(data.0), timestamp })
        }
        Ok(ProcessEvent::Dropped { position, bytes }) => {
            (Some(position.to_string()), "dropped", ProcessLogEvent::Dropped { bytes })
        }
        Ok(ProcessEvent::End { position, process }) => {
            let process = encode(process);
            (Some(format!("{position}{ENDED}")), "exit", ProcessLogEvent::Exit { process })
        }
        Ok(ProcessEvent::Waited { .. }) => {
            let error = ApiError::new(ErrorCode::Internal, "The runner gave another event than those of a log.");
            (None, "error", failure(&error, now))
        }
        Err(refusal) => (None, "error", failure(&interrupted(refusal), now)),
    };
    let json = serde_json::to_string(&event).expect("events are plain data, which always encodes");
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    Bytes::from(format!("{id}event: {name}\ndata: {json}\n\n"))
}

/// A stream that breaks off says nothing about the process.
fn interrupted(refusal: SandboxRefusal) -> ApiError {
    match refusal {
        SandboxRefusal::Interrupted(why) => {
            let message = "The connection to the sandbox was lost. Send the request again, with the id of the last event as \
                           Last-Event-ID: if the process is still there, its output goes on after that.";
            ApiError::new(ErrorCode::SandboxInterrupted, message).with_cause(why)
        }
        other => other.into(),
    }
}

fn failure(error: &ApiError, now: Timestamp) -> ProcessLogEvent {
    let (message, code) = (error.message().to_owned(), error.code().name().to_owned());
    ProcessLogEvent::Error { message, code, timestamp: now.into() }
}
