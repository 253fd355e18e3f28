//! Requests about persistent sandboxes, and the responses of the runner.
//!
//! A sandbox is a jail that stays: its files and processes last until the sandbox is ended. The runner keeps nothing of it
//! anywhere else. The caller saves its files with `GET` [`archive_path`] and brings them back with `PUT`.
//!
//! | request | body | response |
//! |---|---|---|
//! | `PUT` [`sandbox_path`] | [`SandboxSpec`] | 201 and [`SandboxState`]; 200 if the sandbox is there already |
//! | `GET` [`sandbox_path`] | | [`SandboxState`] |
//! | `DELETE` [`sandbox_path`] | | 204 when nothing of it is left, also if there was nothing |
//! | `POST` [`exec_path`] | [`ExecJob`] | a stream of [`ExecEvent`] lines |
//! | `DELETE` [`one_exec_path`] | | 202: the exec ends as `killed`; 404 if it is not running |
//! | `POST` [`files_path`] | [`FileRequest`] | [`FileResponse`], or [`FileError`] with 422 |
//! | `GET` [`content_path`] | | the bytes of a file, with `Range`; or [`FileError`] with 422 |
//! | `PUT` [`content_path`] | the bytes of a file | [`FileResponse::Entry`], or [`FileError`] with 422 |
//! | `GET` [`archive_path`] | | a tar archive of everything that is saved |
//! | `PUT` [`archive_path`] | such an archive | 204; the sandbox has exactly its files |
//!
//! 404 `unknown_sandbox` says that the runner has no such sandbox.

use crate::event::Piece;
use crate::job::Network;
use serde::{Deserialize, Serialize};
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

/// Where operations on files are asked for.
pub fn files_path(id: &str) -> String {
    format!("/v1/sandboxes/{id}/files")
}

/// The content of one file; the query is `path=` and the absolute path, URL-encoded byte by byte.
pub fn content_path(id: &str) -> String {
    format!("/v1/sandboxes/{id}/content")
}

/// All files that are saved: everything that is writable except /tmp, /var/tmp, /run, /dev and caches.
pub fn archive_path(id: &str) -> String {
    format!("/v1/sandboxes/{id}/archive")
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
    /// Absolute, or relative to `/workspace`. A directory that does not exist is an error, `no_such_directory`.
    pub cwd: String,
    pub env: BTreeMap<String, String>,
    /// The whole standard input.
    pub stdin: String,
    pub timeout_ms: u32,
    /// Of each of the two streams. What is longer is cut, and the command goes on.
    pub max_output_bytes: u32,
}

/// What to execute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExecCommand {
    /// A line for `bash -c`.
    Shell(String),
    /// A program and its arguments; the program is looked up in `PATH`.
    Argv(Vec<String>),
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
}

/// What ended a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecEnd {
    /// It ended by itself, whatever its exit code.
    Exited,
    /// The time limit: everything that it had started is ended.
    Timeout,
    /// The sandbox has no memory left.
    Memory,
    /// Somebody ended it.
    Killed,
    /// The jail failed.
    System,
}

/// One operation on files. Paths are absolute, or relative to `/workspace`. Symbolic links are followed as the programs of the
/// sandbox follow them, and reach nothing outside of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "op", deny_unknown_fields)]
pub enum FileRequest {
    Stat {
        path: String,
    },
    /// The entries of a directory by name, at most `limit`; `recursive` goes into directories, never through links.
    #[serde(rename_all = "camelCase")]
    List {
        path: String,
        recursive: bool,
        include_hidden: bool,
        limit: u32,
    },
    /// Makes a directory; with `recursive` also its parents, and one that exists is no error.
    Mkdir {
        path: String,
        recursive: bool,
    },
    /// Renames; into `to` if that is a directory.
    Move {
        from: String,
        to: String,
        overwrite: bool,
    },
    Copy {
        from: String,
        to: String,
        overwrite: bool,
    },
    /// Deletes a file, a link or an empty directory; with `recursive` a whole tree.
    Delete {
        path: String,
        recursive: bool,
    },
    /// Sets the permission bits, at most `0o7777`.
    Chmod {
        path: String,
        mode: u32,
    },
}

/// The result of a [`FileRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum FileResponse {
    /// What the operation was about, as it is now.
    Entry { entry: FileEntry },
    /// The entries of a directory; `more` if there are more than the limit.
    Entries { entries: Vec<FileEntry>, more: bool },
    /// It is gone.
    Deleted,
}

/// One file, directory or link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileEntry {
    /// Absolute. A name that is not UTF-8 has replacement characters here and its bytes in `path64`.
    pub path: String,
    /// The bytes of the path in base64, if it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path64: Option<String>,
    pub kind: FileKind,
    pub size: u64,
    /// The permission bits.
    pub mode: u32,
    /// Milliseconds since 1970.
    pub modified_ms: u64,
    /// Where a link points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// The kind of a [`FileEntry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    File,
    Directory,
    Symlink,
    /// A pipe, socket or device.
    Other,
}

/// Why an operation on files, or the start of a command, failed. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileError {
    pub code: FileErrorCode,
    /// In English, with at most 200 bytes of the path.
    pub message: String,
}

/// The code of a [`FileError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileErrorCode {
    NotFound,
    AlreadyExists,
    IsDirectory,
    NotADirectory,
    NotEmpty,
    /// Neither a file nor a directory, so it has no content.
    NotAFile,
    PermissionDenied,
    /// The disk of the sandbox is full, in bytes or in files.
    NoSpace,
    /// Too long, empty, or with a NUL.
    InvalidPath,
    /// A loop of symbolic links.
    TooManyLinks,
    /// Any other failure of the file system.
    Failed,
}
