//! Text in base 32 whose end is a code that needs the secret of the deployment: ids and tokens that a stranger cannot make up.

use crate::domain::secret::{DeploymentSecret, Purpose};

/// Characters of a code, 30 bits.
pub const CODE_CHARS: usize = 6;
/// The digits of base 32 (RFC 4648, section 6) in lower case.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The first `count` digits of `bytes`.
pub fn digits(bytes: &[u8], count: usize) -> String {
    let bit = |index: usize| bytes[index / 8] >> (7 - index % 8) & 1;
    let digit = |place: usize| (0..5).fold(0, |value, offset| value << 1 | bit(place * 5 + offset));
    (0..count).map(|place| char::from(DIGITS[usize::from(digit(place))])).collect()
}

/// Whether `text` has this many digits, and nothing else.
pub fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| DIGITS.contains(&byte))
}

/// The code of `text`.
pub fn code(secret: &DeploymentSecret, purpose: Purpose, text: &str) -> String {
    digits(&secret.code(purpose, text.as_bytes()), CODE_CHARS)
}

/// Whether `code` is the code of `text` with a valid secret.
pub fn is_code(secret: &DeploymentSecret, purpose: Purpose, text: &str, code: &str) -> bool {
    let mut codes = secret.codes(purpose, text.as_bytes());
    codes.any(|bytes| constant_time_eq(&digits(&bytes, CODE_CHARS), code))
}

/// Compares in the same time whatever differs.
pub fn constant_time_eq(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
