//! Bytes that are kept outside, in memory.

use crate::ports::spool::{Outside, Spool};

/// [`Spool`] in vectors.
pub struct FakeSpool;

impl Spool for FakeSpool {
    fn hold(&self, bytes: &[u8]) -> Outside {
        Outside(Box::new(bytes.to_vec()))
    }
}

/// What is held.
pub fn bytes_of(held: &Outside) -> &[u8] {
    held.0.downcast_ref::<Vec<u8>>().expect("it was held by the fake")
}
