//! A run's progress as server-sent events.

use crate::app::run::{Progress, StartedRun};
use crate::domain::result::with_fields_before;
use crate::ports::Clock;
use bytes::Bytes;
use futures::StreamExt;
use futures::future::{Either, LocalBoxFuture, select};
use futures::stream::{self, LocalBoxStream};
use std::rc::Rc;

/// A server notices that a client left when it writes to it. A comment in every silence of this length is what ends
/// the run of a silent program within a second of its client's leaving.
const SILENCE_MS: u32 = 750;
const COMMENT: &[u8] = b":\n\n";

/// The events of a run: `start`, output as it comes, `complete` with the whole result.
pub fn events(run: StartedRun, clock: Rc<dyn Clock>) -> LocalBoxStream<'static, Bytes> {
    let start = format!(r#"{{"type":"start","id":"{}","createdAt":"{}"}}"#, run.id, run.created_at);
    let start = event("start", start.as_bytes());
    let silence = clock.sleep(SILENCE_MS);
    let following = stream::unfold((run.progress, clock, silence), |(mut progress, clock, silence)| async move {
        let (bytes, silence) = next(&mut progress, &*clock, silence).await?;
        Some((bytes, (progress, clock, silence)))
    });
    stream::once(async { start }).chain(following).boxed_local()
}

async fn next(
    progress: &mut LocalBoxStream<'static, Progress>,
    clock: &dyn Clock,
    silence: LocalBoxFuture<'static, ()>,
) -> Option<(Bytes, LocalBoxFuture<'static, ()>)> {
    match select(progress.next(), silence).await {
        Either::Left((progress, silence)) => Some((encode(progress?), silence)),
        Either::Right(_) => Some((Bytes::from_static(COMMENT), clock.sleep(SILENCE_MS))),
    }
}

fn encode(progress: Progress) -> Bytes {
    match progress {
        Progress::Stdout(line) => event("stdout", &line),
        Progress::Stderr(line) => event("stderr", &line),
        Progress::Heartbeat => Bytes::from_static(COMMENT),
        Progress::Complete(result) => event("complete", &with_fields_before(result.json(), r#""type":"complete","#)),
    }
}

/// One event. `data` is one line of JSON: line feeds inside strings are escaped there.
fn event(name: &str, data: &[u8]) -> Bytes {
    [b"event: ", name.as_bytes(), b"\ndata: ", data, b"\n\n"].concat().into()
}
