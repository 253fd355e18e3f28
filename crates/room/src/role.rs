//! The roles of the people in a room.

use serde::{Deserialize, Serialize};

/// A role. Each role includes the rights of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads the text and the list of users.
    Viewer,
    /// Runs the program.
    Runner,
    /// Edits the text.
    Editor,
    /// Creates tokens for others.
    Owner,
}

impl Role {
    /// Every role, the one with the fewest rights first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Runner, Self::Editor, Self::Owner];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Runner => "runner",
            Self::Editor => "editor",
            Self::Owner => "owner",
        }
    }
}
