//! How far a run is that has not ended.

use docle_api::pending_runs::PendingStatus;
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
    /// Its program has ended, and its result is on its way to the log.
    Ending,
}

impl From<Phase> for PendingStatus {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Queued => Self::Queued,
            Phase::Running | Phase::Ending => Self::Running,
        }
    }
}
