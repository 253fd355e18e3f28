//! Loads a room from its storage and from the attachments of its sockets.

use super::output::Output;
use super::run_state::RunState;
use super::state::Room;
use crate::connection::Connection;
use crate::document::Document;
use crate::history::History;
use serde_json::Value;

/// The stored parts of a room.
#[derive(Default)]
pub struct Stored {
    /// The Yjs client id of the room's own edits.
    pub client: u32,
    /// The document at the revision of `history`.
    pub snapshot: Option<Vec<u8>>,
    pub history: History,
    /// The updates since the snapshot, each a revision.
    pub updates: Vec<Vec<u8>>,
    pub last_update: i64,
    /// Whether a project owns the room, so that programs can run in it.
    pub has_owner: bool,
    /// The result of the last run.
    pub result: Option<Value>,
    pub connections: Vec<Connection>,
}

impl Room {
    /// The stored room; `None` if the document is unreadable.
    pub fn load(stored: Stored) -> Option<Self> {
        let mut document = Document::new(stored.client);
        if let Some(snapshot) = &stored.snapshot
            && !document.restore(snapshot)
        {
            return None;
        }
        let mut room = Self {
            document,
            history: stored.history,
            connections: stored.connections.into_iter().map(|connection| (connection.id, connection)).collect(),
            last_update: stored.last_update,
            runs: RunState::new(stored.has_owner, stored.result),
            output: Output::default(),
        };
        for update in &stored.updates {
            let before = room.code_before();
            if !room.document.restore(update) {
                return None;
            }
            room.record_revision(before);
        }
        let rev = room.rev();
        room.connections.values_mut().for_each(|connection| connection.shadow.mark_sent(rev));
        Some(room)
    }
}
