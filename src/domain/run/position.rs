//! A place in the output of a run, which is the id of an event of its stream.

use docle_protocol::Stream;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How much of each output stream came before, in bytes of text. It is the same in each stream of one run, however the output
/// was cut into events, so that a replay goes on where a live stream broke.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputPosition {
    pub stdout: u64,
    pub stderr: u64,
}

impl OutputPosition {
    /// The position that [`fmt::Display`] has written; `None` for other text.
    pub fn parse(text: &str) -> Option<Self> {
        let (stdout, stderr) = text.split_once('-')?;
        let position = Self { stdout: stdout.parse().ok()?, stderr: stderr.parse().ok()? };
        (position.to_string() == text).then_some(position)
    }

    /// The bytes of one stream.
    pub fn of_mut(&mut self, stream: Stream) -> &mut u64 {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }
}

impl fmt::Display for OutputPosition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.stdout, self.stderr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_id_format_unchanged() {
        let position = OutputPosition { stdout: 12, stderr: 0 };
        assert_eq!((position.to_string().as_str(), OutputPosition::parse("12-0")), ("12-0", Some(position)));
        for wrong in ["", "12", "-", "1-", "-1-2", "+1-2", "01-2", "1-2-3", "1-2 ", "99999999999999999999999-1"] {
            assert_eq!(OutputPosition::parse(wrong), None, "{wrong:?}");
        }
    }
}
