//! Terminals of sandboxes.
//!
//! `GET` of [`terminal_path`] with `Upgrade: websocket` and a [`TerminalJob`] in [`TERMINAL_JOB`] attaches a viewer to the terminal with
//! this name, and starts a shell in a new one if there is none. Binary messages are bytes in both directions. A text message of
//! a viewer is a [`ViewerMessage`], one of the runner a [`TerminalMessage`]: first comes the output that is kept, then `ready`, then
//! output as it is written. After `exit` the runner closes the socket, and the next viewer gets a new shell.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The place of one terminal.
pub fn terminal_path(id: &str, name: &str) -> String {
    format!("/v1/sandboxes/{id}/terminals/{name}")
}

/// The header with a [`TerminalJob`], as JSON in ASCII.
pub const TERMINAL_JOB: &str = "docle-terminal";

/// Terminals of one sandbox that are open at once. The kernel gives each jail so many.
pub const MAX_TERMINALS: usize = 12;

/// The latest output that is kept of a terminal, in bytes.
pub const MAX_KEPT_BYTES: usize = 256 * 1_024;

/// A viewer, and what a new shell is started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TerminalJob {
    /// An empty one is `/workspace`.
    pub cwd: String,
    pub env: BTreeMap<String, String>,
    pub cols: u16,
    pub rows: u16,
    /// Whether the viewer only watches: what it sends does nothing, and its size counts for nothing.
    pub is_view: bool,
    /// Whether a new shell ends when its last viewer leaves.
    pub ends_with_viewers: bool,
}

/// What a viewer says beside what it types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", deny_unknown_fields)]
pub enum ViewerMessage {
    /// It shows so many characters. The terminal has the size of its smallest viewer.
    Resize { cols: u16, rows: u16 },
}

/// What is said to a viewer beside output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum TerminalMessage {
    /// All that was kept has been sent.
    Ready,
    /// The shell has ended, as a shell tells it: 128 and the number of the signal.
    Exit { code: i32, signal: Option<String> },
    /// A message of the viewer was none, and did nothing.
    Error { message: String },
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn terminal_format_unchanged() {
        let (cwd, env) = ("/tmp".to_owned(), BTreeMap::new());
        let job = TerminalJob { cwd, env, cols: 80, rows: 24, is_view: false, ends_with_viewers: true };
        let wire =
            json!({ "cwd": "/tmp", "env": {}, "cols": 80, "rows": 24, "isView": false, "endsWithViewers": true });
        assert_eq!(serde_json::to_value(&job).unwrap(), wire);
        let resize = json!({ "type": "resize", "cols": 80, "rows": 24 });
        assert_eq!(serde_json::to_value(ViewerMessage::Resize { cols: 80, rows: 24 }).unwrap(), resize);
        let written = |message: TerminalMessage| serde_json::to_value(message).unwrap();
        assert_eq!(written(TerminalMessage::Ready), json!({ "type": "ready" }));
        let exit = TerminalMessage::Exit { code: 130, signal: Some("SIGINT".into()) };
        assert_eq!(written(exit), json!({ "type": "exit", "code": 130, "signal": "SIGINT" }));
        let error = TerminalMessage::Error { message: "m".into() };
        assert_eq!(written(error), json!({ "type": "error", "message": "m" }));
        assert_eq!(terminal_path("sbx_a", "s"), "/v1/sandboxes/sbx_a/terminals/s");
    }
}
