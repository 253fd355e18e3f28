//! Numbers in outputs, and when two of them are equal.

/// Whether two words are the same number within `epsilon`, absolute or relative to the expected one. Words that are no
/// numbers, and numbers that are too large for a double, are equal if they have the same characters.
pub fn are_near(expected: &str, actual: &str, epsilon: f64) -> bool {
    if expected == actual {
        return true;
    }
    let (Some(expected), Some(actual)) = (number(expected), number(actual)) else { return false };
    if expected.is_nan() || actual.is_nan() {
        return expected.is_nan() && actual.is_nan();
    }
    if expected.is_infinite() || actual.is_infinite() {
        return expected == actual;
    }
    (expected - actual).abs() <= epsilon * expected.abs().max(1.0)
}

/// The number that a word is; `None` if it is none. Infinity is a number only where it is written as a word: digits that pass
/// the range of a double are no number.
fn number(word: &str) -> Option<f64> {
    let value: f64 = word.parse().ok()?;
    let has_digits = word.bytes().any(|byte| byte.is_ascii_digit());
    (value.is_finite() || !has_digits).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_near_within_an_absolute_or_a_relative_difference() {
        for (expected, actual, near) in [
            ("1.0", "1", true),
            ("0.3333333", "0.33333333", true),
            ("1", "1.1", false),
            ("1000000000", "1000000001", true),
            ("0", "-0", true),
            ("0", "1e-7", true),
            ("1e3", "1000.0", true),
            ("+5", "5", true),
            ("5", "5.", true),
            ("5", "5,0", false),
            ("1", "one", false),
            ("yes", "yes", true),
            ("0x10", "16", false),
            ("1_000", "1000", false),
            ("１", "1", false),
        ] {
            assert_eq!(are_near(expected, actual, 1e-6), near, "{expected} {actual}");
        }
    }

    #[test]
    fn nan_and_infinity_are_near_themselves_only() {
        for (expected, actual, near) in [
            ("NaN", "nan", true),
            ("nan", "1", false),
            ("1", "nan", false),
            ("inf", "Infinity", true),
            ("inf", "-inf", false),
            ("inf", "1e308", false),
            ("1e308", "inf", false),
            // Both pass the range of a double, and are not the same.
            ("1e400", "1e500", false),
            ("1e400", "inf", false),
            ("1e400", "1e400", true),
        ] {
            assert_eq!(are_near(expected, actual, 1.0), near, "{expected} {actual}");
        }
    }
}
