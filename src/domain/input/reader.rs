//! Reading an object of untrusted JSON field by field, noting everything that is wrong on the way.

use crate::domain::input::problem::Problems;
pub use docle_api::errors::shown;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// The right shape of fields that are often sent in another one, for messages.
const SHAPES: &[(&str, &str)] = &[
    ("packages", r#"["requests"]"#),
    ("repo", r#"{ "url": "https://github.com/owner/name" }"#),
    ("files", r#"[{ "path": "main.py", "content": "print(1)" }]"#),
    ("artifacts", r#"["out/*.png"]"#),
    ("args", r#"["--verbose", "1"]"#),
    ("env", r#"{ "NAME": "value" }"#),
    ("policy", r#"{ "timeoutMs": 5000 }"#),
    ("tty", r#"{ "cols": 80, "rows": 24 }"#),
    ("config", r#"{ "timeout": 5000 }"#),
    ("userContext", r#"{ "id": "user-123" }"#),
    ("webhook", r#"{ "url": "https://example.com/docle" }"#),
    ("limits", r#"{ "timeoutMs": 5000 }"#),
    ("metadata", r#"{ "plan": "yearly" }"#),
    ("isolates", r#"{ "allowedDomains": ["api.example.com"] }"#),
    ("allowedHosts", r#"["api.example.com"]"#),
    ("allowedDomains", r#"["app.example.com"]"#),
    ("allowedAPIs", r#"["console"]"#),
];

/// Names of the same field in different requests: each is taken for the other.
const SYNONYMS: [(&str, &str); 2] = [("language", "lang"), ("lang", "language")];

/// Objects inside an object, each with its fields, by the field that holds it. A field that stands outside of its
/// object is then pointed to its place.
pub type Inside = [(&'static str, &'static [&'static str])];

/// An object whose fields are taken out one by one. Unknown fields are noted when it is opened; a field that is absent
/// or wrong is `None`, and only the wrong one is noted.
///
/// A field that is `null` is absent. A field may be written in another case and with other separators: `timeout_ms` is
/// `timeoutMs`.
pub struct Reader<'p> {
    fields: Map<String, Value>,
    /// Fields that were `null`.
    nulls: Vec<&'static str>,
    known: &'static [&'static str],
    at: String,
    problems: &'p mut Problems,
}

impl<'p> Reader<'p> {
    /// Opens `value`, which stands at `at`; `None` where it is not an object.
    pub fn open(value: Value, at: String, known: &'static [&'static str], problems: &'p mut Problems) -> Option<Self> {
        Self::open_with(value, at, known, &[], problems)
    }

    /// The same for an object with objects `inside`.
    pub fn open_with(
        value: Value,
        at: String,
        known: &'static [&'static str],
        inside: &Inside,
        problems: &'p mut Problems,
    ) -> Option<Self> {
        let Value::Object(sent) = value else {
            let name = at.rsplit('.').next().unwrap_or_default().to_owned();
            problems.add(at, expected("an object", &value, shape_of(&name)));
            return None;
        };
        let (mut fields, mut nulls, mut others) = (Map::new(), Vec::new(), Vec::new());
        let mut take = |name: &'static str, value: Value| match value {
            Value::Null => nulls.push(name),
            value => drop(fields.insert(name.to_owned(), value)),
        };
        for (name, value) in sent {
            match known.iter().find(|known| **known == name) {
                Some(known) => take(known, value),
                None => others.push((name, value)),
            }
        }
        for (name, value) in others {
            // What is not noted need not be found out: a body may have a million such fields.
            if problems.are_full() {
                break;
            }
            let known_as = same_name(&name, known);
            match known_as.filter(|known| !fields.contains_key(*known)) {
                Some(known) if value.is_null() => nulls.extend((!nulls.contains(&known)).then_some(known)),
                Some(known) => drop(fields.insert(known.to_owned(), value)),
                None => note_unknown(&name, known_as, &at, known, inside, problems),
            }
        }
        Some(Self { fields, nulls, known, at, problems })
    }

    /// Whether the field was sent as `null`, which for a few fields says more than that it is absent.
    pub fn is_null(&self, name: &str) -> bool {
        self.nulls.contains(&name)
    }

    /// Whether the field was sent, and is not `null`.
    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// Whether the field is a list without entries.
    pub fn is_empty_list(&self, name: &str) -> bool {
        self.fields.get(name).and_then(Value::as_array).is_some_and(Vec::is_empty)
    }

    /// Whether the field is an object.
    pub fn is_object(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(Value::is_object)
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

    /// A whole number within `range`; some serialisers write 5000 as `5000.0`.
    pub fn integer(&mut self, name: &str, range: &RangeInclusive<u32>) -> Option<u32> {
        let value = self.value(name)?;
        let number = whole(&value).filter(|number| range.contains(number));
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
        self.note(name, expected(what, got, shape_of(name)));
        None
    }
}

/// A number without a fraction that fits.
fn whole(value: &Value) -> Option<u32> {
    match value.as_u64() {
        Some(number) => u32::try_from(number).ok(),
        None => {
            let number = value.as_f64().filter(|number| number.fract() == 0.0)?;
            (0.0..=f64::from(u32::MAX)).contains(&number).then_some(number as u32)
        }
    }
}

/// Notes a field that does not exist, with the name that was probably meant.
fn note_unknown(
    name: &str,
    known_as: Option<&str>,
    at: &str,
    known: &[&str],
    inside: &Inside,
    problems: &mut Problems,
) {
    let path = join(at, &shown(name));
    let elsewhere = || {
        let found = inside.iter().find_map(|(object, fields)| Some((object, nearest(name, fields)?)));
        found.map(|(object, field)| format!("{object}.{field}"))
    };
    if let Some(known) = known_as {
        problems.add(path, format!("is the same field as \"{known}\": send one of them"));
    } else if let Some(meant) = nearest(name, known).map(str::to_owned).or_else(elsewhere) {
        problems.add_misspelt(path, format!("is not a field; did you mean \"{meant}\"?"));
    } else {
        problems.add_unknown(path, format!("is not a field; there are: {}", known.join(", ")));
    }
}

/// The known field that is called `name` but for case and separators, or by a synonym.
fn same_name<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain_name = plain(name);
    let synonym = SYNONYMS.iter().find(|(one, _)| *one == plain_name).map(|(_, other)| *other);
    known.iter().copied().find(|known| plain(known) == plain_name || synonym == Some(*known))
}

/// The letters and digits of the first characters of a name, in lower case: enough to tell names apart.
fn plain(name: &str) -> String {
    const LONGEST_NAME: usize = 32;
    let first = name.chars().take(LONGEST_NAME);
    first.filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect()
}

fn shape_of(name: &str) -> Option<&'static str> {
    SHAPES.iter().find(|(field, _)| *field == name).map(|(_, shape)| *shape)
}

/// `must be <what>, got <value>`; what was sent is shown where it is short and named where it is not.
fn expected(what: &str, got: &Value, shape: Option<&str>) -> String {
    let got = match got {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => shown(&other.to_string()),
    };
    match shape {
        Some(shape) => format!("must be {what} such as {shape}, got {got}"),
        None => format!("must be {what}, got {got}"),
    }
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

/// The known name that `name` probably stands for: at most two edits away, but for case and separators.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = plain(name);
    let (distance, best) = known.iter().map(|&known| (edits(&name, &plain(known)), known)).min()?;
    (distance <= 2 && distance < best.len() / 2).then_some(best)
}

/// Levenshtein distance, one row at a time.
fn edits(from: &str, to: &str) -> usize {
    #[cfg(test)]
    tests::COMPARISONS.with(|count| count.set(count.get() + 1));
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
    use proptest::prelude::*;
    use serde_json::json;
    use std::cell::Cell;

    thread_local! {
        /// How often two names were compared.
        pub static COMPARISONS: Cell<usize> = const { Cell::new(0) };
    }

    const KNOWN: &[&str] = &["timeoutMs", "memoryMB", "lang", "args"];

    /// What a reader finds in `body`, and what it notes.
    fn read(body: Value) -> (Option<u32>, Option<String>, Vec<(String, String)>) {
        let mut problems = Problems::default();
        let mut reader =
            Reader::open_with(body, String::new(), KNOWN, &[("policy", &["cpuMs"])], &mut problems).unwrap();
        let found = (reader.integer("timeoutMs", &(1..=5_000)), reader.string("lang"));
        reader.strings("args", 2);
        let noted = problems.conclude(None::<()>).unwrap_err();
        (found.0, found.1, noted.into_iter().map(|error| (error.field, error.message)).collect())
    }

    #[test]
    fn fields_in_snake_case_and_synonyms_were_refused_as_unknown() {
        for name in ["timeoutMs", "timeout_ms", "TimeoutMS", "timeout-ms"] {
            assert_eq!(read(json!({ name: 7 })), (Some(7), None, vec![]), "{name}");
        }
        assert_eq!(read(json!({ "language": "python" })).1.as_deref(), Some("python"));
        let (number, _, noted) = read(json!({ "timeoutMs": 1, "timeout_ms": 2 }));
        assert_eq!((number, noted[0].0.as_str()), (Some(1), "timeout_ms"));
        assert_eq!(noted[0].1, "is the same field as \"timeoutMs\": send one of them");
    }

    #[test]
    fn null_for_an_optional_field_was_a_wrong_value() {
        assert_eq!(read(json!({ "timeoutMs": null, "lang": null, "args": null })), (None, None, vec![]));
        assert_eq!(read(json!({ "timeout_ms": null })), (None, None, vec![]));
        let mut problems = Problems::default();
        let reader = Reader::open(json!({ "lang": null }), String::new(), KNOWN, &mut problems).unwrap();
        assert!(reader.is_null("lang") && !reader.has("lang") && !reader.is_null("args"));
    }

    #[test]
    fn a_whole_number_with_a_decimal_point_was_no_integer() {
        assert_eq!(read(json!({ "timeoutMs": 5000.0 })).0, Some(5_000));
        for wrong in [json!(5_000.5), json!(5_001.0), json!(-1.0), json!(1e300), json!("5")] {
            let (number, _, noted) = read(json!({ "timeoutMs": wrong }));
            assert_eq!((number, noted.len()), (None, 1), "{wrong}");
        }
    }

    #[test]
    fn the_least_useful_problem_came_first() {
        let (.., noted) = read(json!({ "aaaa": 1, "timeoutMs": 0, "cpu_ms": 1, "argz": 1 }));
        let fields: Vec<&str> = noted.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["argz", "cpu_ms", "timeoutMs", "aaaa"]);
        assert_eq!(noted[1].1, "is not a field; did you mean \"policy.cpuMs\"?");
        assert_eq!(read(json!({ "args": "a" })).2[0].1, r#"must be an array such as ["--verbose", "1"], got "a""#);
    }

    #[test]
    fn nine_megabytes_of_unknown_fields_were_all_compared() {
        let body: Map<String, Value> = (0..600_000).map(|n| (format!("unknown{n:07}"), Value::Null)).collect();
        assert!(serde_json::to_string(&body).unwrap().len() > 8_900_000);
        COMPARISONS.set(0);
        let (.., noted) = read(body.into());
        assert_eq!(noted.len(), 50);
        let names = KNOWN.len() + 1;
        assert!(COMPARISONS.get() <= 50 * names, "{} comparisons", COMPARISONS.get());
    }

    proptest! {
        #[test]
        fn any_object_is_read(body in "[a-zA-Z_]{0,12}", value in any::<f64>()) {
            let _ = read(json!({ body: value }));
        }
    }

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
