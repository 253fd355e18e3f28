//! The result of a run as one JSON object, which is sent while the run goes on if its output is large.
//!
//! A result with little output is sent when the run has ended, and spaces before it during silence, because a server notices
//! only when it writes that a client has left. A result with much output begins with the larger stream, which is sent as it
//! comes; the other stream waits here for its turn. Inside a string nothing but the string can be written, so a part of it is
//! held back, and leaves character by character during silence.

use crate::app::runs::progress::{Progress, StartedRun};
use crate::domain::run::output::Output;
use crate::domain::run::result::RunResult;
use crate::http::response::keep_alive::SILENCE_MS;
use crate::ports::Clock;
use bytes::Bytes;
use docle_protocol::Stream;
use futures::StreamExt;
use futures::future::{Either, LocalBoxFuture, select};
use futures::stream::LocalBoxStream;
use std::collections::VecDeque;
use std::rc::Rc;

/// Results with at most this much output are sent as a whole, in bytes of both streams.
const MAX_WHOLE_BYTES: usize = 256 * 1_024;
/// What is held back of the stream that is being sent, in bytes. The longest run is silent 500 times.
const HELD_BYTES: usize = 1_024;
/// What is sent at once, in bytes before escapes.
const PIECE_BYTES: usize = 64 * 1_024;

/// The body of a response with the result of a run.
pub struct JsonResult {
    run: StartedRun,
    clock: Rc<dyn Clock>,
    silence: LocalBoxFuture<'static, ()>,
    state: State,
}

enum State {
    /// Collects output until the run ends, or until it is too much.
    Collecting(Output),
    /// Sends one stream as it comes.
    Sending {
        sent: Stream,
        held: String,
        other: VecDeque<String>,
    },
    /// The run has ended: sends the other stream, and then the end.
    Ending {
        other: VecDeque<String>,
        end: String,
    },
    Sent,
}

impl JsonResult {
    pub fn new(run: StartedRun, clock: Rc<dyn Clock>) -> Self {
        let silence = clock.sleep(SILENCE_MS);
        Self { run, clock, silence, state: State::Collecting(Output::default()) }
    }

    /// Whether nothing comes any more.
    pub const fn is_sent(&self) -> bool {
        matches!(self.state, State::Sent)
    }

    /// The next piece of the body; `None` at its end, which comes too early if the run ends without a result.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let State::Ending { other, end } = &mut self.state {
                let Some(text) = other.pop_front() else {
                    let end = std::mem::take(end);
                    self.state = State::Sent;
                    return Some(end.into());
                };
                if text.is_empty() {
                    continue;
                }
                return Some(escaped(&text).into());
            }
            if self.is_sent() {
                return None;
            }
            match select(self.run.progress.next(), &mut self.silence).await {
                Either::Left((None, _)) => self.state = State::Sent,
                Either::Left((Some(Progress::Heartbeat | Progress::Stage(_) | Progress::Cell(_)), _)) => {}
                Either::Left((Some(Progress::Output(stream, text)), _)) => {
                    if let Some(piece) = self.add(stream, text) {
                        return Some(self.written(piece));
                    }
                }
                Either::Left((Some(Progress::Complete(result)), _)) => {
                    let piece = self.end(&result);
                    return Some(self.written(piece));
                }
                Either::Right(_) => {
                    let filler = self.filler();
                    let filler = self.written(filler);
                    if !filler.is_empty() {
                        return Some(filler);
                    }
                }
            }
        }
    }

    /// The body as a stream.
    pub fn into_stream(self) -> LocalBoxStream<'static, Bytes> {
        let pieces = futures::stream::unfold(self, |mut body| async move { Some((body.next().await?, body)) });
        pieces.boxed_local()
    }

    /// Notes that something is written, so silence begins anew.
    fn written(&mut self, piece: String) -> Bytes {
        self.silence = self.clock.sleep(SILENCE_MS);
        piece.into()
    }

    /// Takes output. Returns what is to be sent now.
    fn add(&mut self, stream: Stream, text: String) -> Option<String> {
        match &mut self.state {
            State::Collecting(output) => {
                output.push(stream, &text);
                if output.size() <= MAX_WHOLE_BYTES || self.run.is_bounded {
                    return None;
                }
                let Output { stdout, stderr } = std::mem::take(output);
                let (sent, mut held, other) = match stdout.len() >= stderr.len() {
                    true => (Stream::Stdout, stdout, stderr),
                    false => (Stream::Stderr, stderr, stdout),
                };
                let StartedRun { id, created_at, .. } = &self.run;
                let mut piece = format!(r#"{{"id":"{id}","createdAt":"{created_at}","{}":""#, sent.name());
                piece += &escaped(&all_but_the_end(&mut held));
                self.state = State::Sending { sent, held, other: VecDeque::from([other]) };
                Some(piece)
            }
            State::Sending { sent, held, .. } if *sent == stream => {
                held.push_str(&text);
                (held.len() >= PIECE_BYTES).then(|| escaped(&all_but_the_end(held)))
            }
            State::Sending { other, .. } => {
                join(other, text);
                None
            }
            State::Ending { .. } | State::Sent => None,
        }
    }

    /// What is sent when the run has ended.
    fn end(&mut self, result: &RunResult) -> String {
        match std::mem::replace(&mut self.state, State::Sent) {
            State::Collecting(output) => String::from_utf8_lossy(&result.json(&output)).into_owned(),
            State::Sending { sent, held, other } => {
                let second = if sent == Stream::Stdout { Stream::Stderr } else { Stream::Stdout };
                self.state = State::Ending { other, end: format!(r#"",{}}}"#, result.ending()) };
                format!(r#"{}","{}":""#, escaped(&held), second.name())
            }
            State::Ending { .. } | State::Sent => String::new(),
        }
    }

    /// What is sent during silence.
    fn filler(&mut self) -> String {
        match &mut self.state {
            State::Sending { held, .. } => {
                let first = held.chars().next();
                held.drain(..first.map_or(0, char::len_utf8));
                first.map_or_else(String::new, |first| escaped(first.encode_utf8(&mut [0; 4])))
            }
            _ => " ".to_owned(),
        }
    }
}

/// Adds text to pieces. Short texts are joined, because each piece costs some bytes of its own.
fn join(pieces: &mut VecDeque<String>, text: String) {
    match pieces.back_mut() {
        Some(last) if last.len() + text.len() <= PIECE_BYTES => last.push_str(&text),
        _ => pieces.push_back(text),
    }
}

/// Takes the text without its last characters.
fn all_but_the_end(text: &mut String) -> String {
    let mut length = text.len().saturating_sub(HELD_BYTES);
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    let rest = text.split_off(length);
    std::mem::replace(text, rest)
}

/// Text as it stands inside a JSON string.
pub fn escaped(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("text always encodes");
    quoted[1..quoted.len() - 1].to_owned()
}
