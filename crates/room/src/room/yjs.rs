//! Handles the messages of Yjs clients.

use super::state::Room;
use crate::close::CloseReason;
use crate::document::Applied;
use crate::role::Role;
use crate::yjs_protocol::{self, YjsMessage};

impl Room {
    /// Sends the first messages of a Yjs connection: the room's state vector, the presences and the last result.
    pub(super) fn greet_yjs(&mut self, id: u32) {
        self.reply_yjs(id, yjs_protocol::step_1(&self.document.state_vector()));
        self.send_presences(id);
        self.send_last_result(id);
    }

    pub(super) fn on_yjs_frame(&mut self, id: u32, frame: &[u8], now: i64) {
        match yjs_protocol::read(frame) {
            Some(YjsMessage::Step1(known)) => {
                self.reply_yjs(id, yjs_protocol::step_2(&self.document.update_since(&known)))
            }
            Some(YjsMessage::Step2(update)) => self.on_yjs_update(id, update, false, now),
            Some(YjsMessage::Update(update)) => self.on_yjs_update(id, update, true, now),
            Some(YjsMessage::Presence(entries)) => self.on_presence(id, &entries, now),
            Some(YjsMessage::QueryPresence) => self.send_presences(id),
            Some(YjsMessage::Other) => {}
            None => self.close(id, CloseReason::Malformed("A frame is not of the y-websocket protocol.")),
        }
    }

    /// Applies an update of a client. The room drops an update with missing dependencies and, with `may_request`, asks the
    /// client for everything that the room lacks. The client answers with step 2; the room does not ask again after that.
    fn on_yjs_update(&mut self, id: u32, update: &[u8], may_request: bool, now: i64) {
        if self.connections.get(&id).is_none_or(|connection| connection.role < Role::Editor) {
            return;
        }
        let before = self.code_before();
        match self.document.apply(update) {
            Applied::Changed(None) => {}
            Applied::Changed(Some(update)) => self.record_yjs_change(id, update, before, now),
            Applied::MissingDependencies if may_request => {
                self.reply_yjs(id, yjs_protocol::step_1(&self.document.state_vector()))
            }
            Applied::MissingDependencies => {}
            Applied::TooLarge => self.close(id, CloseReason::DocumentTooLarge),
            Applied::Invalid(why, update) => {
                if let Some(update) = update {
                    self.record_yjs_change(id, update, before, now);
                }
                self.close(id, CloseReason::Malformed(why));
            }
        }
    }

    fn record_yjs_change(&mut self, id: u32, update: Vec<u8>, before: Option<String>, now: i64) {
        self.record_change(id, update, before, now);
        self.broadcast_text(id, true, now);
    }
}
