//! The runner's event stream as it arrives: bytes into lines, lines into what they mean, and what to keep of them.

use bytes::{Bytes, BytesMut};
use docle_protocol::{RunEvent, RunReport, RunStatus, RunUsage, Truncated};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The longest line that is waited for. `complete` carries both outputs; 40 MiB hold twice the 10 MiB that each may
/// have with room for escapes, and leave the rest of an isolate's 128 MB to the result that is made of it.
pub const MAX_LINE_BYTES: usize = 40 * 1_024 * 1_024;

/// Output lines kept for a stream that breaks off before `complete` says everything again.
const MAX_KEPT_BYTES: usize = 1_024 * 1_024;

/// Collects chunks, which may end anywhere, and gives back whole lines.
#[derive(Debug, Default)]
pub struct LineBuffer {
    bytes: BytesMut,
    /// How much of `bytes` is known to hold no line feed, so that a long line is not searched again with every chunk.
    searched: usize,
}

/// The line being collected has passed [`MAX_LINE_BYTES`].
#[derive(Debug, PartialEq, Eq)]
pub struct LineTooLong;

impl LineBuffer {
    /// Adds what arrived.
    ///
    /// # Errors
    /// When that makes an unfinished line too long.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), LineTooLong> {
        self.bytes.extend_from_slice(chunk);
        if self.bytes.len() > MAX_LINE_BYTES { Err(LineTooLong) } else { Ok(()) }
    }

    /// The next whole line without its line feed, if there is one.
    pub fn next_line(&mut self) -> Option<Bytes> {
        let Some(length) = self.bytes[self.searched..].iter().position(|&byte| byte == b'\n') else {
            self.searched = self.bytes.len();
            return None;
        };
        let mut line = self.bytes.split_to(self.searched + length + 1);
        self.searched = 0;
        line.truncate(line.len() - 1);
        Some(line.freeze())
    }
}

/// What one line of the stream says. Output stays as it came: it is passed on without being decoded.
#[derive(Debug)]
pub enum Line<'a> {
    Heartbeat,
    Start,
    Stdout,
    Stderr,
    Complete(&'a RawValue),
}

/// Reads one line; `None` where it is not an event of the protocol.
pub fn read_line(line: &[u8]) -> Option<Line<'_>> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(rename = "type", borrow)]
        kind: Cow<'a, str>,
        #[serde(borrow)]
        report: Option<&'a RawValue>,
    }
    if line.iter().all(u8::is_ascii_whitespace) {
        return Some(Line::Heartbeat);
    }
    let event: Event<'_> = serde_json::from_slice(line).ok()?;
    match (event.kind.as_ref(), event.report) {
        ("start", _) => Some(Line::Start),
        ("stdout", _) => Some(Line::Stdout),
        ("stderr", _) => Some(Line::Stderr),
        ("complete", Some(report)) => Some(Line::Complete(report)),
        _ => None,
    }
}

/// Why a stream ended without `complete`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupted {
    /// The sandbox went away, was not understood, or did not answer in time.
    ByRunner,
    /// The caller left, which ends its run.
    ByClient,
}

/// The sentence with which the output of a run ends whose sandbox failed.
pub const SANDBOX_FAILED: &str = "docle: the sandbox failed while the program ran; the run may be repeated.\n";

/// The output lines of a run so far, to make a report of when its own never comes.
#[derive(Debug, Default)]
pub struct PartialOutput {
    lines: Vec<Bytes>,
    size: usize,
    cut: Truncated,
}

impl PartialOutput {
    /// Keeps an output line while there is room.
    pub fn keep(&mut self, kind: &Line<'_>, line: &Bytes) {
        if self.size + line.len() <= MAX_KEPT_BYTES {
            self.size += line.len();
            self.lines.push(line.clone());
            return;
        }
        match kind {
            Line::Stdout => self.cut.stdout = true,
            Line::Stderr => self.cut.stderr = true,
            _ => {}
        }
    }

