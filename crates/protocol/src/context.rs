//! Contexts of a sandbox: interpreters that keep what one cell of code has made for the next.
//!
//! | request | body | response |
//! |---|---|---|
//! | `PUT` [`context_path`] | [`ContextSpec`] | 201 and [`ContextState`]; 200 if the context is there already |
//! | `GET` [`contexts_path`] | | a list of [`ContextState`], the oldest first |
//! | `DELETE` [`context_path`] | | 204 when its processes have ended |
//! | `POST` [`restart_path`] | | [`ContextState`] of the new interpreter |
//! | `POST` [`interrupt_path`] | | 202: the cell that runs is interrupted, if one does |
//! | `POST` [`cells_path`] | [`CellJob`] | a stream of [`CellEvent`] lines |
//!
//! 404 `unknown_context` says that the sandbox has no such context, 409 `too_many_contexts` that it can have no further one, and
//! 503 `busy` that too many cells wait. A working directory that cannot be entered is a [`crate::sandbox::FileError`] with 422. Cells of one context run one after
//! the other. A cell is ended as a command is: by its id, or by the end of its connection.

use crate::event::Piece;
use crate::sandbox::ExecReport;
use docle_languages::ContextLanguage;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Contexts that a sandbox may have.
pub const MAX_CONTEXTS: usize = 16;
/// Bytes of the code of a cell.
pub const MAX_CODE_BYTES: usize = 1_048_576;
/// Bytes of all results of one cell. What is more is dropped.
pub const MAX_RESULT_BYTES: usize = 16 << 20;
/// Results of one cell. What is more is dropped.
pub const MAX_RESULTS: usize = 1_000;
/// The longest line of a stream of cells: one result with all its formats.
pub const MAX_CELL_LINE_BYTES: usize = MAX_RESULT_BYTES + 65_536;

/// Where the contexts of a sandbox are.
pub fn contexts_path(id: &str) -> String {
    format!("/v1/sandboxes/{id}/contexts")
}

/// One context. Its id has 1 to 64 letters, digits, `-` and `_`.
pub fn context_path(id: &str, context: &str) -> String {
    format!("/v1/sandboxes/{id}/contexts/{context}")
}

/// Where cells are run.
pub fn cells_path(id: &str, context: &str) -> String {
    format!("/v1/sandboxes/{id}/contexts/{context}/cells")
}

/// Where a context is started anew, empty.
pub fn restart_path(id: &str, context: &str) -> String {
    format!("/v1/sandboxes/{id}/contexts/{context}/restart")
}

/// Where the cell that runs is interrupted.
pub fn interrupt_path(id: &str, context: &str) -> String {
    format!("/v1/sandboxes/{id}/contexts/{context}/interrupt")
}

/// What a context is like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContextSpec {
    pub language: ContextLanguage,
    /// Absolute, or relative to `/workspace`, which an empty one means.
    pub cwd: String,
    /// Variables beside those of the sandbox.
    pub env: BTreeMap<String, String>,
}

/// A context that the runner has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextState {
    pub id: String,
    pub language: ContextLanguage,
    pub cwd: String,
    /// Whether a cell runs.
    pub is_running: bool,
    /// Cells that the interpreter has run since it was started.
    pub cells: u32,
    /// What the start of the interpreter took.
    pub start_ms: f64,
}

/// One cell of code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CellJob {
    /// Unique among the commands and cells of the sandbox; letters, digits, `-` and `_`, at most 64.
    pub id: String,
    pub code: String,
    /// Variables of this cell alone.
    pub env: BTreeMap<String, String>,
    /// From its start; a cell that waits for another one does not use it up. The cell is interrupted, and after a second its
    /// context is ended.
    pub timeout_ms: u32,
    /// Of each of the two streams. What is longer is cut, and the cell goes on.
    pub max_output_bytes: u32,
}

/// One line of the stream of a cell: `start`, then what it writes, shows and fails with, then exactly one `complete`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum CellEvent {
    #[serde(rename_all = "camelCase")]
    Start {
        /// What the start of the interpreter took, if this cell is the first one of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start_ms: Option<f64>,
    },
    Stdout {
        data: Piece,
    },
    Stderr {
        data: Piece,
    },
    /// MIME type → content: text, or base64 of what is no text; of JSON the value itself.
    #[serde(rename_all = "camelCase")]
    Result {
        data: Map<String, Value>,
        /// Whether it is the value of the last expression.
        is_main: bool,
    },
    Error {
        error: CellError,
    },
    /// Of a run that is a cell, which has the report of a run: results were dropped, because there were too many.
    ResultsTruncated,
    Complete {
        report: CellReport,
    },
}

/// What a cell failed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CellError {
    /// The class of the exception, or one of [`CellError::TIMEOUT`], [`CellError::MEMORY`], [`CellError::EXITED`],
    /// [`CellError::INTERRUPTED`], [`CellError::DELETED`] and [`CellError::EXIT_CODE`].
    pub name: String,
    pub message: String,
    /// Its lines, as the language prints them.
    pub traceback: Vec<String>,
}

