//! Loads a room from its storage and from the attachments of its sockets.

use super::output::Output;
use super::run_state::RunState;
use super::state::{Room, Texts};
use crate::connection::Connection;
use crate::document::Document;
use crate::history::History;
use crate::unsaved::Unsaved;
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
    /// The time of the load, in milliseconds since 1970.
    pub now: i64,
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
            departed: Vec::new(),
            unsaved_bytes: 0,
            texts: Texts::default(),
            output: Output::default(),
        };
        for update in &stored.updates {
            let before = room.code_before();
            if !room.document.restore(update) {
                return None;
            }
            room.record_revision(before);
        }
        room.restore_unsaved();
        let rev = room.rev();
        room.connections.values_mut().for_each(|connection| connection.shadow.mark_sent(rev, stored.now));
        Some(room)
    }

    /// Applies the unsaved updates in the attachments. The JSON clients may lack them.
    fn restore_unsaved(&mut self) {
        let take = |(id, connection): (&u32, &mut Connection)| {
            let unsaved = std::mem::take(&mut connection.unsaved);
            unsaved.into_iter().map(|one| (*id, one)).collect::<Vec<_>>()
        };
        let mut unsaved: Vec<(u32, Unsaved)> = self.connections.iter_mut().flat_map(take).collect();
        unsaved.sort_by_key(|(_, one)| one.rev);
        let stored = self.rev();
        for (by, Unsaved { update, .. }) in unsaved.into_iter().filter(|(_, one)| one.rev > stored) {
            let before = self.code_before();
            // An update that depends on one that is lost is lost as well. Its sender has it.
            if self.document.restore(&update) {
                self.record_revision(before);
                self.keep_unsaved(by, Unsaved { rev: self.rev(), update });
            }
        }
        let rev = self.rev();
        for connection in self.connections.values_mut().filter(|connection| connection.is_json()) {
            connection.needs_text |= rev > stored && !connection.shadow.has_received(rev);
        }
        self.texts.may_have_been_sent = self.next_text().is_some();
        self.output = Output::default();
    }
}