    /// The report of a run that broke off: its output so far, and nothing known of what it used.
    pub fn report(&self, why: Interrupted) -> RunReport {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        for line in &self.lines {
            match serde_json::from_slice(line) {
                Ok(RunEvent::Stdout { data }) => stdout += &data,
                Ok(RunEvent::Stderr { data }) => stderr += &data,
                _ => {}
            }
        }
        let (status, exit_code, signal) = match why {
            Interrupted::ByRunner => (RunStatus::System, 1, None),
            Interrupted::ByClient => (RunStatus::Killed, 137, Some("SIGKILL".to_owned())),
        };
        if why == Interrupted::ByRunner {
            if !stderr.is_empty() && !stderr.ends_with('\n') {
                stderr.push('\n');
            }
            stderr += SANDBOX_FAILED;
        }
        RunReport { status, exit_code, signal, stdout, stderr, truncated: self.cut, usage: RunUsage::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut buffer = LineBuffer::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            buffer.push(chunk).unwrap();
            while let Some(line) = buffer.next_line() {
                lines.push(String::from_utf8(line.to_vec()).unwrap());
            }
        }
        lines
    }

    #[test]
    fn lines_are_the_same_wherever_chunks_end() {
        let stream =
            "{\"type\":\"start\"}\n\n{\"type\":\"stdout\",\"data\":\"é\\n\"}\n{\"type\":\"complete\"}\nrest".as_bytes();
        let whole = lines(&[stream]);
        assert_eq!(whole.len(), 4);
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let chunks = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(lines(&chunks), whole, "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn a_line_that_never_ends_is_given_up() {
        let mut buffer = LineBuffer::default();
        let chunk = vec![b'x'; MAX_LINE_BYTES / 2];
        assert_eq!(buffer.push(&chunk), Ok(()));
        assert_eq!(buffer.push(&chunk), Ok(()));
        assert_eq!(buffer.push(b"x"), Err(LineTooLong));
    }

    #[test]
    fn lines_of_the_protocol_are_told_apart() {
        let kind = |line: &str| match read_line(line.as_bytes()) {
            Some(Line::Heartbeat) => "heartbeat",
            Some(Line::Start) => "start",
            Some(Line::Stdout) => "stdout",
            Some(Line::Stderr) => "stderr",
            Some(Line::Complete(_)) => "complete",
            None => "nothing",
        };
        for (line, expected) in [
            ("", "heartbeat"),
            ("\r", "heartbeat"),
            (r#"{"type":"start"}"#, "start"),
            (r#"{"data":"{\"type\":\"start\"}","type":"stdout"}"#, "stdout"),
            (r#"{"type":"stderr","data":"x"}"#, "stderr"),
            (r#"{"type":"complete","report":{"status":"success"}}"#, "complete"),
            (r#"{"type":"complete"}"#, "nothing"),
            (r#"{"type":"stdout","data":"#, "nothing"),
            ("<html>", "nothing"),
        ] {
            assert_eq!(kind(line), expected, "{line}");
        }
    }

    #[test]
    fn a_broken_run_keeps_the_output_before_the_break() {
        let mut partial_output = PartialOutput::default();
        partial_output.keep(&Line::Stdout, &Bytes::from_static(br#"{"type":"stdout","data":"1\n"}"#));
        partial_output.keep(&Line::Stderr, &Bytes::from_static(br#"{"type":"stderr","data":"warn"}"#));
        partial_output.keep(&Line::Stdout, &Bytes::from(vec![b'x'; MAX_KEPT_BYTES]));
        let report = partial_output.report(Interrupted::ByRunner);
        assert_eq!((report.status, report.exit_code), (RunStatus::System, 1));
        assert_eq!((report.stdout.as_str(), report.truncated.stdout), ("1\n", true));
        assert_eq!(report.stderr, format!("warn\n{SANDBOX_FAILED}"));
        let report = partial_output.report(Interrupted::ByClient);
        assert_eq!((report.status, report.exit_code, report.stderr.as_str()), (RunStatus::Killed, 137, "warn"));
    }
}
