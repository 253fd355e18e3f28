//! Background processes of a sandbox: they outlive the request that starts them, and their output can be read again.
//!
//! | request | body | response |
//! |---|---|---|
//! | `POST` [`processes_path`] | [`ProcessRequest`] | [`ProcessResponse`], or [`ProcessError`] with 422 |
//! | `POST` [`process_events_path`] | [`ProcessWatch`] | a stream of [`ProcessEvent`] lines, or [`ProcessError`] with 422 |
//!
//! The output of a process is a log with positions: the number of bytes that both streams have written before. The runner keeps
//! the latest bytes of it. A reader that comes late, or reads slowly, is told how many bytes it has missed. No process waits for
//! a reader. An empty line in a stream is a heartbeat.

use crate::event::Piece;
use crate::sandbox::command::{ExecCommand, ExecEnd};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most bytes of output that the runner keeps of one process.
pub const KEPT_LOG_BYTES: usize = 2 << 20;
/// Processes of one sandbox that may run at once.
pub const MAX_RUNNING_PROCESSES: usize = 128;
/// Processes that have ended and stay listed; the oldest is forgotten.
pub const KEPT_ENDED_PROCESSES: usize = 64;
/// How long a process may take to end after `SIGTERM`, before everything that it has started is killed.
pub const KILL_GRACE_MS: u32 = 5_000;

/// Where processes are started, listed, fed and ended.
pub fn processes_path(id: &str) -> String {
    format!("/v1/sandboxes/{id}/processes")
}

/// Where the events of a process are read, and waited for.
pub fn process_events_path(id: &str) -> String {
    format!("/v1/sandboxes/{id}/processes/events")
}

/// A process to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessJob {
    /// Unique in the sandbox; letters, digits, `-` and `_`, at most 64.
    pub id: String,
    /// A name for people and programs; several processes may have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub command: ExecCommand,
    /// As in an `ExecJob`.
    pub cwd: String,
    pub env: BTreeMap<String, String>,
    /// Whether standard input stays open for [`ProcessRequest::Stdin`]; else it is empty.
    pub stdin: bool,
    /// After this time everything that it has started is ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u32>,
}

/// What is asked about processes. `process` is an id, or the process id in the sandbox as decimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "op", deny_unknown_fields)]
pub enum ProcessRequest {
    /// Starts one. A working directory that cannot be entered is a `FileError` with 422.
    Start { job: ProcessJob },
    /// All of them, in the order of their starts.
    List,
    /// One of them.
    Get { process: String },
    /// Writes to standard input, waits until the process has taken it, and closes it if asked to.
    Stdin { process: String, data: Piece, close: bool },
    /// Sends a signal to the process group of the process.
    Signal { process: String, signal: i32 },
    /// Ends a process and everything that it has started: `SIGTERM` to its process group, then `SIGKILL` to all. `forget`
    /// also takes it from the list.
    Kill { process: String, forget: bool },
    /// Ends all of them in the same way.
    KillAll,
}

/// The result of a [`ProcessRequest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum ProcessResponse {
    /// The process as it is after the request.
    Process {
        process: ProcessState,
    },
    Processes {
        processes: Vec<ProcessState>,
    },
}

/// One process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessState {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The process id in the sandbox.
    pub pid: u32,
    pub command: ExecCommand,
    pub cwd: String,
    /// Milliseconds since 1970.
    pub started_ms: u64,
    /// Whether standard input is open.
    pub stdin: bool,
    /// Bytes that it has written.
    pub log_bytes: u64,
    /// Bytes of these that are not kept any more.
    pub dropped_bytes: u64,
    /// How it ended; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<ProcessEnd>,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessEnd {
    pub end: ExecEnd,
    /// As in an `ExecReport`.
    pub exit_code: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// Milliseconds since 1970.
    pub ended_ms: u64,
    pub cpu_ms: f64,
    #[serde(rename = "memMB")]
    pub mem_mb: f64,
}

