//! The events of a process, decoded one by one, and processes as responses have them.

use crate::domain::run::events::LineBuffer;
use crate::domain::sandbox::command::written;
use crate::domain::sandbox::process::status;
use crate::domain::timestamp::Timestamp;
use crate::ports::sandboxes::{ByteStream, SandboxRefusal};
use docle_api::sandbox_commands::ExecUsage;
use docle_api::sandbox_processes::Process;
use docle_protocol::sandbox::ExecEnd;
use docle_protocol::sandbox::process::{ProcessEvent, ProcessState};
use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};

struct Decoder {
    events: ByteStream,
    lines: LineBuffer,
    is_over: bool,
}

/// The events of a process; an error if they end without the last one.
pub fn decode(events: ByteStream) -> LocalBoxStream<'static, Result<ProcessEvent, SandboxRefusal>> {
    let decoder = Decoder { events, lines: LineBuffer::default(), is_over: false };
    let decoded = stream::unfold(decoder, async |mut decoder| {
        let event = decoder.next().await?;
        Some((event, decoder))
    });
    decoded.boxed_local()
}

impl Decoder {
    async fn next(&mut self) -> Option<Result<ProcessEvent, SandboxRefusal>> {
        if self.is_over {
            return None;
        }
        let event = self.read().await.map_err(SandboxRefusal::Interrupted);
        self.is_over = !matches!(
            event,
            Ok(ProcessEvent::Stdout { .. } | ProcessEvent::Stderr { .. } | ProcessEvent::Dropped { .. })
        );
        Some(event)
    }

    async fn read(&mut self) -> Result<ProcessEvent, String> {
        loop {
            match self.lines.next_line() {
                Ok(Some(line)) if line.iter().all(u8::is_ascii_whitespace) => {}
                Ok(Some(line)) => {
                    return serde_json::from_slice(&line).map_err(|error| format!("An event is unreadable: {error}"));
                }
                Ok(None) => match self.events.next().await {
                    Some(Ok(chunk)) => self.lines.push(&chunk),
                    Some(Err(error)) => return Err(error.0),
                    None => return Err("The events of a process ended without the last one.".to_owned()),
                },
                Err(_) => return Err("An event is too long.".to_owned()),
            }
        }
    }
}

/// A process as responses have it.
pub fn encode(state: ProcessState) -> Process {
    let ended = state.ended.as_ref();
    Process {
        id: state.id.clone(),
        name: state.name.clone(),
        pid: state.pid,
        command: written(&state.command),
        cwd: state.cwd.clone(),
        status: status(ended),
        exit_code: ended.map(|end| end.exit_code),
        signal: ended.and_then(|end| end.signal.clone()),
        timed_out: ended.is_some_and(|end| end.end == ExecEnd::Timeout),
        stdin: state.stdin,
        started_at: time(state.started_ms).into(),
        ended_at: ended.map(|end| time(end.ended_ms).into()),
        log_bytes: state.log_bytes,
        dropped_bytes: state.dropped_bytes,
        usage: ended.map(|end| ExecUsage {
            cpu_ms: end.cpu_ms,
            mem_mb: end.mem_mb,
            duration_ms: end.ended_ms.saturating_sub(state.started_ms) as f64,
        }),
    }
}

/// A time of the runner.
pub fn time(milliseconds: u64) -> Timestamp {
    Timestamp(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}
