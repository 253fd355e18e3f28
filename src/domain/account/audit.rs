//! What is written down about who did what.

use crate::domain::input::page::Position;
use crate::domain::timestamp::Timestamp;

/// What was done, by its name in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    SignedIn,
    ProjectCreated,
    ProjectDeleted,
    KeyCreated,
    KeyChanged,
    KeyRotated,
    KeyRevoked,
    WebhookSecretMade,
    WebhookSecretDeleted,
}

impl Action {
    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::ProjectCreated => "project_created",
            Self::ProjectDeleted => "project_deleted",
            Self::KeyCreated => "key_created",
            Self::KeyChanged => "key_changed",
            Self::KeyRotated => "key_rotated",
            Self::KeyRevoked => "key_revoked",
            Self::WebhookSecretMade => "webhook_secret_made",
            Self::WebhookSecretDeleted => "webhook_secret_deleted",
        }
    }
}

/// From where a request came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The network address.
    pub ip: Option<String>,
    /// The program, cut to a length that suits a list.
    pub user_agent: Option<String>,
}

/// An event that is to be written down.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: String,
    pub user_id: String,
    pub project_id: Option<String>,
    pub action: Action,
    /// The id of what was acted on.
    pub subject: String,
    pub at: Timestamp,
    pub origin: Origin,
}

/// An event as it was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    pub id: String,
    pub project_id: Option<String>,
    pub action: String,
    pub subject: String,
    pub at: Timestamp,
    pub origin: Origin,
}

impl RecordedEvent {
    /// Where it stands in a list.
    pub fn position(&self) -> Position {
        Position { at: self.at, id: self.id.clone() }
    }
}
