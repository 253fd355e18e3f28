//! The rate limit of a connection: a token bucket that refills within one second.

/// A token bucket for one message per token.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokenBucket {
    /// Tokens that are missing from the bucket, in thousandths.
    used: i64,
    /// The time of the last message, in milliseconds.
    at: i64,
}

impl TokenBucket {
    /// Takes the token of one message; `false` when the bucket of `per_second` tokens is empty.
    pub fn take(&mut self, per_second: u32, now: i64) -> bool {
        let per_second = i64::from(per_second);
        let refilled = (now - self.at).clamp(0, 1_000) * per_second;
        self.used = (self.used - refilled).max(0) + 1_000;
        self.at = now;
        self.used <= per_second * 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_fills_the_bucket() {
        let mut bucket = TokenBucket::default();
        let sent = |bucket: &mut TokenBucket, at| (0..1_000).filter(|_| bucket.take(60, at)).count();
        assert_eq!(sent(&mut bucket, 10_000), 60);
        let mut bucket = TokenBucket::default();
        for second in 0..10 {
            for message in 0..60 {
                assert!(bucket.take(60, 10_000 + second * 1_000 + message * 1_000 / 60));
            }
        }
    }
}
