//! The runner's event stream as it arrives: bytes into lines, and lines into events.

use bytes::{Bytes, BytesMut};
use docle_protocol::RunEvent;
use docle_protocol::event::MAX_LINE_BYTES;

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
    /// Adds what arrived. The caller takes all whole lines out before it adds more.
    pub fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
    }

    /// The next whole line without its line feed, if there is one.
    ///
    /// # Errors
    /// The unfinished line is too long.
    pub fn next_line(&mut self) -> Result<Option<Bytes>, LineTooLong> {
        let Some(length) = self.bytes[self.searched..].iter().position(|&byte| byte == b'\n') else {
            self.searched = self.bytes.len();
            return if self.searched > MAX_LINE_BYTES { Err(LineTooLong) } else { Ok(None) };
        };
        let mut line = self.bytes.split_to(self.searched + length + 1);
        self.searched = 0;
        line.truncate(line.len() - 1);
        Ok(Some(line.freeze()))
    }
}

/// What one line of the stream says.
#[derive(Debug, PartialEq)]
pub enum Line {
    Heartbeat,
    Event(RunEvent),
}

/// Reads one line; `None` where it is not an event of the protocol.
pub fn read_line(line: &[u8]) -> Option<Line> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Some(Line::Heartbeat);
    }
    serde_json::from_slice(line).ok().map(Line::Event)
}

/// Why a stream ended without `complete`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupted {
    /// The sandbox went away, was not understood, or did not answer in time.
    ByRunner,
    /// The client left, which ends its run.
    ByClient,
}

#[cfg(test)]
mod tests {
    use super::*;
    use docle_protocol::Piece;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut buffer = LineBuffer::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            buffer.push(chunk);
            while let Some(line) = buffer.next_line().unwrap() {
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
    fn a_line_that_never_ends_is_given_up_and_many_short_ones_at_once_are_not() {
        let mut buffer = LineBuffer::default();
        buffer.push(&b"x\n".repeat(MAX_LINE_BYTES));
        for _ in 0..MAX_LINE_BYTES {
            assert_eq!(buffer.next_line(), Ok(Some(Bytes::from_static(b"x"))));
        }
        buffer.push(&vec![b'x'; MAX_LINE_BYTES]);
        assert_eq!(buffer.next_line(), Ok(None));
        buffer.push(b"x");
        assert_eq!(buffer.next_line(), Err(LineTooLong));
    }

    #[test]
    fn lines_of_the_protocol_are_told_apart() {
        assert_eq!(read_line(b""), Some(Line::Heartbeat));
        assert_eq!(read_line(b"\r"), Some(Line::Heartbeat));
        assert_eq!(read_line(br#"{"type":"start"}"#), Some(Line::Event(RunEvent::Start)));
        let stdout = RunEvent::Stdout { data: Piece(b"a\n".to_vec()) };
        assert_eq!(read_line(br#"{"data":"YQo=","type":"stdout"}"#), Some(Line::Event(stdout)));
        for wrong in
            [r#"{"type":"complete"}"#, r#"{"type":"stdout","data":"#, r#"{"type":"stdout","data":"?"}"#, "<html>"]
        {
            assert_eq!(read_line(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
