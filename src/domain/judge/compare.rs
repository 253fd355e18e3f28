//! Compares the output of a program with the expected one. Each comparison takes linear time in the length of both.

use crate::domain::judge::difference::{self, common_prefix};
use crate::domain::judge::number::are_near;
use docle_api::judging::Difference;
use docle_api::limits::MAX_PATTERN_BYTES;
use regex_lite::{Regex, RegexBuilder};

/// The most memory of a compiled regular expression, in bytes: about a thousand states. The time of a match is at most the
/// number of states times the length of the output, which [`MAX_MATCHED_BYTES`] bounds: 65 million steps, half a second.
const MAX_REGEX_BYTES: usize = 64 * 1_024;
/// The longest output that a regular expression is matched with, in bytes.
pub const MAX_MATCHED_BYTES: usize = 64 * 1_024;

/// What the output of a test has to be.
#[derive(Debug, Clone)]
pub enum Expected {
    /// Nothing in particular.
    Any,
    Exact(String),
    /// Equal lines, but for white space at their ends and for empty lines at the end.
    Trim(String),
    /// Equal words.
    Tokens(String),
    /// Equal words, or numbers that differ by at most `epsilon`.
    Float {
        text: String,
        epsilon: f64,
    },
    /// A match of the whole output without white space at its end.
    Regex {
        pattern: String,
        regex: Regex,
    },
}

/// A regular expression of a test.
///
/// # Errors
/// A clause that follows the name of the field.
pub fn regex(pattern: String) -> Result<Expected, String> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(format!("must have at most {MAX_PATTERN_BYTES} bytes as a regular expression"));
    }
    let build = |pattern: &str| RegexBuilder::new(pattern).size_limit(MAX_REGEX_BYTES).nest_limit(50).build();
    let wrong = |error: regex_lite::Error| format!("must be a regular expression: {error}");
    // Alone first: a pattern such as `a)|(b` must not become right between the brackets.
    build(&pattern).map_err(wrong)?;
    let regex = build(&format!(r"\A(?:{pattern})\z"))
        .map_err(|_| "must be a smaller regular expression, and without comments of the mode (?x)".to_owned())?;
    Ok(Expected::Regex { pattern, regex })
}

impl Expected {
    /// Where `actual` differs first; `None` if it does not.
    pub fn compare(&self, actual: &str) -> Option<Difference> {
        match self {
            Self::Any => None,
            Self::Exact(expected) => exact(expected, actual),
            Self::Trim(expected) => trim(expected, actual),
            Self::Tokens(expected) => words(expected, actual, |expected, actual| expected == actual),
            Self::Float { text, epsilon } => {
                words(text, actual, |expected, actual| are_near(expected, actual, *epsilon))
            }
            Self::Regex { pattern, regex } => {
                let end = actual.trim_ascii_end().len();
                let is_match = end <= MAX_MATCHED_BYTES && regex.is_match(&actual[..end]);
                (!is_match).then(|| difference::at(actual, 0, pattern, actual))
            }
        }
    }

    /// The text for a checker.
    pub fn text(&self) -> &str {
        match self {
            Self::Any => "",
            Self::Exact(text) | Self::Trim(text) | Self::Tokens(text) | Self::Float { text, .. } => text,
            Self::Regex { pattern, .. } => pattern,
        }
    }
}

fn exact(expected: &str, actual: &str) -> Option<Difference> {
    if expected == actual {
        return None;
    }
    let at = common_prefix(expected, actual);
    Some(difference::at(actual, at, &expected[at..], &actual[at..]))
}

fn trim(expected: &str, actual: &str) -> Option<Difference> {
    let (mut wanted, mut found) = (lines(expected), lines(actual));
    loop {
        let (want, have) = match (wanted.next(), found.next()) {
            (None, None) => return None,
            (want, have) => (want, have),
        };
        let (begin, have) = have.unwrap_or((actual.trim_ascii_end().len(), ""));
        let (_, want) = want.unwrap_or((0, ""));
        if want != have {
            let at = common_prefix(want, have);
            return Some(difference::at(actual, begin + at, &want[at..], &have[at..]));
        }
    }
}

/// The lines of a text without white space at their ends, each with its place. The last one is not empty, so that a text
/// with more lines than another one always differs from it.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.trim_ascii_end();
    let mut begin = 0;
    // A text without anything has one empty line for `split`, and none here.
    text.split('\n').filter(move |_| !text.is_empty()).map(move |line| {
        let at = begin;
        begin += line.len() + 1;
        (at, line.trim_ascii_end())
    })
}

fn words(expected: &str, actual: &str, is_equal: impl Fn(&str, &str) -> bool) -> Option<Difference> {
    let (mut wanted, mut found) = (expected.split_ascii_whitespace(), actual.split_ascii_whitespace());
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return None,
            (Some(want), Some(have)) if is_equal(want, have) => {}
            (want, have) => {
                let at = have.map_or(actual.trim_ascii_end().len(), |have| offset(actual, have));
                return Some(difference::at(actual, at, want.unwrap_or_default(), have.unwrap_or_default()));
            }
        }
    }
}

/// The place of `part` in the text that it is a part of.
fn offset(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

#[cfg(test)]
mod tests;
