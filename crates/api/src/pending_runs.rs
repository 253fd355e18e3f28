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
}

/// How far a run is that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PendingStatus {
    /// It waits for a slot.
    Queued,
    /// It has a slot: its packages are being installed, its program runs, or its result is being stored.
    Running,
}
