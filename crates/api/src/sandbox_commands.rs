//! Commands in sandboxes: what is executed, how it ended, and the events between.

use crate::runs::Truncated;
use crate::sandbox_sessions::ExecSession;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// A command to execute: a line for `bash -c`, or a program with its arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExecRequest {
    /// A line for `bash -c`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_ARG_BYTES), example = &"ls -l | wc -l"))]
    pub command: Option<String>,
    /// A program and its arguments, in place of `command`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = MAX_ARGS), inner(length(max = MAX_ARG_BYTES)), extend("examples" = [["python3", "main.py"]]))
    )]
    pub argv: Option<Vec<String>>,
    /// The working directory, absolute or below `/workspace`; `/workspace` where it is absent, and with a session where that is.
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
    /// The session whose shell executes it, after those that came before. It is made where it is not there. Without it, the
    /// command is a process of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = MAX_SESSION_ID_CHARS), regex(pattern = "^[A-Za-z0-9_-]+$"), example = &"build")
    )]
    pub session: Option<String>,
    /// Standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// After this time everything that the command has started is ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *TIMEOUT_MS.start(), max = *TIMEOUT_MS.end()), extend("default" = DEFAULT_EXEC_TIMEOUT_MS))
    )]
    pub timeout_ms: Option<u32>,
    /// Bytes of each of the two output streams. What is longer is cut, and the command goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *MAX_OUTPUT_BYTES.start(), max = *MAX_OUTPUT_BYTES.end()), extend("default" = DEFAULT_MAX_OUTPUT_BYTES))
    )]
    pub max_output_bytes: Option<u32>,
}

/// What ended a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ExecStatus {
    /// It ended by itself with exit code 0.
    Success,
    /// It ended by itself with another exit code.
    Error,
    /// The time limit ended it.
    Timeout,
    /// The sandbox had no memory left.
    Memory,
    /// It was ended from outside, for example because its client left.
    Killed,
    /// The sandbox failed.
    System,
}

impl ExecStatus {
    /// Every one.
    pub const ALL: [Self; 6] = [Self::Success, Self::Error, Self::Timeout, Self::Memory, Self::Killed, Self::System];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Memory => "memory",
            Self::Killed => "killed",
            Self::System => "system",
        }
    }
}

/// What a command has used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExecUsage {
    /// Processor time in milliseconds.
    pub cpu_ms: f64,
    /// The most memory at one moment, in mebibytes.
    #[serde(rename = "memMB")]
    pub mem_mb: f64,
    /// Wall-clock time in milliseconds.
    pub duration_ms: f64,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExecResult {
    /// The id of the execution.
    pub id: String,
    /// As a shell has it: 128 and the number of a signal; 124 after the time limit; 127 if there is no such program.
    pub exit_code: i32,
    /// What it wrote to standard output. Bytes that are not UTF-8 become U+FFFD.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// Whether the exit code is 0.
    pub success: bool,
    /// What ended it.
    pub status: ExecStatus,
    /// The command; the words of `argv` with spaces between them.
    pub command: String,
    /// When it was started.
    pub timestamp: Time,
    /// Wall-clock time in milliseconds.
    pub duration_ms: f64,
    /// Whether the time limit ended it.
    pub timed_out: bool,
    /// The name of the signal that ended it, for example `SIGKILL`; null if none did.
    pub signal: Option<String>,
    /// Whether output was cut.
    pub truncated: Truncated,
    /// What it has used.
    pub usage: ExecUsage,
    /// With a session: what became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<ExecSession>,
    /// If the machine of the sandbox was lost before this command: the files are as they had been at this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_from: Option<Time>,
}

/// One event of a command: `start`, output as it is written, then exactly one `complete` or `error`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase", tag = "type")]
pub enum ExecStreamEvent {
    /// The command runs.
    #[serde(rename_all = "camelCase")]
    Start {
        /// The id of the execution.
        id: String,
        /// The command.
        command: String,
        /// When it was started.
        timestamp: Time,
        /// Its process id in the sandbox.
        pid: u32,
        /// If the machine of the sandbox was lost before this command: the files are as they had been at this time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        restored_from: Option<Time>,
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
    /// The end of the command.
    Complete {
        /// How it ended. Its `stdout` and `stderr` are empty, because the events before have them.
        #[serde(flatten)]
        result: ExecResult,
    },
    /// The sandbox was lost while the command ran.
    Error {
        /// What happened.
        message: String,
        /// `sandbox_interrupted`.
        code: String,
        /// When it was noticed.
        timestamp: Time,
    },
}

/// A file to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExecuteRequest {
    /// The file, absolute or below `/workspace`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_SANDBOX_PATH_BYTES), example = &"main.py"))]
    pub file_path: String,
    /// The time limit in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *EXECUTE_SECONDS.start(), max = *EXECUTE_SECONDS.end()), extend("default" = DEFAULT_EXECUTE_SECONDS))
    )]
    pub timeout: Option<u32>,
    /// Arguments of the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(length(max = MAX_ARGS), inner(length(max = MAX_ARG_BYTES)), extend("examples" = [["--verbose"]]))
    )]
    pub args: Option<Vec<String>>,
    /// Standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
}

/// How the run of a file ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ExecuteResult {
    /// The id of the execution.
    pub id: String,
    /// Whether the exit code is 0.
    pub ok: bool,
    /// What ended the program.
    pub status: ExecStatus,
    /// The exit code, as a shell has it.
    #[serde(rename = "exitCode")]
    pub run_exit_code: i32,
    /// The name of the signal that ended it; null if none did.
    pub signal: Option<String>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// Whether output was cut.
    pub truncated: Truncated,
    /// What it has used.
    pub usage: ExecUsage,
    /// When it was started.
    #[serde(rename = "createdAt")]
    pub created_at: Time,
    /// The file that ran.
    pub file_path: String,
    /// The same as `stdout`.
    pub output: String,
    /// The same as `stderr`.
    pub error: String,
    /// The same as `exitCode`.
    pub exit_code: i32,
    /// The same as `usage.durationMs`.
    pub duration_ms: f64,
    /// The same as `createdAt`.
    pub timestamp: Time,
    /// If the machine of the sandbox was lost before: the files are as they had been at this time.
    #[serde(default, rename = "restoredFrom", skip_serializing_if = "Option::is_none")]
    pub restored_from: Option<Time>,
}

/// An execution that has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(rename = "SandboxExecution"))]
pub struct Execution {
    /// The id of the execution.
    pub id: String,
    /// The command.
    pub command: String,
    /// The file that ran; null for a command.
    pub file_path: Option<String>,
    /// What ended it.
    pub status: ExecStatus,
    /// The exit code.
    pub exit_code: i32,
    /// The first 4 KiB of standard output.
    pub output: String,
    /// The first 4 KiB of standard error.
    pub error: String,
    /// Wall-clock time in milliseconds.
    pub duration_ms: f64,
    /// When it was started.
    pub timestamp: Time,
}

/// A page of the executions of a sandbox, the newest first. The last 1,000 are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(rename = "SandboxExecutionPage"))]
pub struct ExecutionPage {
    /// The executions.
    pub executions: Vec<Execution>,
    /// The `cursor` of the next page; null on the last one.
    pub next_cursor: Option<String>,
}
