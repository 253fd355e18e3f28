//! Who may read the results of a project.

use serde::{Deserialize, Serialize};

/// Whose a project is, and whether its results are private.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Guard {
    pub project_id: String,
    /// `None` when the project has no owner.
    pub user_id: Option<String>,
    /// Whether only the project's keys and its owner may read results, instead of every caller who knows the id.
    pub private_results: bool,
}
