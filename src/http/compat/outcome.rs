//! The end of a run, for a protocol that tells it in its own words.

use crate::http::response::sse_reader;
use crate::ports::http_messages::{Body, Response};
use ::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use bytes::Bytes;
use docle_api::runs::{RunResult, RunStatus};
use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};
use serde_json::{Value, json};

/// A program that has ended.
pub struct Outcome {
    /// Its result, with the whole output.
    pub result: RunResult,
    /// Both streams in the order in which they were read.
    pub output: String,
}

impl Outcome {
    /// Whether the program itself ran to some end: it was not the service that failed.
    pub fn is_of_the_program(&self) -> bool {
        !matches!(self.result.status, RunStatus::System | RunStatus::Cancelled | RunStatus::InstallFailed)
    }

    /// The limit that ended the program, or what else did, as one sentence; `None` where it ended by itself.
    pub fn reason(&self) -> Option<&'static str> {
        Some(match self.result.status {
            RunStatus::Success | RunStatus::Error | RunStatus::CompileError => return None,
            RunStatus::Timeout => "The time limit was reached.",
            RunStatus::Memory => "The memory limit was reached.",
            RunStatus::Output => "The program wrote more output than the limit allows.",
            RunStatus::Killed => "A signal ended the program.",
            RunStatus::Cancelled => "The run was cancelled.",
            RunStatus::InstallFailed => "The packages could not be installed.",
            RunStatus::System => "The service failed while the program ran. The program is not to blame.",
        })
    }
}

/// The response to a run whose events are in `response`: one JSON value, and spaces before it during silence.
pub fn told(response: Response, tell: impl FnOnce(Outcome) -> Value + 'static) -> Response {
    let (mut parts, body) = response.into_parts();
    let events = match body {
        Body::Stream(events) => events,
        Body::Whole(bytes) => stream::once(async { bytes }).boxed_local(),
        Body::Empty | Body::Socket(_) | Body::Proxied(_) => stream::empty().boxed_local(),
    };
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // A server that compresses holds small pieces back.
    parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("identity"));
    let tell = Box::new(tell);
    Response::from_parts(parts, Body::Stream(follow(events, tell)))
}

fn follow(
    events: LocalBoxStream<'static, Bytes>,
    tell: Box<dyn FnOnce(Outcome) -> Value>,
) -> LocalBoxStream<'static, Bytes> {
    let state = Some((sse_reader::data_of(events), Collected::default(), tell));
    let pieces = stream::unfold(state, |state| async move {
        let (mut events, mut collected, tell) = state?;
        loop {
            match events.next().await {
                Some(None) => return Some((Bytes::from_static(b" "), Some((events, collected, tell)))),
                Some(Some(event)) if event["type"] != "complete" => collected.add(&event),
                Some(Some(complete)) => {
                    return collected.end(complete).map(|outcome| (tell(outcome).to_string().into(), None));
                }
                // Without a result the answer ends without one, too, which no client takes for JSON.
                None => return None,
            }
        }
    });
    pieces.boxed_local()
}

/// What has come of a run.
#[derive(Default)]
struct Collected {
    stdout: String,
    stderr: String,
    output: String,
}

impl Collected {
    fn add(&mut self, event: &Value) {
        let text = event["data"].as_str().unwrap_or_default();
        match event["type"].as_str() {
            Some("stdout") => self.stdout.push_str(text),
            Some("stderr") => self.stderr.push_str(text),
            _ => return,
        }
        self.output.push_str(text);
    }

    fn end(self, mut complete: Value) -> Option<Outcome> {
        let Self { stdout, stderr, output } = self;
        // The event repeats short output only.
        (complete["stdout"], complete["stderr"]) = (json!(stdout), json!(stderr));
        serde_json::from_value(complete).ok().map(|result| Outcome { result, output })
    }
}
