//! A run's progress as server-sent events.

use crate::app::runs::follow::skip;
use crate::app::runs::progress::{Progress, StartedRun};
use crate::domain::run::output::BoundedOutput;
use crate::domain::run::position::OutputPosition;
use crate::domain::run::result::{RunResult, with_fields_before};
use bytes::Bytes;
use docle_protocol::report::Artifact;
use docle_protocol::{Stage, Stream};
use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};

/// An event that clients ignore.
pub const COMMENT: &[u8] = b":\n\n";
/// The member that makes a result an event.
const COMPLETE: &str = r#""type":"complete","#;
/// The end of the id of the last event.
const ENDED: &str = "-end";
/// The most output that the last event repeats, in bytes of both streams. The Worker holds as much for each stream of events.
pub const MAX_REPEATED_BYTES: usize = 1_024 * 1_024;

/// The events of a run: `start`, `fetch`, `install` and `compile` where these take time, output as it comes, `artifact` for each stored file,
/// `complete` with the result. Files come after all output, so their events have the id of its end. A client that has everything up to `known` gets
/// what comes after it.
pub fn events(run: StartedRun, known: Option<OutputPosition>) -> LocalBoxStream<'static, Bytes> {
    let start = known.is_none().then(|| event(&OutputPosition::default().to_string(), "start", &start(&run)));
    let known = known.unwrap_or_default();
    let mut position = run.from;
    let is_whole = run.from == OutputPosition::default();
    let mut output = BoundedOutput::new(if is_whole { MAX_REPEATED_BYTES } else { 0 });
    let rest = run.progress.map(move |progress| match progress {
        Progress::Output(stream, text) => {
            output.push(stream, &text);
            match skip(&mut position, known, stream, &text) {
                Some(rest) => event(&position.to_string(), stream.name(), &piece(stream, rest)),
                None => Bytes::from_static(COMMENT),
            }
        }
        Progress::Stage(stage) => match self::stage(stage) {
            Some((name, json)) => event(&position.to_string(), name, &json),
            None => Bytes::from_static(COMMENT),
        },
        Progress::Heartbeat | Progress::Cell(_) => Bytes::from_static(COMMENT),
        Progress::Complete(result) => {
            let at = position.to_string();
            let files = artifacts(&result).map(|file| event(&at, "artifact", &file));
            let output = std::mem::replace(&mut output, BoundedOutput::new(0));
            let json = if is_whole { complete(&result, output) } else { without_output(&result) };
            files.chain([event(&format!("{position}{ENDED}"), "complete", &json)]).collect::<Vec<_>>().concat().into()
        }
    });
    stream::iter(start).chain(rest).boxed_local()
}

/// What a client has that sends this `Last-Event-ID`; `None` if no event has this id.
pub fn read_event_id(text: &str) -> Option<LastEventId> {
    match text.strip_suffix(ENDED) {
        Some(position) => OutputPosition::parse(position).map(|_| LastEventId::End),
        None => OutputPosition::parse(text).map(LastEventId::Before),
    }
}

/// The last event that a client has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastEventId {
    /// One before the last.
    Before(OutputPosition),
    /// The last one: nothing is left to send.
    End,
}

/// The `start` event as JSON.
pub fn start(run: &StartedRun) -> Bytes {
    format!(r#"{{"type":"start","id":"{}","createdAt":"{}"}}"#, run.id, run.created_at).into()
}

/// The name of the event of a stage, and the event as JSON; `None` for the program, which its output announces.
pub fn stage(stage: Stage) -> Option<(&'static str, Bytes)> {
    match stage {
        Stage::Fetch => Some(("fetch", Bytes::from_static(br#"{"type":"fetch"}"#))),
        Stage::Install => Some(("install", Bytes::from_static(br#"{"type":"install"}"#))),
        Stage::Compile => Some(("compile", Bytes::from_static(br#"{"type":"compile"}"#))),
        Stage::Program => None,
    }
}

/// A piece of output as JSON.
pub fn piece(stream: Stream, text: &str) -> Bytes {
    let data = serde_json::to_string(text).expect("text always encodes");
    format!(r#"{{"type":"{}","data":{data}}}"#, stream.name()).into()
}

/// The `artifact` events of the files that are stored, as JSON.
pub fn artifacts(result: &RunResult) -> impl Iterator<Item = Bytes> {
    let files = result.report().and_then(|report| report.details.artifacts.as_ref()).into_iter().flatten();
    files.filter(|file| file.url.is_some()).map(|file| {
        let file = Artifact { base64: None, ..file.clone() };
        let json = serde_json::to_vec(&file).expect("text and numbers always encode");
        with_fields_before(&json, r#""type":"artifact","#)
    })
}

/// The `complete` event as JSON. Output that is too much to repeat is left out.
pub fn complete(result: &RunResult, output: BoundedOutput) -> Bytes {
    match output.whole() {
        Some(output) => with_fields_before(&result.json(&output), COMPLETE),
        None => without_output(result),
    }
}

fn without_output(result: &RunResult) -> Bytes {
    with_fields_before(&result.without_output(), COMPLETE)
}

/// One event. `data` is one line of JSON: line feeds inside strings are escaped there.
fn event(id: &str, name: &str, data: &[u8]) -> Bytes {
    [b"id: ", id.as_bytes(), b"\nevent: ", name.as_bytes(), b"\ndata: ", data, b"\n\n"].concat().into()
}
