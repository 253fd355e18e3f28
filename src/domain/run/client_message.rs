//! What a client of an interactive run sends after its first message: input, and the size of its terminal.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::Reader;
use docle_api::fields;
use docle_api::limits::TERMINAL_CELLS;
use docle_api::run_events::StdinMessage;
use docle_api::terminals::{ResizeMessage, TerminalSize};
use serde_json::Value;

/// What a terminal sends at the end of input: Ctrl-D.
const END_OF_INPUT: char = '\u{4}';

/// A message of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientMessage {
    Stdin(Typed),
    /// Their terminal has another size.
    Resize(TerminalSize),
}

/// Input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// What the program is to read on standard input.
    pub data: String,
    /// Nothing more follows.
    pub end: bool,
}

impl Typed {
    /// The same at a terminal, which has no end: the end of input is typed.
    #[must_use]
    pub fn at_terminal(mut self) -> Self {
        if std::mem::take(&mut self.end) {
            self.data.push(END_OF_INPUT);
        }
        self
    }
}

/// Reads `{"type": "stdin", "data"?: text, "end"?: boolean}`, and of a run with a terminal
/// `{"type": "resize", "cols": number, "rows": number}`.
///
/// # Errors
/// Every field that is wrong.
pub fn read(message: Value, has_terminal: bool) -> Result<ClientMessage, Vec<FieldError>> {
    let mut problems = Problems::default();
    let read = if message["type"] == "resize" {
        Reader::open(message, String::new(), fields::of::<ResizeMessage>(), &mut problems).and_then(|mut fields| {
            fields.value("type");
            if !has_terminal {
                fields.note(
                    "type",
                    "must be \"stdin\" here: the run has no terminal, because its first message has no tty",
                );
            }
            read_size(&mut fields).map(ClientMessage::Resize)
        })
    } else {
        Reader::open(message, String::new(), fields::of::<StdinMessage>(), &mut problems).map(read_typed)
    };
    problems.conclude(read)
}

fn read_typed(mut fields: Reader<'_>) -> ClientMessage {
    if fields.string("type").as_deref() != Some("stdin") {
        fields.note("type", "must be \"stdin\" or \"resize\" in every message after the first");
    }
    let data = fields.string("data");
    let end = fields.boolean("end");
    if data.is_none() && end != Some(true) {
        fields.note("data", "is required where end is not true");
    }
    ClientMessage::Stdin(Typed { data: data.unwrap_or_default(), end: end == Some(true) })
}

/// Reads the size of a terminal.
pub fn read_size(fields: &mut Reader<'_>) -> Option<TerminalSize> {
    let range = u32::from(*TERMINAL_CELLS.start())..=u32::from(*TERMINAL_CELLS.end());
    let mut cells = |name| {
        if !fields.has(name) {
            fields.note(name, format!("is required: an integer from {} to {}", range.start(), range.end()));
        }
        fields.integer(name, &range).and_then(|cells| u16::try_from(cells).ok())
    };
    let (cols, rows) = (cells("cols"), cells("rows"));
    Some(TerminalSize { cols: cols?, rows: rows? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn typed(data: &str, end: bool) -> Typed {
        Typed { data: data.to_owned(), end }
    }

    #[test]
    fn a_message_has_data_or_is_the_end() {
        let stdin = |data: &str, end| Ok(ClientMessage::Stdin(typed(data, end)));
        assert_eq!(read(json!({ "type": "stdin", "data": "a\n" }), false), stdin("a\n", false));
        assert_eq!(read(json!({ "type": "stdin", "end": true }), true), stdin("", true));
        assert_eq!(read(json!({ "type": "stdin", "data": "a", "end": true }), false), stdin("a", true));
        for (wrong, field) in [
            (json!([]), ""),
            (json!({ "data": "a" }), "type"),
            (json!({ "type": "stdout", "data": "a" }), "type"),
            (json!({ "type": "stdin" }), "data"),
            (json!({ "type": "stdin", "end": false }), "data"),
            (json!({ "type": "stdin", "data": 1 }), "data"),
            (json!({ "type": "stdin", "data": "a", "eof": true }), "eof"),
        ] {
            assert_eq!(read(wrong.clone(), false).unwrap_err()[0].field, field, "{wrong}");
        }
    }

    #[test]
    fn a_terminal_changes_its_size_and_a_run_without_one_has_none() {
        let size = json!({ "type": "resize", "cols": 120, "rows": 40 });
        assert_eq!(read(size.clone(), true), Ok(ClientMessage::Resize(TerminalSize { cols: 120, rows: 40 })));
        assert_eq!(read(size, false).unwrap_err()[0].field, "type");
        for (wrong, field) in [
            (json!({ "type": "resize", "cols": 120 }), "rows"),
            (json!({ "type": "resize", "cols": 0, "rows": 40 }), "cols"),
            (json!({ "type": "resize", "cols": 80, "rows": 1_001 }), "rows"),
            (json!({ "type": "resize", "cols": 80.5, "rows": 4 }), "cols"),
            (json!({ "type": "resize", "cols": 80, "rows": 24, "data": "a" }), "data"),
        ] {
            assert_eq!(read(wrong.clone(), true).unwrap_err()[0].field, field, "{wrong}");
        }
    }

    #[test]
    fn the_end_of_input_is_typed_at_a_terminal() {
        assert_eq!(typed("a", true).at_terminal(), typed("a\u{4}", false));
        assert_eq!(typed("a", false).at_terminal(), typed("a", false));
    }
}
