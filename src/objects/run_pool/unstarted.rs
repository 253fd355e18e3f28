//! The events of a run whose program was never started, so that it ends, and is recorded, as every run.

use crate::domain::run::result::sandbox_failed;
use crate::ports::event_reader::EventReader;
use docle_protocol::{RunDetails, RunEvent, RunReport, RunStatus, RunUsage, Stream, Truncated};
use futures::{StreamExt, future, stream};

/// The exit code of a cancelled run.
const EXIT_CODE: i32 = 137;

/// The events of a run that was cancelled when it had waited for `queue_ms` milliseconds.
pub fn cancelled(queue_ms: i64) -> EventReader {
    let report = RunReport {
        status: RunStatus::Cancelled,
        exit_code: EXIT_CODE,
        signal: None,
        truncated: Truncated::default(),
        usage: waited(queue_ms),
        details: RunDetails::default(),
    };
    reader(vec![RunEvent::Start, RunEvent::Complete { report }])
}

/// The events of a run that the service ends. `why` is a sentence for its standard error.
pub fn failed(why: &str, queue_ms: i64) -> EventReader {
    let report = RunReport { usage: waited(queue_ms), ..sandbox_failed() };
    let why = RunEvent::output(Stream::Stderr, format!("docle: {why}\n").into_bytes());
    reader(vec![RunEvent::Start, why, RunEvent::Complete { report }])
}

fn waited(queue_ms: i64) -> RunUsage {
    RunUsage { queue_ms: queue_ms.max(0) as f64, ..RunUsage::default() }
}

fn reader(events: Vec<RunEvent>) -> EventReader {
    let lines = events.into_iter().map(|event| {
        let mut line = serde_json::to_vec(&event).expect("events hold only strings and numbers");
        line.push(b'\n');
        Ok(line)
    });
    EventReader::new(stream::iter(lines).boxed_local(), Box::pin(future::pending()))
}
