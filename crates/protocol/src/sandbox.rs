//! Requests about persistent sandboxes, and the responses of the runner.
//!
//! A sandbox is a jail that stays: its files and processes last until the sandbox is ended. The runner keeps nothing of it
//! anywhere else. The caller saves its files as [trees](crate::tree) and brings them back.
//!
//! | request | body | response |
//! |---|---|---|
//! | `PUT` [`sandbox_path`] | [`SandboxSpec`] | 201 and [`SandboxState`]; 200 if the sandbox is there already |
//! | `GET` [`sandbox_path`] | | [`SandboxState`] |
//! | `PUT` [`env_path`] | the variables of [`SandboxSpec`] | 204; commands that start from now on have them |
//! | `DELETE` [`sandbox_path`] | | 204 when nothing of it is left, also if there was nothing |
//! | `POST` [`exec_path`] | [`ExecJob`] | a stream of [`ExecEvent`] lines |
//! | `DELETE` [`one_exec_path`] | | 202: the exec ends as `killed`; 404 if it is not running |
//! | `POST` [`files_path`] | [`FileRequest`] | [`FileResponse`], or [`FileError`] with 422 |
//! | `GET` [`content_path`] | | the bytes of a file, with `Range`; or [`FileError`] with 422 |
//! | `PUT` [`content_path`] | the bytes of a file | [`FileResponse::Entry`], or [`FileError`] with 422 |
//! | `GET` [`archive_path`] | | a tar archive of everything that is saved |
//! | `GET` [`directory_path`] | | a tar archive of a directory, or [`FileError`] with 422 |
//! | `PUT` [`directory_path`] | a tar archive | [`FileResponse::Entry`] of the directory that has its files now, or [`FileError`] with 422 |
//! | `PUT` [`archive_path`] | such an archive | 204; the sandbox has exactly its files |
//!
//! 404 `unknown_sandbox` says that the runner has no such sandbox. 503 `busy` says that it can have no further one. An `ExecJob`
//! whose working directory cannot be entered is refused with a [`FileError`] and 422, and one whose id runs already with 409
//! `duplicate`. An empty line in the stream of a command is a heartbeat. Closing the connection ends the command. An archive
//! that breaks off, or is none, is a [`FileError`] with the code `failed` and changes nothing. [`process`] has the requests about
//! processes in the background, [`checkout`] those about repositories, [`port`] those to its ports, and [`terminal`]
//! connects people to shells.

pub mod checkout;
mod command;
mod file;
pub mod port;
pub mod process;
pub mod session;
pub mod terminal;

pub use command::{ExecCommand, ExecEnd};
pub use file::{FileEntry, FileError, FileErrorCode, FileKind, FileMatch, FileRequest, FileResponse, MatchPlace};

use crate::event::Piece;
use crate::job::Network;
use serde::{Deserialize, Serialize};
use session::{ExecSession, SessionReport};
use std::collections::BTreeMap;

/// The place of one sandbox. The id is `sbx_` and 26 characters of `a-z2-7`.
pub fn sandbox_path(id: &str) -> String {
    format!("/v1/sandboxes/{id}")
}

/// Where commands are executed.
pub fn exec_path(id: &str) -> String {
    format!("/v1/sandboxes/{id}/exec")
}

/// One command that is being executed.
pub fn one_exec_path(id: &str, exec: &str) -> String {
    format!("/v1/sandboxes/{id}/exec/{exec}")
}

/// Where operations on files are asked for. A name that is not UTF-8 travels in the query, as for [`content_path`]: `path=` in
/// the place of `path` or `from` of the body, and `to=` in the place of `to`.
pub fn files_path(id: &str) -> String {
    format!("/v1/sandboxes/{id}/files")
}

/// The content of one file; the query is `path=` and the path, URL-encoded byte by byte; a plus
/// sign is one. `PUT` makes the directories above the file, and nobody sees the file before it is complete.
pub fn content_path(id: &str) -> String {
    format!("/v1/sandboxes/{id}/content")
}

