//! Processes in the background of sandboxes: how they are started, what they are like, their output, and waiting for them.

use crate::sandbox_commands::ExecUsage;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// A process to start: a line for `bash -c`, or a program with its arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessStart {
    /// A line for `bash -c`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_ARG_BYTES), example = &"npm run dev"))]
    pub command: Option<String>,
    /// A program and its arguments, in place of `command`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = MAX_ARGS), inner(length(max = MAX_ARG_BYTES)), extend("examples" = [["python3", "server.py"]]))
    )]
    pub argv: Option<Vec<String>>,
    /// A name of your own. Several processes may have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_PROCESS_NAME_CHARS), example = &"web"))]
    pub name: Option<String>,
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
    /// Whether standard input stays open, for `POST …/stdin`. Else it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<bool>,
    /// After this time everything that the process has started is ended. Without it there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *PROCESS_TIMEOUT_MS.start(), max = *PROCESS_TIMEOUT_MS.end()))
    )]
    pub timeout_ms: Option<u32>,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ProcessStatus {
    /// It runs.
    Running,
    /// It ended by itself; its exit code says how.
    Exited,
    /// A signal, a call or its time limit ended it.
    Killed,
    /// The sandbox had no memory left, or failed.
    Failed,
}

impl ProcessStatus {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Running, Self::Exited, Self::Killed, Self::Failed];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Exited => "exited",
            Self::Killed => "killed",
            Self::Failed => "failed",
        }
    }
}

/// A process in the background.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// The id of the process.
    pub id: String,
    /// The name that it was started with.
    pub name: Option<String>,
    /// Its process id in the sandbox.
    pub pid: u32,
    /// The command; the words of `argv` with spaces between them.
    pub command: String,
    /// Where it was started.
    pub cwd: String,
    /// What it does.
    pub status: ProcessStatus,
    /// As a shell has it: 128 and the number of a signal; 124 after the time limit; null while it runs.
    pub exit_code: Option<i32>,
    /// The name of the signal that ended it; null if none did.
    pub signal: Option<String>,
    /// Whether its time limit ended it.
    pub timed_out: bool,
    /// Whether its standard input is open.
    pub stdin: bool,
    /// When it was started.
    pub started_at: Time,
    /// When it ended; null while it runs.
    pub ended_at: Option<Time>,
    /// Bytes that it has written to both streams.
    pub log_bytes: u64,
    /// How many of these were dropped: the latest 2 MiB are kept.
    pub dropped_bytes: u64,
    /// What it has used; null while it runs.
    pub usage: Option<ExecUsage>,
}

/// The processes of a sandbox, in the order of their starts. The 64 that ended last are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ProcessList {
    /// The processes.
    pub processes: Vec<Process>,
}

/// The output of a process as far as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProcessLogs {
    /// What it wrote to standard output. Bytes that are not UTF-8 become U+FFFD.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// Bytes that are missing here because they were dropped.
    pub dropped_bytes: u64,
    /// The position after the last byte, for `after` of the next call.
    pub position: u64,
    /// The process as it is now.
    pub process: Process,
}

/// One event of a log. Its id is the position after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase", tag = "type")]
pub enum ProcessLogEvent {
    /// Text from standard output.
    Stdout {
        /// The text.
        data: String,
        /// When it was written.
        timestamp: Time,
    },
    /// Text from standard error.
    Stderr {
        /// The text.
        data: String,
        /// When it was written.
        timestamp: Time,
    },
    /// Output was dropped because this reader came late or was slow.
    Dropped {
        /// How many bytes are missing.
        bytes: u64,
    },
    /// The process has ended, and no event comes after this.
    Exit {
        /// How it ended.
        process: Process,
    },
    /// The sandbox was lost.
    Error {
        /// What happened.
        message: String,
        /// `sandbox_interrupted`.
        code: String,
        /// When it was noticed.
        timestamp: Time,
    },
}

/// Text for standard input.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProcessInput {
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Whether standard input ends after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close: Option<bool>,
}

/// A signal for the process group of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProcessSignal {
    /// The name of the signal.
    #[cfg_attr(feature = "schema", schemars(example = &"SIGINT", extend("enum" = SIGNALS.map(|(name, _)| name))))]
    pub signal: String,
}

/// What to wait for: at most one of `log`, `regex` and `port`. Without them, the end of the process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessWait {
    /// A line of output that contains this text. Lines that are there already count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_LOG_PATTERN_BYTES), example = &"ready"))]
    pub log: Option<String>,
    /// A line of output that matches this regular expression, which has neither look-around nor back-references.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_LOG_PATTERN_BYTES), example = &"port (\\d+)"))]
    pub regex: Option<String>,
    /// A TCP socket that listens on this port in the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = u16::MAX)))]
    pub port: Option<u16>,
    /// How long to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *WAIT_TIMEOUT_MS.start(), max = *WAIT_TIMEOUT_MS.end()), extend("default" = DEFAULT_WAIT_TIMEOUT_MS))
    )]
    pub timeout_ms: Option<u32>,
}

/// What came of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum WaitOutcome {
    /// There is such a line.
    Line,
    /// A socket listens on the port.
    Listening,
    /// The process has ended, and the line or port did not come.
    Exited,
    /// The time was up.
    Timeout,
    /// The machine of the sandbox was lost.
    Lost,
}

/// The result of waiting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct WaitResult {
    /// What came of it.
    pub outcome: WaitOutcome,
    /// The whole line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// What the groups of `regex` have matched, from the first on; null for one that took no part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<Option<String>>>,
    /// The process as it is now; null if the machine was lost.
    pub process: Option<Process>,
}

/// The signals that can be sent, with their numbers on Linux.
pub const SIGNALS: [(&str, i32); 14] = [
    ("SIGHUP", 1),
    ("SIGINT", 2),
    ("SIGQUIT", 3),
    ("SIGABRT", 6),
    ("SIGKILL", 9),
    ("SIGUSR1", 10),
    ("SIGUSR2", 12),
    ("SIGPIPE", 13),
    ("SIGALRM", 14),
    ("SIGTERM", 15),
    ("SIGCONT", 18),
    ("SIGSTOP", 19),
    ("SIGTSTP", 20),
    ("SIGWINCH", 28),
];
