//! The events of a command, read one by one, and with its output as text.

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

struct Reader {
    chunks: ByteStream,
    lines: LineBuffer,
    is_over: bool,
}

/// The events of a command as they were sent, the last of which is its end; an error if they end without that.
pub fn events(chunks: ByteStream) -> LocalBoxStream<'static, Result<ExecEvent, SandboxRefusal>> {
    let reader = Reader { chunks, lines: LineBuffer::default(), is_over: false };
    let events = stream::unfold(reader, async |mut reader| {
        if reader.is_over {
            return None;
        }
        let event = reader.next().await.map_err(SandboxRefusal::Interrupted);
        reader.is_over =
            !matches!(event, Ok(ExecEvent::Start { .. } | ExecEvent::Stdout { .. } | ExecEvent::Stderr { .. }));
        Some((event, reader))
    });
    events.boxed_local()
}

/// The same with whole characters.
pub fn decode(chunks: ByteStream) -> LocalBoxStream<'static, Result<Progress, SandboxRefusal>> {
    let decoded = events(chunks).scan(OutputText::default(), |text, event| {
        let decoded = match event {
            Ok(event) => read(text, event).into_iter().map(Ok).collect(),
            Err(refusal) => VecDeque::from([Err(refusal)]),
        };
        std::future::ready(Some(stream::iter(decoded)))
    });
    decoded.flatten().boxed_local()
}

impl Reader {
    async fn next(&mut self) -> Result<ExecEvent, String> {
        loop {
            match self.lines.next_line() {
                Ok(Some(line)) if line.iter().all(u8::is_ascii_whitespace) => {}
                Ok(Some(line)) => {
                    return serde_json::from_slice(&line).map_err(|error| format!("An event is unreadable: {error}"));
                }
                Ok(None) => match self.chunks.next().await {
                    Some(chunk) => self.lines.push(&chunk.map_err(|error| error.0)?),
                    None => return Err("A command ended without its last event.".to_owned()),
                },
                Err(_) => return Err("An event is too long.".to_owned()),
            }
        }
    }
}

fn read(text: &mut OutputText, event: ExecEvent) -> VecDeque<Progress> {
    let mut progress = VecDeque::new();
    let mut output = |stream, text: String| {
        if !text.is_empty() {
            progress.push_back(Progress::Output(stream, text));
        }
    };
    match event {
        ExecEvent::Start { pid } => progress.push_back(Progress::Started { pid }),
        ExecEvent::Stdout { data } => output(Stream::Stdout, text.push(Stream::Stdout, &data.0)),
        ExecEvent::Stderr { data } => output(Stream::Stderr, text.push(Stream::Stderr, &data.0)),
        ExecEvent::Complete { report } => {
            let cut = Truncated { stdout: report.stdout_truncated, stderr: report.stderr_truncated };
            for stream in Stream::ALL {
                output(stream, text.finish(stream, cut));
            }
            progress.push_back(Progress::Complete(report));
        }
    }
    progress
}
