//! The code interpreter: contexts of sandboxes, cells of code, and what they show.

use crate::end_users::UserContext;
use crate::sandbox_commands::{ExecStatus, ExecUsage};
use crate::source_file::SourceFile;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// A context to make. All fields are optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContextSettings {
    /// `python`, `javascript`, `typescript` or `bash`. Where it is absent: `javascript` in a sandbox for Node.js, or else `python`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The working directory, absolute or below `/workspace`; `/workspace` where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_SANDBOX_PATH_BYTES), example = &"/workspace"))]
    pub cwd: Option<String>,
    /// Variables beside those of the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(extend("maxProperties" = MAX_ENV, "additionalProperties" = { "type": "string", "maxLength": MAX_ARG_BYTES - 2 }))
    )]
    pub env: Option<BTreeMap<String, String>>,
}

/// An interpreter of a sandbox that keeps what one cell has made for the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CodeContext {
    /// The id of the context: `ctx_…`, or `default-` and the language.
    pub id: String,
    /// Its language.
    pub language: String,
    /// Where it was started.
    pub cwd: String,
    /// Whether a cell runs.
    pub running: bool,
    /// Cells that its interpreter has run.
    pub execution_count: u32,
    /// What the start of its interpreter took, in milliseconds.
    pub start_ms: f64,
}

/// The contexts of a sandbox, the oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ContextList {
    /// Its contexts; none while it sleeps.
    pub contexts: Vec<CodeContext>,
}

/// A cell of code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CodeRequest {
    /// The code. The value of its last expression is a result.
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_CODE_CELL_BYTES), example = &"sum(range(10))"))]
    pub code: String,
    /// The language whose default context runs the cell. Not with a context in the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Variables of this cell alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(extend("maxProperties" = MAX_ENV, "additionalProperties" = { "type": "string", "maxLength": MAX_ARG_BYTES - 2 }))
    )]
    pub env: Option<BTreeMap<String, String>>,
    /// After this time the cell is interrupted. If it goes on for a second more, its context is ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *TIMEOUT_MS.start(), max = *TIMEOUT_MS.end()), extend("default" = DEFAULT_EXEC_TIMEOUT_MS))
    )]
    pub timeout_ms: Option<u32>,
    /// Bytes of each of the two output streams. What is longer is cut, and the cell goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *MAX_OUTPUT_BYTES.start(), max = *MAX_OUTPUT_BYTES.end()), extend("default" = DEFAULT_MAX_OUTPUT_BYTES))
    )]
    pub max_output_bytes: Option<u32>,
}

/// A cell of code for an interpreter that is started for it, and that nothing is kept of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CodeRunRequest {
    /// The code. The value of its last expression is a result.
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_CODE_CELL_BYTES), example = &"sum(range(10))"))]
    pub code: String,
    /// `python`, `javascript` or `typescript`; `python` where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Files below the working directory of the cell. Requirements in them are installed, as those of a run are. The code counts as one
    /// more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_FILES - 1)))]
    pub files: Option<Vec<SourceFile>>,
    /// Packages to install before the cell: requirements in the syntax of PyPI or npm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_PACKAGES), extend("examples" = [["pandas"]])))]
    pub packages: Option<Vec<String>>,
    /// Variables of the interpreter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(extend("maxProperties" = MAX_ENV, "additionalProperties" = { "type": "string", "maxLength": MAX_ARG_BYTES - 2 }))
    )]
    pub env: Option<BTreeMap<String, String>>,
    /// After this time the interpreter is ended, in milliseconds. The start of the interpreter counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *TIMEOUT_MS.start(), max = *TIMEOUT_MS.end()), extend("default" = DEFAULT_EXEC_TIMEOUT_MS))
    )]
    pub timeout_ms: Option<u32>,
    /// Processor time of all processes, in milliseconds. Without it only `timeoutMs` limits the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = *CPU_MS.start(), max = *CPU_MS.end())))]
    pub cpu_ms: Option<u32>,
    /// Size of one file that the cell writes, in MiB. Without it only `memoryMB` limits files.
    #[serde(rename = "maxFileMB", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = *MAX_FILE_MB.start(), max = *MAX_FILE_MB.end())))]
    pub max_file_mb: Option<u32>,
    /// Memory of the interpreter and all that it starts together with the files they write, in MiB.
    #[serde(rename = "memoryMB", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *MEMORY_MB.start(), max = *MEMORY_MB.end()), extend("default" = DEFAULT_MEMORY_MB))
    )]
    pub memory_mb: Option<u32>,
    /// Bytes of each of the two output streams. What is longer is cut, and the cell goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *MAX_OUTPUT_BYTES.start(), max = *MAX_OUTPUT_BYTES.end()), extend("default" = DEFAULT_MAX_OUTPUT_BYTES))
    )]
    pub max_output_bytes: Option<u32>,
    /// Whether the cell may reach public addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub allow_network: Option<bool>,
    /// The only hosts that the cell may reach. Needs `allowNetwork`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_ALLOWED_HOSTS), extend("examples" = [["api.example.com"]])))]
    pub allowed_hosts: Option<Vec<String>>,
    /// The user for whom the cell runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_context: Option<UserContext>,
}