/// All files that are saved: everything that is writable except /tmp, /var/tmp, /run, /dev and caches.
pub fn archive_path(id: &str) -> String {
    format!("/v1/sandboxes/{id}/archive")
}

/// A directory as an archive; the query is that of [`content_path`]. `PUT` makes the directory, and leaves what is there and not in the
/// archive.
pub fn directory_path(id: &str) -> String {
    format!("/v1/sandboxes/{id}/directory")
}

/// The variables of a sandbox.
pub fn env_path(id: &str) -> String {
    format!("/v1/sandboxes/{id}/env")
}

/// Files and directories for each MiB of a disk, and at least.
const INODES_PER_MB: u64 = 128;
const LEAST_INODES: u64 = 32_768;

/// The files and directories that a disk of so many MiB may have.
pub fn disk_inodes(disk_mb: u32) -> u64 {
    (u64::from(disk_mb) * INODES_PER_MB).max(LEAST_INODES)
}

/// What a new sandbox is like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SandboxSpec {
    /// Variables of every command, in addition to the small environment of every run.
    pub env: BTreeMap<String, String>,
    /// Memory of all programs together.
    #[serde(rename = "memoryMB")]
    pub memory_mb: u32,
    /// Bytes of all files together.
    #[serde(rename = "diskMB")]
    pub disk_mb: u32,
    pub network: Network,
}

/// A sandbox that the runner has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SandboxState {
    /// Commands that are being executed, and processes that earlier ones have left behind.
    pub processes: u32,
    /// Memory that programs and files take.
    #[serde(rename = "memMB")]
    pub mem_mb: u32,
    /// Bytes of all files.
    pub disk_bytes: u64,
    /// Changes with every change of a file that the runner has made or seen. Two equal values do not prove that nothing has
    /// changed while a process lives.
    pub revision: u64,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExecJob {
    /// Unique in the sandbox; letters, digits, `-` and `_`, at most 64.
    pub id: String,
    pub command: ExecCommand,
    /// Absolute, or relative to `/workspace`, which an empty one means. A directory that cannot be entered is a [`FileError`]
    /// before anything starts.
    pub cwd: String,
    pub env: BTreeMap<String, String>,
    /// The whole standard input.
    pub stdin: String,
    pub timeout_ms: u32,
    /// Of each of the two streams. What is longer is cut, and the command goes on.
    pub max_output_bytes: u32,
    /// The session whose shell executes it; a process of its own otherwise. There `cwd` is for this command only, and an empty one
    /// is where the session is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<ExecSession>,
}

