//! Runs that have not ended.

use crate::time::Time;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A run that has not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PendingRun {
    /// The id of the run.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    pub id: String,
    /// How far it is.
    pub status: PendingStatus,
    /// When the run was asked for.
    pub created_at: Time,
    /// What it has written so far, once its program may have begun. The answer that starts a run is without it, and so is a run
    /// whose output cannot be followed: one that is neither detached nor has an idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputSoFar>,
}

/// What a run has written so far: the end of each stream, in whole characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OutputSoFar {
    /// The last 64 KiB or more of standard output.
    pub stdout: String,
    /// The last 64 KiB or more of standard error.
    pub stderr: String,
    /// How many bytes of standard output come before `stdout`.
    pub stdout_omitted_bytes: u64,
    /// How many bytes of standard error come before `stderr`.
    pub stderr_omitted_bytes: u64,
}

/// How far a run is that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PendingStatus {
    /// It waits for a slot.
    Queued,
    /// Its repository is being fetched.
    Fetching,
    /// Its packages are being installed.
    Installing,
    /// Its program is being compiled.
    Compiling,
    /// It has a slot: its program runs, or its result is being stored.
    Running,
}
