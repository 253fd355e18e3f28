//! How far a run is that has not ended.

use docle_api::pending_runs::PendingStatus;
use docle_protocol::Stage;
use serde::{Deserialize, Serialize};

/// How far a run is that has not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// It waits for a slot.
    #[default]
    Queued,
    /// It has a slot.
    Running,
    /// Its repository is being fetched.
    Fetching,
    /// Its packages are being installed.
    Installing,
    /// Its program is being compiled.
    Compiling,
    /// Its program has ended, and its result is on its way to the log.
    Ending,
}

impl From<Phase> for PendingStatus {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Queued => Self::Queued,
            Phase::Fetching => Self::Fetching,
            Phase::Installing => Self::Installing,
            Phase::Compiling => Self::Compiling,
            Phase::Running | Phase::Ending => Self::Running,
        }
    }
}

impl From<Stage> for Phase {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Fetch => Self::Fetching,
            Stage::Install => Self::Installing,
            Stage::Compile => Self::Compiling,
            Stage::Program => Self::Running,
        }
    }
}