/// One line of the stream of a command: `start`, then output as it is written, then exactly one `complete`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum ExecEvent {
    /// The command runs, with this process id inside the sandbox.
    Start {
        pid: u32,
    },
    Stdout {
        data: Piece,
    },
    Stderr {
        data: Piece,
    },
    Complete {
        report: ExecReport,
    },
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecReport {
    pub end: ExecEnd,
    /// As a shell has it: 128 and the number of the signal; 124 after the time limit; 127 if there is no such program.
    pub exit_code: i32,
    /// The name of the signal that ended it, for example `SIGKILL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    pub duration_ms: f64,
    pub cpu_ms: f64,
    #[serde(rename = "memMB")]
    pub mem_mb: f64,
    pub stdout_truncated: bool,
    pub stderr_truncated: bool,
    /// With a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionReport>,
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

    #[test]
    fn sandbox_format_unchanged() {
        let env = BTreeMap::from([("A".to_owned(), "b".to_owned())]);
        let spec = SandboxSpec { env: env.clone(), memory_mb: 512, disk_mb: 1_024, network: Network::None };
        let wire = json!({ "env": { "A": "b" }, "memoryMB": 512, "diskMB": 1024, "network": { "mode": "none" } });
        assert_eq!(written(&spec), wire);
        let state = SandboxState { processes: 1, mem_mb: 2, disk_bytes: 3, revision: 4 };
        assert_eq!(written(&state), json!({ "processes": 1, "memMB": 2, "diskBytes": 3, "revision": 4 }));
        assert_eq!(exec_path("sbx_a"), "/v1/sandboxes/sbx_a/exec");
        assert_eq!(one_exec_path("sbx_a", "e"), "/v1/sandboxes/sbx_a/exec/e");
        assert_eq!(files_path("sbx_a"), "/v1/sandboxes/sbx_a/files");
        assert_eq!(content_path("sbx_a"), "/v1/sandboxes/sbx_a/content");
        assert_eq!(archive_path("sbx_a"), "/v1/sandboxes/sbx_a/archive");
        assert_eq!(env_path("sbx_a"), "/v1/sandboxes/sbx_a/env");
        assert_eq!(directory_path("sbx_a"), "/v1/sandboxes/sbx_a/directory");
    }

    #[test]
    fn exec_format_unchanged() {
        let job = ExecJob {
            id: "e1".into(),
            command: ExecCommand::Shell("true".into()),
            cwd: "/workspace".into(),
            env: BTreeMap::new(),
            stdin: String::new(),
            timeout_ms: 1_000,
            max_output_bytes: 10,
            session: None,
        };
        let wire = json!({
            "id": "e1", "command": { "shell": "true" }, "cwd": "/workspace", "env": {}, "stdin": "", "timeoutMs": 1000,
            "maxOutputBytes": 10,
        });
        assert_eq!(written(&job), wire);
        assert_eq!(written(&ExecCommand::Argv(vec!["a".into()])), json!({ "argv": ["a"] }));
        let report = ExecReport {
            end: ExecEnd::Timeout,
            exit_code: 124,
            signal: Some("SIGKILL".into()),
            duration_ms: 1.5,
            cpu_ms: 2.5,
            mem_mb: 3.5,
            stdout_truncated: true,
            stderr_truncated: false,
            session: None,
        };
        let wire = json!({
            "end": "timeout", "exitCode": 124, "signal": "SIGKILL", "durationMs": 1.5, "cpuMs": 2.5, "memMB": 3.5,
            "stdoutTruncated": true, "stderrTruncated": false,
        });
        assert_eq!(written(&ExecEvent::Complete { report }), json!({ "type": "complete", "report": wire }));
        assert_eq!(written(&ExecEvent::Start { pid: 7 }), json!({ "type": "start", "pid": 7 }));
        let data = Piece(vec![0, 0xff]);
        assert_eq!(written(&ExecEvent::Stdout { data: data.clone() }), json!({ "type": "stdout", "data": "AP8=" }));
        assert_eq!(written(&ExecEvent::Stderr { data }), json!({ "type": "stderr", "data": "AP8=" }));
    }

    #[test]
    fn file_format_unchanged() {
        let list = FileRequest::List { path: "a".into(), recursive: true, include_hidden: false, limit: 9 };
        let wire = json!({ "op": "list", "path": "a", "recursive": true, "includeHidden": false, "limit": 9 });
        assert_eq!(written(&list), wire);
        let moved = FileRequest::Move { from: "a".into(), to: "b".into(), overwrite: true };
        assert_eq!(written(&moved), json!({ "op": "move", "from": "a", "to": "b", "overwrite": true }));
        let entry = FileEntry {
            path: "/\u{fffd}".into(),
            path64: Some("L/8=".into()),
            kind: FileKind::Symlink,
            size: 1,
            mode: 0o777,
            modified_ms: 2,
            target: Some("a".into()),
        };
        let wire = json!({
            "path": "/\u{fffd}", "path64": "L/8=", "kind": "symlink", "size": 1, "mode": 511, "modifiedMs": 2, "target": "a",
        });
        assert_eq!(written(&FileResponse::Entry { entry }), json!({ "type": "entry", "entry": wire }));
        let entries = FileResponse::Entries { entries: Vec::new(), more: true };
        assert_eq!(written(&entries), json!({ "type": "entries", "entries": [], "more": true }));
        assert_eq!(written(&FileResponse::Deleted), json!({ "type": "deleted" }));
        let error = FileError { code: FileErrorCode::TooManyLinks, message: "a".into() };
        assert_eq!(written(&error), json!({ "code": "too_many_links", "message": "a" }));
    }
}
