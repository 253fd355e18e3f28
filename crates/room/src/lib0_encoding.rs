//! The encoding of Yjs: numbers of variable length, buffers and strings.
//!
//! <https://github.com/dmonad/lib0/blob/main/encoding.js>. The reader never panics. It borrows from the input, so a false
//! length allocates nothing.

/// The largest integer that JavaScript represents exactly.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Reads bytes. Every method returns `None` when the input ends too early or breaks the encoding.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether no bytes are left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of bytes that are left.
    pub fn remaining(&self) -> usize {
        self.0.len()
    }

    /// One byte.
    pub fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// `length` bytes.
    pub fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A number: seven bits a byte, the lowest first, at most [`MAX_NUMBER`].
    pub fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..=49).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return (number <= MAX_NUMBER).then_some(number);
            }
        }
        None
    }

    /// A number that is a length or a count within 32 bits.
    pub fn length(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    /// A length and that many bytes.
    pub fn buffer(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.bytes(length)
    }

    /// A buffer that is UTF-8.
    pub fn string(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.buffer()?).ok()
    }
}

/// Writes bytes.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl From<Vec<u8>> for Writer {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Writer {
    /// Appends a number.
    pub fn number(mut self, mut number: u64) -> Self {
        while number > 0x7f {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
        self
    }

    /// Appends a length and that many bytes.
    pub fn buffer(self, bytes: &[u8]) -> Self {
        let mut written = self.number(bytes.len() as u64);
        written.0.extend_from_slice(bytes);
        written
    }

    /// The written bytes.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_reader_reads_what_the_writer_writes(number in 0..=MAX_NUMBER, bytes: Vec<u8>) {
            let written = Writer::default().number(number).buffer(&bytes).finish();
            let mut reader = Reader::new(&written);
            prop_assert_eq!(reader.number(), Some(number));
            prop_assert_eq!(reader.buffer(), Some(&bytes[..]));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn any_bytes_are_read_or_rejected(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while reader.string().is_some() {}
            prop_assert!(reader.remaining() <= bytes.len());
        }
    }

    #[test]
    fn numbers_above_the_limit_of_javascript_are_rejected() {
        for bytes in [&[0xff; 8][..], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10], &[0x80; 9], &[]] {
            assert_eq!(Reader::new(bytes).number(), None, "{bytes:?}");
        }
    }
}
