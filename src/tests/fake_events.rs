//! Events of commands, as a runner sends them.

use docle_protocol::sandbox::{ExecEnd, ExecEvent, ExecReport};

/// A line of an event.
pub fn line(event: &ExecEvent) -> Vec<u8> {
    let mut line = serde_json::to_vec(event).unwrap();
    line.push(b'\n');
    line
}

/// The end of a command.
pub fn complete(end: ExecEnd, exit_code: i32) -> ExecEvent {
    ExecEvent::Complete {
        report: ExecReport {
            end,
            exit_code,
            signal: None,
            duration_ms: 5.0,
            cpu_ms: 1.0,
            mem_mb: 2.0,
            stdout_truncated: false,
            stderr_truncated: false,
            session: None,
        },
    }
}
