//! Terminals: how large one is, and what a client of one sends.

#[cfg(feature = "schema")]
use crate::limits::TERMINAL_CELLS;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TerminalSize {
    /// Characters in a line.
    #[cfg_attr(feature = "schema", schemars(range(min = *TERMINAL_CELLS.start(), max = *TERMINAL_CELLS.end()), example = &80))]
    pub cols: u16,
    /// Lines.
    #[cfg_attr(feature = "schema", schemars(range(min = *TERMINAL_CELLS.start(), max = *TERMINAL_CELLS.end()), example = &24))]
    pub rows: u16,
}

/// What a client of an interactive run with `tty` sends when its terminal has another size. The program gets `SIGWINCH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResizeMessage {
    /// The kind of the message.
    #[serde(rename = "type")]
    pub kind: ResizeKind,
    /// Characters in a line.
    #[cfg_attr(feature = "schema", schemars(range(min = *TERMINAL_CELLS.start(), max = *TERMINAL_CELLS.end()), example = &120))]
    pub cols: u16,
    /// Lines.
    #[cfg_attr(feature = "schema", schemars(range(min = *TERMINAL_CELLS.start(), max = *TERMINAL_CELLS.end()), example = &40))]
    pub rows: u16,
}

/// The kind of a message with the size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum ResizeKind {
    Resize,
}

/// What the terminal of a sandbox says beside output, which comes in binary messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TerminalMessage {
    /// The output that was kept has been sent; what follows is written now.
    Ready {},
    /// The shell has ended, and the connection ends with code 1000. The next connection gets a new shell.
    Exit {
        /// Its exit code; 128 and the number of the signal that ended it.
        code: i32,
        /// The name of the signal that ended it.
        signal: Option<String>,
    },
    /// A text message of the client was none, and did nothing.
    Error {
        /// What is wrong with it.
        message: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn terminal_message_format_unchanged() {
        for (message, wire) in [
            (TerminalMessage::Ready {}, json!({ "type": "ready" })),
            (TerminalMessage::Exit { code: 0, signal: None }, json!({ "type": "exit", "code": 0, "signal": null })),
            (TerminalMessage::Error { message: "m".into() }, json!({ "type": "error", "message": "m" })),
        ] {
            assert_eq!(serde_json::to_value(&message).unwrap(), wire);
            assert_eq!(serde_json::from_value::<TerminalMessage>(wire).unwrap(), message);
        }
    }

    #[test]
    fn resize_message_format_unchanged() {
        let wire = json!({ "type": "resize", "cols": 120, "rows": 40 });
        let message = ResizeMessage { kind: ResizeKind::Resize, cols: 120, rows: 40 };
        assert_eq!(serde_json::to_value(message).unwrap(), wire);
        assert_eq!(serde_json::from_value::<ResizeMessage>(wire).unwrap(), message);
    }
}
