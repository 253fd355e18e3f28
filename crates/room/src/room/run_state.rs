//! The state of the runs in a room.

use serde_json::Value;

/// Whether programs can run, which user's program runs, and the last result.
pub(super) struct RunState {
    pub has_owner: bool,
    /// The user who asked for the current run.
    pub running: Option<String>,
    pub result: Option<Value>,
}

impl RunState {
    pub fn new(has_owner: bool, result: Option<Value>) -> Self {
        Self { has_owner, running: None, result }
    }

    /// The result of the last run.
    pub fn result(&self) -> Option<&Value> {
        self.result.as_ref()
    }
}
