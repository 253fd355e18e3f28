//! The events of a run that was cancelled before it started, so that it ends, and is recorded, as every run.

use crate::ports::event_reader::EventReader;
use docle_protocol::{RunDetails, RunEvent, RunReport, RunStatus, RunUsage, Truncated};
use futures::{StreamExt, future, stream};

/// The exit code of a cancelled run.
const EXIT_CODE: i32 = 137;

/// The events of a run that was cancelled when it had waited for `queue_ms` milliseconds.
pub fn events(queue_ms: i64) -> EventReader {
    let usage = RunUsage { queue_ms: queue_ms.max(0) as f64, ..RunUsage::default() };
    let report = RunReport {
        status: RunStatus::Cancelled,
        exit_code: EXIT_CODE,
        signal: None,
        truncated: Truncated::default(),
        usage,
        details: RunDetails::default(),
    };
    let lines = [RunEvent::Start, RunEvent::Complete { report }].map(|event| {
        let mut line = serde_json::to_vec(&event).expect("events hold only strings and numbers");
        line.push(b'\n');
        Ok(line)
    });
    EventReader::new(stream::iter(lines).boxed_local(), Box::pin(future::pending()))
}
