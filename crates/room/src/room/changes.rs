//! Records changes of the document: revision, unsaved updates and broadcast.

use super::state::Room;
use crate::connection::Connection;
use crate::limits::MAX_UNSAVED_BYTES;
use crate::unsaved::Unsaved;
use crate::yjs_protocol;

impl Room {
    /// The updates that are not stored yet, with their revisions, in order.
    pub fn unsaved(&self) -> Vec<Unsaved> {
        let of_connections = self.connections.values().flat_map(|connection| &connection.unsaved);
        let mut unsaved: Vec<Unsaved> = self.departed.iter().chain(of_connections).cloned().collect();
        unsaved.sort_by_key(|one| one.rev);
        unsaved
    }

    /// The connections whose text is on its way only in memory: the shell attaches them before it stores the updates, so that a room
    /// that is loaded then still sends it.
    pub fn without_text(&self) -> impl Iterator<Item = &Connection> {
        self.connections.values().filter(|connection| connection.needs_text)
    }

    /// The shell has stored all unsaved updates. Attachments that still have them are harmless: a load knows by their
    /// revisions that they are stored.
    pub fn mark_saved(&mut self) {
        self.departed.clear();
        self.connections.values_mut().for_each(|connection| connection.unsaved.clear());
        self.unsaved_bytes = 0;
    }

    /// Whether there are updates that are not stored yet.
    pub fn has_unsaved(&self) -> bool {
        self.unsaved_bytes > 0
    }

    /// Whether unsaved updates are in memory only, because the attachment of the sender's socket has no space for them.
    #[cfg(test)]
    pub(super) fn has_unattached(&self) -> bool {
        self.connections.values().any(|connection| !connection.holds_unsaved())
    }

    /// Whether the unsaved updates must be stored now: their senders have left, or they are too many for one row.
    pub fn must_save(&self) -> bool {
        !self.departed.is_empty() || self.unsaved_bytes > MAX_UNSAVED_BYTES
    }

    /// Records an update that has changed the document and sends it to the Yjs clients, except to its sender.
    pub(super) fn record_change(&mut self, by: u32, update: Vec<u8>, before: Option<String>, now: i64) {
        self.record_revision(before);
        self.last_update = now;
        let frame = yjs_protocol::update(&update);
        self.keep_unsaved(by, Unsaved { rev: self.rev(), update });
        self.broadcast_yjs(Some(by), frame);
    }

    pub(super) fn keep_unsaved(&mut self, by: u32, one: Unsaved) {
        self.unsaved_bytes += one.update.len();
        match self.connections.get_mut(&by) {
            Some(connection) => connection.unsaved.push(one),
            None => self.departed.push(one),
        }
        self.output.attach.push(by);
    }

    /// Counts a revision; `before` is the value of [`Room::code_before`] before the change.
    pub(super) fn record_revision(&mut self, before: Option<String>) {
        match before {
            Some(before) => self.history.push(&before, self.document.code()),
            None => self.history.skip(),
        }
    }

    /// The text of `code`, if a connection may need the difference later.
    pub(super) fn code_before(&self) -> Option<String> {
        let needs_history = self.connections.values().any(|connection| !connection.is_yjs());
        needs_history.then(|| self.document.code().to_owned())
    }
}
