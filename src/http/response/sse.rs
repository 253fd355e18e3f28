//! A run's progress as server-sent events.

use crate::app::runs::progress::{Progress, StartedRun};
use crate::domain::run::output::BoundedOutput;
use crate::domain::run::result::{RunResult, with_fields_before};
use bytes::Bytes;
use docle_protocol::Stream;
use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};

/// An event that clients ignore.
pub const COMMENT: &[u8] = b":\n\n";
/// The member that makes a result an event.
const COMPLETE: &str = r#""type":"complete","#;
/// The most output that the last event repeats, in bytes of both streams. The Worker holds as much for each stream of events.
pub const MAX_REPEATED_BYTES: usize = 1_024 * 1_024;

/// The events of a run: `start`, output as it comes, `complete` with the result.
pub fn events(run: StartedRun) -> LocalBoxStream<'static, Bytes> {
    let start = event("start", &start(&run));
    let mut output = BoundedOutput::new(MAX_REPEATED_BYTES);
    let rest = run.progress.map(move |progress| match progress {
        Progress::Output(stream, text) => {
            output.push(stream, &text);
            event(stream.name(), &piece(stream, &text))
        }
        Progress::Heartbeat => Bytes::from_static(COMMENT),
        Progress::Complete(result) => {
            let output = std::mem::replace(&mut output, BoundedOutput::new(0));
            event("complete", &complete(&result, output))
        }
    });
    stream::once(async { start }).chain(rest).boxed_local()
}

/// The `start` event as JSON.
pub fn start(run: &StartedRun) -> Bytes {
    format!(r#"{{"type":"start","id":"{}","createdAt":"{}"}}"#, run.id, run.created_at).into()
}

/// A piece of output as JSON.
pub fn piece(stream: Stream, text: &str) -> Bytes {
    let data = serde_json::to_string(text).expect("text always encodes");
    format!(r#"{{"type":"{}","data":{data}}}"#, stream.name()).into()
}

/// The `complete` event as JSON. Output that is too much to repeat is left out.
pub fn complete(result: &RunResult, output: BoundedOutput) -> Bytes {
    let json = match output.whole() {
        Some(output) => result.json(&output),
        None => result.without_output(),
    };
    with_fields_before(&json, COMPLETE)
}

/// One event. `data` is one line of JSON: line feeds inside strings are escaped there.
fn event(name: &str, data: &[u8]) -> Bytes {
    [b"event: ", name.as_bytes(), b"\ndata: ", data, b"\n\n"].concat().into()
}
