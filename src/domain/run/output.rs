//! The output of a run as text: decoded piece by piece, and collected up to a limit.

use docle_protocol::{Stream, Truncated};

/// The sentence with which the output of a run ends whose sandbox failed.
pub const SANDBOX_FAILED: &str = "docle: the sandbox failed while the program ran; the run may be repeated.\n";

/// Decodes both streams of a run, whose pieces may end inside characters.
#[derive(Debug, Default)]
pub struct OutputText {
    stdout: Utf8Decoder,
    stderr: Utf8Decoder,
    /// Whether the last text of standard error ended a line; `None` before the first.
    ended_line: Option<bool>,
}

impl OutputText {
    /// The text that a piece completes. Bytes that are not UTF-8 become U+FFFD.
    pub fn push(&mut self, stream: Stream, bytes: &[u8]) -> String {
        let text = self.of(stream).push(bytes);
        if stream == Stream::Stderr && !text.is_empty() {
            self.ended_line = Some(text.ends_with('\n'));
        }
        text
    }

    /// What is left of a stream at its end. A character that the limit cut is dropped; one that the program itself left
    /// incomplete becomes U+FFFD.
    pub fn finish(&mut self, stream: Stream, truncated: Truncated) -> String {
        self.of(stream).finish(stream.is_cut(truncated))
    }

    /// The last words of standard error after the sandbox has failed, on a line of their own.
    pub fn sandbox_failed(&self) -> String {
        let line_end = if self.ended_line == Some(false) { "\n" } else { "" };
        format!("{line_end}{SANDBOX_FAILED}")
    }

    fn of(&mut self, stream: Stream) -> &mut Utf8Decoder {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }
}

/// Decodes UTF-8 that arrives in pieces.
#[derive(Debug, Default)]
struct Utf8Decoder {
    /// The start of a character whose rest may still come: at most three bytes.
    open: Vec<u8>,
}

impl Utf8Decoder {
    fn push(&mut self, bytes: &[u8]) -> String {
        let joined;
        let all = if self.open.is_empty() {
            bytes
        } else {
            joined = [&self.open, bytes].concat();
            &joined
        };
        let (complete, open) = all.split_at(all.len() - incomplete_tail(all));
        let text = String::from_utf8_lossy(complete).into_owned();
        self.open = open.to_vec();
        text
    }

    fn finish(&mut self, is_cut: bool) -> String {
        let open = std::mem::take(&mut self.open);
        if is_cut { String::new() } else { String::from_utf8_lossy(&open).into_owned() }
    }
}

/// How many bytes at the end are the start of a character whose rest may still come: 0 to 3.
fn incomplete_tail(bytes: &[u8]) -> usize {
    for length in 1..=bytes.len().min(3) {
        let tail = &bytes[bytes.len() - length..];
        if tail[0] & 0b1100_0000 != 0b1000_0000 {
            let is_open = std::str::from_utf8(tail).is_err_and(|error| error.error_len().is_none());
            return if is_open { length } else { 0 };
        }
    }
    0
}

/// The output of a run, as far as it is collected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Adds text to a stream.
    pub fn push(&mut self, stream: Stream, text: &str) {
        self.of(stream).push_str(text);
    }

    /// Bytes of both streams.
    pub fn size(&self) -> usize {
        self.stdout.len() + self.stderr.len()
    }

    /// The text of a stream.
    pub fn of(&mut self, stream: Stream) -> &mut String {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }
}

/// Output that is collected up to a limit, and then dropped as a whole.
#[derive(Debug)]
pub struct BoundedOutput {
    output: Option<Output>,
    max_bytes: usize,
}

impl BoundedOutput {
    pub fn new(max_bytes: usize) -> Self {
        Self { output: Some(Output::default()), max_bytes }
    }

    /// Adds text, or drops everything if that makes it too much.
    pub fn push(&mut self, stream: Stream, text: &str) {
        let fits = self.output.as_ref().is_some_and(|output| output.size() + text.len() <= self.max_bytes);
        match &mut self.output {
            Some(output) if fits => output.push(stream, text),
            output => *output = None,
        }
    }

    /// All output; `None` if it is more than the limit.
    pub fn whole(self) -> Option<Output> {
        self.output
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WHOLE: Truncated = Truncated { stdout: false, stderr: false };
    const CUT: Truncated = Truncated { stdout: true, stderr: true };

    proptest! {
        #[test]
        fn pieces_are_decoded_as_the_whole_is(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            cuts in prop::collection::vec(0usize..7, 0..60),
        ) {
            let (mut text, mut rest, mut decoded) = (OutputText::default(), &bytes[..], String::new());
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                decoded += &text.push(Stream::Stdout, now);
                rest = later;
            }
            decoded += &text.push(Stream::Stdout, rest);
            decoded += &text.finish(Stream::Stdout, WHOLE);
            prop_assert_eq!(decoded, String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn a_character_is_never_cut(characters in ".{0,40}", cut in 0usize..60) {
            let (mut text, bytes) = (OutputText::default(), characters.as_bytes());
            let decoded = text.push(Stream::Stderr, &bytes[..cut.min(bytes.len())]) + &text.finish(Stream::Stderr, CUT);
            prop_assert!(characters.starts_with(&decoded) && decoded.len() + 4 > cut.min(bytes.len()));
        }
    }

    #[test]
    fn the_last_words_stand_on_a_line_of_their_own() {
        for (said, before) in [("", ""), ("a\n", ""), ("a", "\n")] {
            let mut text = OutputText::default();
            text.push(Stream::Stderr, said.as_bytes());
            text.push(Stream::Stdout, b"b");
            assert_eq!(text.sandbox_failed(), format!("{before}{SANDBOX_FAILED}"), "{said:?}");
        }
    }

    #[test]
    fn output_beyond_its_limit_is_dropped_as_a_whole() {
        let mut output = BoundedOutput::new(3);
        output.push(Stream::Stdout, "ab");
        output.push(Stream::Stderr, "c");
        assert_eq!(output.output, Some(Output { stdout: "ab".into(), stderr: "c".into() }));
        output.push(Stream::Stdout, "d");
        assert_eq!(output.whole(), None);
    }
}
