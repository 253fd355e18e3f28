//! Holds one output stream of a program to its limit.

/// One output stream: what of it is within the limit.
#[derive(Debug)]
pub struct Output {
    room: usize,
    truncated: bool,
    /// The end of what was within the limit: at most twice [`LAST_BYTES`].
    end: Vec<u8>,
}

/// What is kept of the end of a stream: room for the error message of an interpreter, and for Node's stack after it.
const LAST_BYTES: usize = 4 * 1_024;

impl Output {
    pub fn new(limit_bytes: usize) -> Self {
        Self { room: limit_bytes, truncated: false, end: Vec::new() }
    }

    /// The beginning of `bytes` that is within the limit.
    pub fn take<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let within = &bytes[..bytes.len().min(self.room)];
        self.room -= within.len();
        self.truncated |= within.len() < bytes.len();
        self.end.extend_from_slice(&within[within.len().saturating_sub(LAST_BYTES)..]);
        if self.end.len() > 2 * LAST_BYTES {
            self.end.drain(..self.end.len() - LAST_BYTES);
        }
        within
    }

    /// The end of the stream as text. Bytes that are not UTF-8 are replaced.
    pub fn last_words(&self) -> String {
        String::from_utf8_lossy(&self.end[self.end.len().saturating_sub(LAST_BYTES)..]).into_owned()
    }

    /// Whether the program wrote more than the limit.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_in_bytes() {
        let mut output = Output::new(4);
        assert_eq!((output.take(b"abc"), output.is_truncated()), (&b"abc"[..], false));
        assert_eq!((output.take(b"d"), output.is_truncated()), (&b"d"[..], false));
        assert_eq!((output.take(b"e"), output.is_truncated()), (&b""[..], true));
        assert_eq!(output.last_words(), "abcd");
    }

    #[test]
    fn the_end_of_a_long_stream_is_kept() {
        let mut output = Output::new(usize::MAX);
        for n in 0..100_000 {
            output.take(format!("{n}\n").as_bytes());
        }
        assert!(output.last_words().ends_with("99998\n99999\n") && output.last_words().len() == LAST_BYTES);
        output.take("x".repeat(1 << 20).as_bytes());
        assert_eq!(output.last_words(), "x".repeat(LAST_BYTES));
    }
}
