//! The events of a cell, decoded one by one.

use crate::domain::run::events::LineBuffer;
use crate::domain::run::output::OutputText;
use crate::domain::sandbox::cell::result_of;
use crate::ports::sandboxes::{ByteStream, SandboxRefusal};
use docle_api::contexts::{CodeError, CodeResult};
use docle_protocol::context::{CellEvent, CellReport, MAX_CELL_LINE_BYTES};
use docle_protocol::{Stream, Truncated};
use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};
use std::collections::VecDeque;

/// What a cell does.
#[derive(Debug, PartialEq)]
pub enum CellProgress {
    Started {
        start_ms: Option<f64>,
    },
    /// Whole characters.
    Output(Stream, String),
    Result(Box<CodeResult>),
    Error(CodeError),
    Complete(CellReport),
}

struct Decoder {
    events: ByteStream,
    lines: LineBuffer,
    /// Bytes of the line that is not there as a whole.
    pending: usize,
    text: OutputText,
    ready: VecDeque<CellProgress>,
    is_over: bool,
}

/// The events of a cell; an error if they end without the last one.
pub fn decode(events: ByteStream) -> LocalBoxStream<'static, Result<CellProgress, SandboxRefusal>> {
    let (lines, text, ready) = (LineBuffer::default(), OutputText::default(), VecDeque::new());
    let decoder = Decoder { events, lines, pending: 0, text, ready, is_over: false };
    let decoded = stream::unfold(decoder, async |mut decoder| {
        let progress = decoder.next().await?;
        Some((progress, decoder))
    });
    decoded.boxed_local()
}

impl Decoder {
    async fn next(&mut self) -> Option<Result<CellProgress, SandboxRefusal>> {
        loop {
            if let Some(progress) = self.ready.pop_front() {
                return Some(Ok(progress));
            }
            if self.is_over {
                return None;
            }
            let read = match self.events.next().await {
                Some(Ok(chunk)) => self.read(&chunk),
                Some(Err(error)) => Err(error.0),
                None => Err("A cell ended without its last event.".to_owned()),
            };
            if let Err(why) = read {
                self.is_over = true;
                return Some(Err(SandboxRefusal::Interrupted(why)));
            }
        }
    }

    fn read(&mut self, chunk: &[u8]) -> Result<(), String> {
        self.pending += chunk.len();
        self.lines.push(chunk);
        // A line of results may be longer than the buffer expects of lines: its error only says that there is no whole one.
        while let Ok(Some(line)) = self.lines.next_line() {
            self.pending = self.pending.saturating_sub(line.len() + 1);
            if !line.iter().all(u8::is_ascii_whitespace) {
                let event =
                    serde_json::from_slice(&line).map_err(|error| format!("An event is unreadable: {error}"))?;
                self.take(event);
            }
        }
        if self.pending > MAX_CELL_LINE_BYTES { Err("An event is too long.".to_owned()) } else { Ok(()) }
    }

    fn take(&mut self, event: CellEvent) {
        match event {
            CellEvent::Start { start_ms } => self.ready.push_back(CellProgress::Started { start_ms }),
            CellEvent::Stdout { data } => self.output(Stream::Stdout, |text| text.push(Stream::Stdout, &data.0)),
            CellEvent::Stderr { data } => self.output(Stream::Stderr, |text| text.push(Stream::Stderr, &data.0)),
            CellEvent::Result { data, is_main } => {
                self.ready.push_back(CellProgress::Result(Box::new(result_of(data, is_main))));
            }
            CellEvent::Error { error } => {
                let error = CodeError { name: error.name, message: error.message, traceback: error.traceback };
                self.ready.push_back(CellProgress::Error(error));
            }
            // Of runs alone.
            CellEvent::ResultsTruncated => {}
            CellEvent::Complete { report } => {
                let cut = Truncated { stdout: report.exec.stdout_truncated, stderr: report.exec.stderr_truncated };
                for stream in Stream::ALL {
                    self.output(stream, |text| text.finish(stream, cut));
                }
                self.ready.push_back(CellProgress::Complete(report));
                self.is_over = true;
            }
        }
    }

    fn output(&mut self, stream: Stream, decode: impl FnOnce(&mut OutputText) -> String) {
        let text = decode(&mut self.text);
        if !text.is_empty() {
            self.ready.push_back(CellProgress::Output(stream, text));
        }
    }
}
