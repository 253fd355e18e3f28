//! The beginning of the output of a run.

use crate::domain::run::output::Output;
use docle_protocol::{Stream, Truncated};

/// Output of which only the first bytes of each stream are kept.
#[derive(Debug)]
pub struct OutputStart {
    output: Output,
    /// The most bytes of standard output, and of standard error.
    max_bytes: (usize, usize),
    is_cut: Truncated,
}

impl OutputStart {
    pub fn new(max_stdout_bytes: usize, max_stderr_bytes: usize) -> Self {
        let (output, is_cut) = (Output::default(), Truncated::default());
        Self { output, max_bytes: (max_stdout_bytes, max_stderr_bytes), is_cut }
    }

    /// Adds the text, or as many whole characters of it as there is room for.
    pub fn push(&mut self, stream: Stream, text: &str) {
        let (max_bytes, is_cut) = match stream {
            Stream::Stdout => (self.max_bytes.0, &mut self.is_cut.stdout),
            Stream::Stderr => (self.max_bytes.1, &mut self.is_cut.stderr),
        };
        if *is_cut {
            return;
        }
        let kept = self.output.of(stream);
        let mut length = text.len().min(max_bytes.saturating_sub(kept.len()));
        while !text.is_char_boundary(length) {
            length -= 1;
        }
        kept.push_str(&text[..length]);
        *is_cut = length < text.len();
    }

    /// What is kept, and of which streams that is not all.
    pub fn into_parts(self) -> (Output, Truncated) {
        (self.output, self.is_cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_characters_of_the_beginning_are_kept() {
        let mut start = OutputStart::new(4, 1);
        for (stream, text) in [
            (Stream::Stdout, "ab"),
            (Stream::Stderr, "x"),
            (Stream::Stdout, "cé"),
            // After a gap nothing may follow.
            (Stream::Stdout, "d"),
        ] {
            start.push(stream, text);
        }
        let (output, is_cut) = start.into_parts();
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("abc", "x"));
        assert_eq!(is_cut, Truncated { stdout: true, stderr: false });
    }
}