impl CellError {
    /// The time limit has passed.
    pub const TIMEOUT: &str = "Timeout";
    /// The sandbox had no memory left, and the context was ended.
    pub const MEMORY: &str = "OutOfMemory";
    /// The interpreter has ended while the cell ran.
    pub const EXITED: &str = "ContextExited";
    /// A caller has interrupted the cell, or restarted or deleted its context.
    pub const INTERRUPTED: &str = "Interrupted";
    /// The context was deleted while the cell waited for its turn.
    pub const DELETED: &str = "ContextDeleted";
    /// The last command of a cell of a shell has failed.
    pub const EXIT_CODE: &str = "ExitCode";
}

/// How a cell ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CellReport {
    /// `exit_code` is 0, or 1 after an error.
    #[serde(flatten)]
    pub exec: ExecReport,
    /// The number of the cell since the interpreter was started, from 1 on.
    pub count: u32,
    /// Whether what the context held is gone: the next cell starts it anew, empty.
    pub context_lost: bool,
    /// Whether results were dropped because there were too many.
    pub results_truncated: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::ExecEnd;
    use serde::de::DeserializeOwned;
    use serde_json::json;
    use std::fmt::Debug;

    fn written<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> Value {
        let wire = serde_json::to_value(value).unwrap();
        assert_eq!(&serde_json::from_value::<T>(wire.clone()).unwrap(), value);
        wire
    }

    #[test]
    fn context_format_unchanged() {
        let spec = ContextSpec { language: ContextLanguage::JavaScript, cwd: "a".into(), env: BTreeMap::new() };
        assert_eq!(written(&spec), json!({ "language": "javascript", "cwd": "a", "env": {} }));
        let state = ContextState {
            id: "a".into(),
            language: ContextLanguage::Python,
            cwd: "/workspace".into(),
            is_running: true,
            cells: 2,
            start_ms: 1.5,
        };
        let wire = json!({
            "id": "a", "language": "python", "cwd": "/workspace", "isRunning": true, "cells": 2, "startMs": 1.5,
        });
        assert_eq!(written(&state), wire);
        assert_eq!(contexts_path("s"), "/v1/sandboxes/s/contexts");
        assert_eq!(context_path("s", "c"), "/v1/sandboxes/s/contexts/c");
        assert_eq!(cells_path("s", "c"), "/v1/sandboxes/s/contexts/c/cells");
        assert_eq!(restart_path("s", "c"), "/v1/sandboxes/s/contexts/c/restart");
        assert_eq!(interrupt_path("s", "c"), "/v1/sandboxes/s/contexts/c/interrupt");
        for language in ContextLanguage::ALL {
            assert_eq!(written(&language), json!(language.name()));
        }
    }

    #[test]
    fn cell_format_unchanged() {
        let job =
            CellJob { id: "e".into(), code: "1".into(), env: BTreeMap::new(), timeout_ms: 1, max_output_bytes: 2 };
        assert_eq!(written(&job), json!({ "id": "e", "code": "1", "env": {}, "timeoutMs": 1, "maxOutputBytes": 2 }));
        assert_eq!(written(&CellEvent::Start { start_ms: None }), json!({ "type": "start" }));
        assert_eq!(written(&CellEvent::Start { start_ms: Some(1.5) }), json!({ "type": "start", "startMs": 1.5 }));
        assert_eq!(written(&CellEvent::ResultsTruncated), json!({ "type": "results_truncated" }));
        let data = Map::from_iter([("text/plain".to_owned(), json!("1"))]);
        let wire = json!({ "type": "result", "data": { "text/plain": "1" }, "isMain": true });
        assert_eq!(written(&CellEvent::Result { data, is_main: true }), wire);
        let error = CellError { name: "E".into(), message: "m".into(), traceback: vec!["t".into()] };
        let wire = json!({ "type": "error", "error": { "name": "E", "message": "m", "traceback": ["t"] } });
        assert_eq!(written(&CellEvent::Error { error }), wire);
        let exec = ExecReport {
            end: ExecEnd::Exited,
            exit_code: 1,
            signal: None,
            duration_ms: 1.5,
            cpu_ms: 2.5,
            mem_mb: 3.5,
            stdout_truncated: true,
            stderr_truncated: false,
            session: None,
        };
        let report = CellReport { exec, count: 3, context_lost: true, results_truncated: false };
        let wire = json!({ "type": "complete", "report": {
            "end": "exited", "exitCode": 1, "durationMs": 1.5, "cpuMs": 2.5, "memMB": 3.5, "stdoutTruncated": true,
            "stderrTruncated": false, "count": 3, "contextLost": true, "resultsTruncated": false,
        } });
        assert_eq!(written(&CellEvent::Complete { report }), wire);
    }

    #[test]
    fn who_reads_commands_can_read_the_end_of_a_cell() {
        let line = r#"{"type":"complete","report":{"end":"timeout","exitCode":124,"durationMs":1.0,"cpuMs":1.0,"memMB":1.0,
            "stdoutTruncated":false,"stderrTruncated":false,"count":1,"contextLost":true,"resultsTruncated":false}}"#;
        let event: crate::sandbox::ExecEvent = serde_json::from_str(line).unwrap();
        assert!(matches!(event, crate::sandbox::ExecEvent::Complete { report } if report.end == ExecEnd::Timeout));
    }
}
