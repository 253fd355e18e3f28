//! End users: the people for whom callers run programs.

use crate::usage::UsageRun;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The caller's user, as the caller describes it. It has at most 8,192 bytes as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UserContext {
    /// The caller's id of the user. Runs are listed and deleted by it.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), example = &"user-123"))]
    pub id: String,
    /// The user's mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the user pays the caller for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<UserTier>,
    /// Anything else that the caller wants to find with the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

/// What a user pays the caller for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum UserTier {
    Free,
    Pro,
    Enterprise,
}

impl UserTier {
    /// Every tier of users.
    pub const ALL: [Self; 3] = [Self::Free, Self::Pro, Self::Enterprise];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Pro => "pro",
            Self::Enterprise => "enterprise",
        }
    }
}

/// A page of runs, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RunPage {
    /// The runs.
    pub history: Vec<UsageRun>,
    /// The `cursor` of the next page; null on the last one.
    pub next_cursor: Option<String>,
}

/// What a deletion has deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Deletion {
    /// How many runs this call has deleted.
    pub deleted_runs: usize,
    /// Whether those were all. Where they were not, repeat the call.
    pub complete: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_tiers_are_named_as_they_are_written() {
        for tier in UserTier::ALL {
            assert_eq!(serde_json::to_value(tier).unwrap(), tier.name());
        }
    }
}
