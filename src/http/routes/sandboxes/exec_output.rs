//! The events of a command, decoded one by one.

use crate::domain::run::events::LineBuffer;
use crate::domain::run::output::OutputText;
use crate::ports::sandboxes::{ByteStream, SandboxRefusal};
use docle_protocol::sandbox::{ExecEvent, ExecReport};
use docle_protocol::{Stream, Truncated};
use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};
use std::collections::VecDeque;

/// What a command does.
#[derive(Debug, PartialEq)]
pub enum Progress {
    Started {
        pid: u32,
    },
    /// Whole characters.
    Output(Stream, String),
    Complete(ExecReport),
}

/// What comes after the last event.
type Ended = Option<SandboxRefusal>;

struct Decoder {
    events: ByteStream,
    lines: LineBuffer,
    text: OutputText,
    ready: VecDeque<Progress>,
    is_over: bool,
}

/// The events of a command; an error if they end without the last one.
pub fn decode(events: ByteStream) -> LocalBoxStream<'static, Result<Progress, SandboxRefusal>> {
    let (lines, text, ready) = (LineBuffer::default(), OutputText::default(), VecDeque::new());
    let decoder = Decoder { events, lines, text, ready, is_over: false };
    let decoded = stream::unfold(decoder, async |mut decoder| {
        let progress = decoder.next().await?;
        Some((progress, decoder))
    });
    decoded.boxed_local()
}

impl Decoder {
    async fn next(&mut self) -> Option<Result<Progress, SandboxRefusal>> {
        loop {
            if let Some(progress) = self.ready.pop_front() {
                return Some(Ok(progress));
            }
            if self.is_over {
                return None;
            }
            let ended: Ended = match self.events.next().await {
                Some(Ok(chunk)) => self.read(&chunk),
                Some(Err(error)) => Some(SandboxRefusal::Interrupted(error.0)),
                None => Some(SandboxRefusal::Interrupted("A command ended without its last event.".to_owned())),
            };
            if let Some(refusal) = ended {
                self.is_over = true;
                return Some(Err(refusal));
            }
        }
    }

    fn read(&mut self, chunk: &[u8]) -> Ended {
        self.lines.push(chunk);
        loop {
            let line = match self.lines.next_line() {
                Ok(Some(line)) => line,
                Ok(None) => return None,
                Err(_) => return Some(SandboxRefusal::Interrupted("An event is too long.".to_owned())),
            };
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match serde_json::from_slice(&line) {
                Ok(event) => self.take(event),
                Err(error) => return Some(SandboxRefusal::Interrupted(format!("An event is unreadable: {error}"))),
            }
        }
    }

    fn take(&mut self, event: ExecEvent) {
        match event {
            ExecEvent::Start { pid } => self.ready.push_back(Progress::Started { pid }),
            ExecEvent::Stdout { data } => self.output(Stream::Stdout, |text| text.push(Stream::Stdout, &data.0)),
            ExecEvent::Stderr { data } => self.output(Stream::Stderr, |text| text.push(Stream::Stderr, &data.0)),
            ExecEvent::Complete { report } => {
                let cut = Truncated { stdout: report.stdout_truncated, stderr: report.stderr_truncated };
                for stream in Stream::ALL {
                    self.output(stream, |text| text.finish(stream, cut));
                }
                self.ready.push_back(Progress::Complete(report));
                self.is_over = true;
            }
        }
    }

    fn output(&mut self, stream: Stream, decode: impl FnOnce(&mut OutputText) -> String) {
        let text = decode(&mut self.text);
        if !text.is_empty() {
            self.ready.push_back(Progress::Output(stream, text));
        }
    }
}
