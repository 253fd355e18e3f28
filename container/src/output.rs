//! What a program prints: kept up to a limit, and handed on in whole characters while it comes.

/// One output stream.
#[derive(Debug)]
pub struct Output {
    kept: Vec<u8>,
    limit: usize,
    truncated: bool,
    /// Bytes of `kept` that were already handed on as text.
    handed_on: usize,
}

impl Output {
    pub fn new(limit_bytes: usize) -> Self {
        Self { kept: Vec::new(), limit: limit_bytes, truncated: false, handed_on: 0 }
    }

    /// Keeps what fits; false from the moment on that something did not.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        let room = self.limit - self.kept.len();
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.truncated |= bytes.len() > room;
        !self.truncated
    }

    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// The text since the last call, without a character that is not complete yet. Invalid bytes become U+FFFD.
    pub fn new_text(&mut self) -> String {
        let fresh = &self.kept[self.handed_on..];
        let complete = &fresh[..fresh.len() - incomplete_tail(fresh)];
        self.handed_on += complete.len();
        String::from_utf8_lossy(complete).into_owned()
    }

    /// What is left at the end: an incomplete character is replaced when the program itself left it so, and dropped
    /// when the limit cut it.
    pub fn last_text(&mut self) -> String {
        let fresh = &self.kept[self.handed_on..];
        let cut = if self.truncated { incomplete_tail(fresh) } else { 0 };
        let rest = &fresh[..fresh.len() - cut];
        self.handed_on = self.kept.len();
        String::from_utf8_lossy(rest).into_owned()
    }

    /// Everything that was kept.
    pub fn text(&self) -> String {
        let cut = if self.truncated { incomplete_tail(&self.kept) } else { 0 };
        String::from_utf8_lossy(&self.kept[..self.kept.len() - cut]).into_owned()
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_are_the_whole(text in ".{0,40}", limit in 1usize..200, pieces in prop::collection::vec(1usize..7, 1..60)) {
            let mut output = Output::new(limit);
            let (mut rest, mut streamed) = (text.as_bytes(), String::new());
            for piece in pieces {
                let (now, later) = rest.split_at(piece.min(rest.len()));
                rest = later;
                output.push(now);
                streamed += &output.new_text();
            }
            output.push(rest);
            streamed += &output.new_text();
            streamed += &output.last_text();
            prop_assert_eq!(&streamed, &output.text());
            prop_assert!(text.starts_with(&streamed));
            prop_assert_eq!(output.is_truncated(), text.len() > limit);
        }

        #[test]
        fn any_bytes_stream_as_they_end(bytes in prop::collection::vec(any::<u8>(), 0..60), cut in 0usize..60) {
            let mut output = Output::new(1_000);
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            output.push(first);
            let mut streamed = output.new_text();
            output.push(second);
            streamed += &output.new_text();
            streamed += &output.last_text();
            prop_assert_eq!(streamed, String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn the_limit_cuts_between_characters() {
        let mut output = Output::new(4);
        assert!(!output.push("aé€".as_bytes()));
        assert_eq!(output.text(), "aé");
    }
}
