//! A run's progress as server-sent events.

use crate::app::runs::start::{Progress, StartedRun};
use crate::domain::run::result::with_fields_before;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};

/// An event that clients ignore.
pub const COMMENT: &[u8] = b":\n\n";
/// The member that makes a result an event.
pub const COMPLETE: &str = r#""type":"complete","#;

/// The events of a run: `start`, output as it comes, `complete` with the whole result.
pub fn events(run: StartedRun) -> LocalBoxStream<'static, Bytes> {
    let start = event("start", &start(&run));
    stream::once(async { start }).chain(run.progress.map(encode)).boxed_local()
}

/// The `start` event as JSON.
pub fn start(run: &StartedRun) -> Bytes {
    format!(r#"{{"type":"start","id":"{}","createdAt":"{}"}}"#, run.id, run.created_at).into()
}

fn encode(progress: Progress) -> Bytes {
    match progress {
        Progress::Stdout(line) => event("stdout", &line),
        Progress::Stderr(line) => event("stderr", &line),
        Progress::Heartbeat => Bytes::from_static(COMMENT),
        Progress::Complete(result) => event("complete", &with_fields_before(result.json(), COMPLETE)),
    }
}

/// One event. `data` is one line of JSON: line feeds inside strings are escaped there.
fn event(name: &str, data: &[u8]) -> Bytes {
    [b"event: ", name.as_bytes(), b"\ndata: ", data, b"\n\n"].concat().into()
}