/// What is read of a process as it comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "op", deny_unknown_fields)]
pub enum ProcessWatch {
    /// Its output after a position, until it ends; without `follow` only what there is. The last event is
    /// [`ProcessEvent::End`].
    Logs { process: String, after: u64, follow: bool },
    /// Waits for something. The only event is [`ProcessEvent::Waited`].
    #[serde(rename_all = "camelCase")]
    Wait { process: String, condition: WaitCondition, timeout_ms: u32 },
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "for", deny_unknown_fields)]
pub enum WaitCondition {
    /// The end of the process.
    Exit,
    /// A line of its output that contains the text, or matches the regular expression. Lines that are there count. A line
    /// without an end counts when nothing more comes for a moment.
    Log { pattern: String, regex: bool },
    /// A TCP socket that listens on this port in the sandbox, of whichever process.
    Port { port: u16 },
}

/// One line of a stream of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum ProcessEvent {
    /// Output up to `position`. A character of UTF-8 is never divided.
    #[serde(rename_all = "camelCase")]
    Stdout { position: u64, at_ms: u64, data: Piece },
    /// The same of standard error.
    #[serde(rename_all = "camelCase")]
    Stderr { position: u64, at_ms: u64, data: Piece },
    /// So many bytes before `position` are not kept any more.
    Dropped { position: u64, bytes: u64 },
    /// No output comes after this.
    End { position: u64, process: ProcessState },
    /// What came of waiting.
    Waited { result: WaitResult, process: ProcessState },
}

/// What came of waiting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "outcome")]
pub enum WaitResult {
    /// The line, without its end, and the groups of the regular expression from 1 on.
    Line { line: String, groups: Vec<Option<String>> },
    /// A socket listens on the port.
    Listening,
    /// The process has ended; unless that was waited for, nothing else will come.
    Exited,
    /// The time was up.
    Timeout,
}

/// Why a request about processes or sessions is not carried out. Nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessError {
    pub code: ProcessErrorCode,
    /// In English.
    pub message: String,
}

