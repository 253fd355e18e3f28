//! Holds one output stream of a program to its limit.

/// One output stream: what of it is within the limit.
#[derive(Debug)]
pub struct Output {
    room: usize,
    truncated: bool,
}

impl Output {
    pub fn new(limit_bytes: usize) -> Self {
        Self { room: limit_bytes, truncated: false }
    }

    /// The beginning of `bytes` that is within the limit.
    pub fn take<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let within = &bytes[..bytes.len().min(self.room)];
        self.room -= within.len();
        self.truncated |= within.len() < bytes.len();
        within
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
    }
}
