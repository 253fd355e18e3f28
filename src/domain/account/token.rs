//! Tokens: random text that proves something to us, of which only the hash is stored.

use sha2::{Digest, Sha256};
use std::fmt;

/// Random bytes in a token: 256 bits, too many to guess.
pub const RANDOM_BYTES: usize = 32;

/// What a login link or a session cookie carries: 64 lower-case hexadecimal digits.
///
/// A token is looked up by its hash, so the time that a look-up takes says nothing about the token itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A new token made of random bytes.
    pub fn from_random(bytes: [u8; RANDOM_BYTES]) -> Self {
        Self(hex::encode(bytes))
    }

    /// The token written as `text`, or `None` where it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let good = text.len() == 2 * RANDOM_BYTES && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        good.then(|| Self(text.to_owned()))
    }

    /// The token itself, for its holder alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored and looked up: the SHA-256 of the text in hexadecimal.
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(&self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_format_unchanged() {
        let token = Token::from_random([0xab; RANDOM_BYTES]);
        assert_eq!(token.reveal(), "ab".repeat(32));
        assert_eq!(token.hash(), hex::encode(Sha256::digest("ab".repeat(32))));
        assert_eq!(Token::parse(token.reveal()), Some(token.clone()));
        assert_eq!(format!("{token:?}"), "Token(…)");
        for wrong in ["", "ab", &"AB".repeat(32), &"ab".repeat(33), &format!("{} ", "ab".repeat(31))] {
            assert_eq!(Token::parse(wrong), None, "{wrong}");
        }
    }
}
