//! Records changes of the document: revision, log and broadcast.

use super::state::Room;
use crate::yjs_protocol;

impl Room {
    /// Stores an update that has changed the document and sends it to the Yjs clients, except to its sender.
    pub(super) fn record_change(&mut self, by: u32, update: Vec<u8>, before: Option<String>, now: i64) {
        self.record_revision(before);
        self.last_update = now;
        let frame = yjs_protocol::update(&update);
        self.output.append.push(update);
        self.broadcast_yjs(Some(by), frame);
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