/// Something that a cell shows, in all the formats that it has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CodeResult {
    /// Whether it is the value of the last expression. Others were shown by the code.
    pub main: bool,
    /// `text/plain`: how the language writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `text/html`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// `text/markdown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub markdown: Option<String>,
    /// `image/svg+xml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub svg: Option<String>,
    /// `image/png` in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub png: Option<String>,
    /// `image/jpeg` in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jpeg: Option<String>,
    /// `application/pdf` in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pdf: Option<String>,
    /// `text/latex`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latex: Option<String>,
    /// `application/javascript`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub javascript: Option<String>,
    /// `application/json`: the value itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// The data of a chart: `type` is `line`, `scatter`, `bar`, `pie`, `box` or `subplots`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<Value>,
    /// Other MIME types with their content.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Value>,
}

/// What a cell failed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct CodeError {
    /// The class of the exception; or `Timeout`, `OutOfMemory`, `ContextExited`, `Interrupted` or `ContextDeleted`; `ExitCode` where the
    /// last command of a cell of Bash has failed.
    pub name: String,
    /// Its message.
    pub message: String,
    /// Its lines, as the language prints them.
    pub traceback: Vec<String>,
}

/// What of a cell was cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct CodeTruncated {
    /// Whether standard output was cut.
    pub stdout: bool,
    /// Whether standard error was cut.
    pub stderr: bool,
    /// Whether results were left out, because there were more than 1,000 of them or more than 16 MiB.
    pub results: bool,
}

/// How a cell ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CodeExecution {
    /// The id of the execution.
    pub id: String,
    /// The context that has run it; `fresh` where an interpreter was started for this cell alone.
    pub context_id: String,
    /// `success`, or what ended it: `error` after an exception, or because the interpreter has ended.
    pub status: ExecStatus,
    /// Whether it ended without an error.
    pub success: bool,
    /// The number of the cell since its interpreter was started, from 1 on.
    pub execution_count: u32,
    /// What it wrote to standard output, with what its children wrote. Bytes that are not UTF-8 become U+FFFD.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// What it has shown, in its order.
    pub results: Vec<CodeResult>,
    /// What it failed with; null if it did not fail.
    pub error: Option<CodeError>,
    /// Whether what the context held is gone: the next cell runs in a new, empty interpreter.
    pub context_lost: bool,
    /// What the start of the interpreter took, in milliseconds, if this is its first cell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<f64>,
    /// When the call came.
    pub timestamp: Time,
    /// Wall-clock time in milliseconds, without the time that it waited for other cells.
    pub duration_ms: f64,
    /// Whether the time limit ended it.
    pub timed_out: bool,
    /// What was cut.
    pub truncated: CodeTruncated,
    /// What it has used.
    pub usage: ExecUsage,
    /// If the machine of the sandbox was lost before this cell: the files are as they had been at this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_from: Option<Time>,
}

/// One event of a cell: `start`, what it writes and shows as it comes, and exactly one `complete` at the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase", tag = "type")]
pub enum CodeStreamEvent {
    /// The cell runs. A cell that waits for another one of its context has not started.
    #[serde(rename_all = "camelCase")]
    Start {
        /// The id of the execution.
        id: String,
        /// The context that runs it.
        context_id: String,
        /// When the call came.
        timestamp: Time,
        /// What the start of the interpreter took, in milliseconds, if this is its first cell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start_ms: Option<f64>,
    },
    /// Text from standard output.
    Stdout {
        /// The text.
        data: String,
        /// When it came.
        timestamp: Time,
    },
    /// Text from standard error.
    Stderr {
        /// The text.
        data: String,
        /// When it came.
        timestamp: Time,
    },
    /// Something that the cell shows.
    Result {
        /// All its formats.
        result: Box<CodeResult>,
        /// When it came.
        timestamp: Time,
    },
    /// What the cell failed with, or that the sandbox was lost: then its name is `sandbox_interrupted`. `complete` follows.
    Error {
        /// The error.
        error: CodeError,
        /// When it came.
        timestamp: Time,
    },
    /// The end of the cell.
    Complete {
        /// How it ended. Its `stdout`, `stderr` and `results` are empty and its `error` is null, because the events before have
        /// them.
        #[serde(flatten)]
        execution: Box<CodeExecution>,
    },
}
