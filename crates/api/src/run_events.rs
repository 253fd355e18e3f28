//! Events of a run while it goes on: as server-sent events, and as messages of a WebSocket.

use crate::errors::Problem;
use crate::run_details::Artifact;
use crate::runs::RunResult;
use crate::time::Time;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An event of a run: `start`, `fetch`, `install` and `compile` where these take time, output as the program writes it, `artifact` for each file
/// that was stored, then exactly one
/// `complete`. As a server-sent event it is
/// the event's `data`, and its `type` is also the event's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum RunEvent<R = RunResult> {
    /// The run has its slot.
    Start {
        /// The id of the run.
        id: String,
        /// When the run was asked for.
        created_at: Time,
    },
    /// The repository is being fetched.
    Fetch {},
    /// Packages are being installed.
    Install {},
    /// The program is being compiled.
    Compile {},
    /// The program wrote to standard output.
    Stdout {
        /// What it wrote, in whole characters.
        data: String,
    },
    /// The program wrote to standard error.
    Stderr {
        /// What it wrote, in whole characters.
        data: String,
    },
    /// The program has ended, and this file that it hands back is stored. It has no `base64`.
    Artifact(Artifact),
    /// The run has ended, with this result.
    Complete(R),
}

/// What a client of an interactive run sends after its first message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StdinMessage {
    /// The kind of the message.
    #[serde(rename = "type")]
    pub kind: StdinKind,
    /// Text for the program's standard input, line ends included. Required where `end` is not true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(example = &"Ada\n"))]
    pub data: Option<String>,
    /// Whether nothing more follows: the program then reads the end of its input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<bool>,
}

/// The kind of a message with standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum StdinKind {
    Stdin,
}

/// A message that an interactive run does not go on after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RunErrorMessage {
    /// The kind of the message.
    #[serde(rename = "type")]
    pub kind: ErrorKind,
    /// The problem, as the body of a response would have it.
    pub problem: Problem,
}

/// The kind of a message with a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    Error,
}
