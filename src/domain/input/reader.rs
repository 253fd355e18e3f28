//! Reading an object of untrusted JSON field by field, noting everything that is wrong on the way.

use crate::domain::input::problem::Problems;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// Long enough to recognise one's own value, short enough for an error message.
const MAX_SHOWN_CHARS: usize = 60;

/// An object whose fields are taken out one by one. Unknown fields are noted when it is opened; a field that is absent
/// or wrong is `None`, and only the wrong one is noted.
pub struct Reader<'p> {
    fields: Map<String, Value>,
    known: &'static [&'static str],
    at: String,
    problems: &'p mut Problems,
}

impl<'p> Reader<'p> {
    /// Opens `value`, which stands at `at`; `None` where it is not an object.
    pub fn open(value: Value, at: String, known: &'static [&'static str], problems: &'p mut Problems) -> Option<Self> {
        let Value::Object(fields) = value else {
            problems.add(at, expected("an object", &value));
            return None;
        };
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            let message = match nearest(name, known) {
                Some(meant) => format!("is not a field; did you mean \"{meant}\"?"),
                None => format!("is not a field; there are: {}", known.join(", ")),
            };
            problems.add(join(&at, &shown(name)), message);
        }
        Some(Self { fields, known, at, problems })
    }

    /// Whether the field was sent, whatever it holds.
    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// The path of a field of this object.
    pub fn path(&self, name: &str) -> String {
        join(&self.at, name)
    }

    /// Notes that a field is wrong.
    pub fn note(&mut self, name: &str, message: impl Into<String>) {
        let path = self.path(name);
        self.problems.add(path, message);
    }

    /// Where problems with values inside this object are noted.
    pub fn problems(&mut self) -> &mut Problems {
        self.problems
    }

    /// The field as it was sent.
    pub fn value(&mut self, name: &str) -> Option<Value> {
        debug_assert!(self.known.contains(&name), "{name} is read and not among the fields of the API's type");
        self.fields.remove(name)
    }

    /// A string.
    pub fn string(&mut self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text),
            other => self.wrong(name, "a string", &other),
        }
    }

    /// A boolean.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(value) => Some(value),
            other => self.wrong(name, "true or false", &other),
        }
    }

    /// A whole number within `range`.
    pub fn integer(&mut self, name: &str, range: &RangeInclusive<u32>) -> Option<u32> {
        let value = self.value(name)?;
        let number =
            value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| range.contains(number));
        number.or_else(|| self.wrong(name, &format!("an integer from {} to {}", range.start(), range.end()), &value))
    }

    /// A list of at most `max` values.
    pub fn list(&mut self, name: &str, max: usize) -> Option<Vec<Value>> {
        match self.value(name)? {
            Value::Array(values) if values.len() <= max => Some(values),
            Value::Array(values) => {
                self.note(name, format!("may have at most {max} entries, got {}", values.len()));
                None
            }
            other => self.wrong(name, "an array", &other),
        }
    }

    /// A list of at most `max` strings.
    pub fn strings(&mut self, name: &str, max: usize) -> Option<Vec<String>> {
        let values = self.list(name, max)?;
        let mut texts = Vec::with_capacity(values.len());
        for (index, value) in values.into_iter().enumerate() {
            match value {
                Value::String(text) => texts.push(text),
                other => self.wrong(&format!("{name}[{index}]"), "a string", &other).unwrap_or(()),
            }
        }
        Some(texts)
    }

    /// An object inside this one.
    pub fn object(&mut self, name: &str, known: &'static [&'static str]) -> Option<Reader<'_>> {
        let value = self.value(name)?;
        Reader::open(value, self.path(name), known, self.problems)
    }

    fn wrong<T>(&mut self, name: &str, what: &str, got: &Value) -> Option<T> {
        self.note(name, expected(what, got));
        None
    }
}

/// `must be <what>, got <value>`; what was sent is shown where it is short and named where it is not.
fn expected(what: &str, got: &Value) -> String {
    let got = match got {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => shown(&other.to_string()),
    };
    format!("must be {what}, got {got}")
}

/// `text`, cut to a length that suits a message.
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

/// The known name that `name` probably stands for: the same but for case and separators, or at most two edits away.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    const LONGEST_NAME: usize = 32;
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let name = plain(&name.chars().take(LONGEST_NAME).collect::<String>());
    let (distance, best) = known.iter().map(|&known| (edits(&name, &plain(known)), known)).min()?;
    (distance <= 2 && distance < best.len() / 2).then_some(best)
}

/// Levenshtein distance, one row at a time.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered() {
        let known = ["timeoutMs", "memoryMB", "code", "lang"];
        for (typed, meant) in [
            ("timeout_ms", Some("timeoutMs")),
            ("TimeoutMS", Some("timeoutMs")),
            ("timeout", Some("timeoutMs")),
            ("memoryMb", Some("memoryMB")),
            ("cod", Some("code")),
            ("banana", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, &known), meant, "{typed}");
        }
    }
}
