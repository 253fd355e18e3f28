//! What is asked of the contexts of a sandbox.

use docle_protocol::context::{CellJob, ContextSpec};
use serde::{Deserialize, Serialize};

/// Something to do with contexts. Each answers with the contexts that it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
pub enum ContextAction {
    /// Makes one, and starts its interpreter; one with this id stays as it is.
    Create { id: String, spec: ContextSpec },
    /// All of them, the oldest first. A sandbox that sleeps has none, and is not woken.
    List,
    /// Starts its interpreter anew, empty.
    Restart { id: String },
    /// Interrupts the cell that runs. Answers with none.
    Interrupt { id: String },
    /// Ends it. Answers with none.
    Delete { id: String },
}

impl ContextAction {
    /// Whether it is about a context that a machine that does not run cannot have.
    pub const fn needs_running(&self) -> bool {
        !matches!(self, Self::Create { .. })
    }
}

/// A cell, and where it is to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CellCall {
    pub context: String,
    /// What the context is like if it is to be made where there is none.
    pub default: Option<ContextSpec>,
    pub job: CellJob,
}
