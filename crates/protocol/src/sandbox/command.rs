//! What is executed in a sandbox, and what ends it.

use serde::{Deserialize, Serialize};

/// What to execute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExecCommand {
    /// A line for `bash -c`.
    Shell(String),
    /// A program and its arguments; the program is looked up in `PATH`.
    Argv(Vec<String>),
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
    /// A caller ended it.
    Killed,
    /// The jail failed.
    System,
}
