//! Standard input of a running program, as a client sends it in WebSocket messages.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::Reader;
use docle_api::fields;
use docle_api::run_events::StdinMessage;
use serde_json::Value;

/// A message of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// What the program is to read on standard input.
    pub data: String,
    /// Nothing more follows.
    pub end: bool,
}

/// Reads `{"type": "stdin", "data"?: text, "end"?: boolean}`.
///
/// # Errors
/// Every field that is wrong.
pub fn read(message: Value) -> Result<Typed, Vec<FieldError>> {
    let mut problems = Problems::default();
    let typed = Reader::open(message, String::new(), fields::of::<StdinMessage>(), &mut problems).map(|mut fields| {
        if fields.string("type").as_deref() != Some("stdin") {
            fields.note("type", "must be \"stdin\" in every message after the first");
        }
        let data = fields.string("data");
        let end = fields.boolean("end");
        if data.is_none() && end != Some(true) {
            fields.note("data", "is required where end is not true");
        }
        Typed { data: data.unwrap_or_default(), end: end == Some(true) }
    });
    problems.conclude(typed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_message_has_data_or_is_the_end() {
        let typed = |data: &str, end| Ok(Typed { data: data.to_owned(), end });
        assert_eq!(read(json!({ "type": "stdin", "data": "a\n" })), typed("a\n", false));
        assert_eq!(read(json!({ "type": "stdin", "end": true })), typed("", true));
        assert_eq!(read(json!({ "type": "stdin", "data": "a", "end": true })), typed("a", true));
        for (wrong, field) in [
            (json!([]), ""),
            (json!({ "data": "a" }), "type"),
            (json!({ "type": "stdout", "data": "a" }), "type"),
            (json!({ "type": "stdin" }), "data"),
            (json!({ "type": "stdin", "end": false }), "data"),
            (json!({ "type": "stdin", "data": 1 }), "data"),
            (json!({ "type": "stdin", "data": "a", "eof": true }), "eof"),
        ] {
            assert_eq!(read(wrong.clone()).unwrap_err()[0].field, field, "{wrong}");
        }
    }
}
