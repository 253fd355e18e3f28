//! Randomness of the runtime.

use crate::ports::Entropy;

/// [`Entropy`] by `crypto.getRandomValues`.
pub struct RuntimeEntropy;

impl Entropy for RuntimeEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes)
            .expect("every Workers runtime has crypto.getRandomValues, which does not fail at this size");
    }
}