/// The code of a [`ProcessError`]. None of them is a code of a `FileError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessErrorCode {
    UnknownProcess,
    /// It runs no more, so nothing can be sent to it.
    ProcessEnded,
    /// Its standard input is closed.
    StdinClosed,
    /// A process with this id is there.
    DuplicateProcess,
    /// As many run as may.
    TooManyProcesses,
    /// The regular expression is none.
    BadPattern,
    /// The sandbox has as many sessions as it may.
    TooManySessions,
    UnknownSession,
    /// A session with this id is there.
    DuplicateSession,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};
    use std::fmt::Debug;

    /// What is written for a value, which must be read as the same value.
    fn written<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> Value {
        let wire = serde_json::to_value(value).unwrap();
        assert_eq!(&serde_json::from_value::<T>(wire.clone()).unwrap(), value);
        wire
    }

    fn state(ended: Option<ProcessEnd>) -> ProcessState {
        ProcessState {
            id: "p".into(),
            name: None,
            pid: 2,
            command: ExecCommand::Shell("true".into()),
            cwd: "/workspace".into(),
            started_ms: 3,
            stdin: false,
            log_bytes: 4,
            dropped_bytes: 1,
            ended,
        }
    }

    #[test]
    fn process_request_format_unchanged() {
        let job = ProcessJob {
            id: "p".into(),
            name: Some("n".into()),
            command: ExecCommand::Argv(vec!["a".into()]),
            cwd: String::new(),
            env: BTreeMap::new(),
            stdin: true,
            timeout_ms: Some(5),
        };
        let wire = json!({
            "id": "p", "name": "n", "command": { "argv": ["a"] }, "cwd": "", "env": {}, "stdin": true, "timeoutMs": 5,
        });
        assert_eq!(written(&ProcessRequest::Start { job }), json!({ "op": "start", "job": wire }));
        assert_eq!(written(&ProcessRequest::List), json!({ "op": "list" }));
        let stdin = ProcessRequest::Stdin { process: "p".into(), data: Piece(vec![0]), close: true };
        assert_eq!(written(&stdin), json!({ "op": "stdin", "process": "p", "data": "AA==", "close": true }));
        let signal = ProcessRequest::Signal { process: "7".into(), signal: 15 };
        assert_eq!(written(&signal), json!({ "op": "signal", "process": "7", "signal": 15 }));
        let kill = ProcessRequest::Kill { process: "p".into(), forget: false };
        assert_eq!(written(&kill), json!({ "op": "kill", "process": "p", "forget": false }));
        assert_eq!(written(&ProcessRequest::KillAll), json!({ "op": "killAll" }));
        let logs = ProcessWatch::Logs { process: "p".into(), after: 1, follow: true };
        assert_eq!(written(&logs), json!({ "op": "logs", "process": "p", "after": 1, "follow": true }));
        for (condition, wire) in [
            (WaitCondition::Exit, json!({ "for": "exit" })),
            (
                WaitCondition::Log { pattern: "a".into(), regex: true },
                json!({ "for": "log", "pattern": "a", "regex": true }),
            ),
            (WaitCondition::Port { port: 80 }, json!({ "for": "port", "port": 80 })),
        ] {
            let wait = ProcessWatch::Wait { process: "p".into(), condition, timeout_ms: 9 };
            assert_eq!(written(&wait), json!({ "op": "wait", "process": "p", "condition": wire, "timeoutMs": 9 }));
        }
        assert_eq!(processes_path("sbx_a"), "/v1/sandboxes/sbx_a/processes");
        assert_eq!(process_events_path("sbx_a"), "/v1/sandboxes/sbx_a/processes/events");
    }

    #[test]
    fn process_response_format_unchanged() {
        let running = json!({
            "id": "p", "pid": 2, "command": { "shell": "true" }, "cwd": "/workspace", "startedMs": 3, "stdin": false,
            "logBytes": 4, "droppedBytes": 1,
        });
        let processes = ProcessResponse::Processes { processes: vec![state(None)] };
        assert_eq!(written(&processes), json!({ "type": "processes", "processes": [running] }));
        let end = ProcessEnd {
            end: ExecEnd::Killed,
            exit_code: 143,
            signal: Some("SIGTERM".into()),
            ended_ms: 6,
            cpu_ms: 1.5,
            mem_mb: 2.5,
        };
        let wire = json!({
            "end": "killed", "exitCode": 143, "signal": "SIGTERM", "endedMs": 6, "cpuMs": 1.5, "memMB": 2.5,
        });
        assert_eq!(written(&ProcessResponse::Process { process: state(Some(end)) })["process"]["ended"], wire);
        let data = Piece(vec![0xff]);
        let stdout = ProcessEvent::Stdout { position: 1, at_ms: 2, data };
        assert_eq!(written(&stdout), json!({ "type": "stdout", "position": 1, "atMs": 2, "data": "/w==" }));
        let dropped = ProcessEvent::Dropped { position: 3, bytes: 2 };
        assert_eq!(written(&dropped), json!({ "type": "dropped", "position": 3, "bytes": 2 }));
        assert_eq!(written(&ProcessEvent::End { position: 4, process: state(None) })["type"], "end");
        let result = WaitResult::Line { line: "a".into(), groups: vec![None, Some("b".into())] };
        let wire = json!({ "outcome": "line", "line": "a", "groups": [null, "b"] });
        assert_eq!(written(&ProcessEvent::Waited { result, process: state(None) })["result"], wire);
        assert_eq!(written(&WaitResult::Listening), json!({ "outcome": "listening" }));
        let error = ProcessError { code: ProcessErrorCode::UnknownProcess, message: "a".into() };
        assert_eq!(written(&error), json!({ "code": "unknown_process", "message": "a" }));
    }
}
