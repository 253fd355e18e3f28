//! The presence of a connection among Yjs clients.

use crate::yjs_protocol::{OFFLINE, PresenceEntry};
use serde::{Deserialize, Serialize};

/// A presence that a Yjs client announced, or that the room announces for a JSON client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The Yjs client id.
    pub client: u64,
    pub clock: u64,
    /// A JSON text; [`OFFLINE`] when the client has gone offline.
    pub state: String,
    /// When the room last sent it, in milliseconds. Yjs clients drop a presence after 30 s without an update.
    pub announced_at: i64,
}

impl Presence {
    /// The entry of the presence in a frame.
    pub fn entry(&self) -> PresenceEntry<'_> {
        PresenceEntry { client: self.client, clock: self.clock, state: &self.state }
    }

    /// The entry that removes the presence.
    pub fn offline_entry(&self) -> PresenceEntry<'_> {
        PresenceEntry { state: OFFLINE, ..self.entry() }
    }
}
