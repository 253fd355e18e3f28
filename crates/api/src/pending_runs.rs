//! Runs that have not ended.

use crate::end_users::UserContext;
use crate::time::Time;
use crate::usage::UsageRun;
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

/// A run that has not ended, in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ListedPendingRun {
    /// The id of the run.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    pub id: String,
    /// The language.
    #[cfg_attr(feature = "schema", schemars(with = "docle_languages::Language"))]
    pub language: String,
    /// The first 200 characters of the code.
    pub code_snippet: String,
    /// How far it is.
    pub status: PendingStatus,
    /// When the run was asked for.
    pub created_at: Time,
    /// The id of the key that it was asked for with.
    pub api_key_id: String,
    /// The user for whom the caller runs it, as it was sent; null where none was named.
    pub user_context: Option<UserContext>,
}

/// A page of a project's runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RunList {
    /// Programs that have not ended, the newest first, all on the first page. Null if the pool of the project does not answer.
    pub pending: Option<Vec<ListedPendingRun>>,
    /// Programs and scripts that have ended, the newest first.
    pub history: Vec<UsageRun>,
    /// The `cursor` of the next page of `history`; null on the last one.
    pub next_cursor: Option<String>,
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

impl PendingStatus {
    /// Every status of a run that has not ended.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Fetching, Self::Installing, Self::Compiling, Self::Running];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Fetching => "fetching",
            Self::Installing => "installing",
            Self::Compiling => "compiling",
            Self::Running => "running",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_named_as_they_are_written() {
        for status in PendingStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
    }
}
