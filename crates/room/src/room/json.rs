//! Handles the messages of JSON clients.

use super::connections::clean_name;
use super::output::Frame;
use super::state::Room;
use crate::color::is_color;
use crate::connection::Protocol;
use crate::document::{EMPTY_UPDATE, Meta};
use crate::json_protocol::{self, InvalidMessage, JsonMessage, UpdateData};
use crate::limits::{MAX_TEXT_BYTES_PER_SECOND, TEXT_EVERY_MS};
use crate::presence::Presence;
use crate::role::Role;
use crate::sent_text::Shadow;
use serde_json::{Value, json};

impl Room {
    /// Makes a connection a JSON one and sends it the whole state.
    pub(super) fn greet_json(&mut self, id: u32, now: i64) {
        let presences = self.connections.values().filter_map(|connection| connection.presence.as_ref());
        let taken: Vec<u64> = presences.map(|presence| presence.client).collect();
        let rev = self.history.rev();
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.protocol = Protocol::Json;
        connection.shadow = Shadow::of(rev);
        // The Yjs client id of a JSON client is its connection id, which is random as well.
        let client = (u64::from(id)..).find(|client| !taken.contains(client)).unwrap_or_default();
        connection.presence = Some(Presence { client, clock: 1, state: connection.state_for_yjs(), announced_at: now });
        self.output.attach.push(id);
        self.send_state(id, "init", now);
        self.broadcast_presence(id, now);
    }

    pub(super) fn on_json_frame(&mut self, id: u32, text: &str, now: i64) {
        match json_protocol::read(text) {
            Ok(JsonMessage::Update(data)) => self.on_update(id, &data, now),
            Ok(JsonMessage::Cursor(offset)) => self.on_cursor(id, offset, now),
            Ok(JsonMessage::Sync) => {
                self.send_state(id, "sync", now);
            }
            Ok(JsonMessage::Run { stdin, policy }) => self.on_run(id, stdin, policy),
            Ok(JsonMessage::Join { name, color }) => self.on_join(id, name, color, now),
            Err(InvalidMessage { field, message }) => self.reply_error(id, "invalid_message", field, &message),
        }
    }

    /// Replies with an error: the message had no effect.
    pub(super) fn reply_error(&mut self, id: u32, code: &str, field: &str, message: &str) {
        self.reply_json(id, &json_protocol::error(code, field, message));
    }

    /// Makes the room send its text to all JSON clients, and to the sender of the change only with `also_sender`: at once,
    /// or together with later changes if the last text was sent a moment ago.
    pub(super) fn broadcast_text(&mut self, by: u32, also_sender: bool, now: i64) {
        let Some(sender) = self.connections.get(&by) else { return };
        self.texts.by = sender.user_id();
        for connection in self.connections.values_mut().filter(|connection| connection.is_json()) {
            connection.needs_text |= also_sender || connection.id != by;
        }
        self.send_texts(now);
    }

    /// Sends the text to the JSON clients that need it, if that is due.
    pub(super) fn send_texts(&mut self, now: i64) {
        let needing = self.connections.values().filter(|connection| connection.needs_text);
        let to: Vec<u32> = needing.map(|connection| connection.id).collect();
        if to.is_empty() || now < self.texts.not_before {
            return;
        }
        if std::mem::take(&mut self.texts.may_have_been_sent) {
            // No revision is sent twice: the next message of a client must show which text it has received.
            let before = self.code_before();
            self.record_change(to[0], EMPTY_UPDATE.to_owned(), before, now);
        }
        let rev = self.rev();
        let mut data = self.document_for_json();
        data["rev"] = json!(rev);
        let message = json!({ "type": "update", "userId": self.texts.by, "data": data, "timestamp": now }).to_string();
        let bytes_a_ms = MAX_TEXT_BYTES_PER_SECOND as i64 / 1_000;
        self.texts.not_before = now + TEXT_EVERY_MS.max((message.len() * to.len()) as i64 / bytes_a_ms);
        for id in &to {
            if let Some(connection) = self.connections.get_mut(id) {
                connection.needs_text = false;
                connection.shadow.mark_sent(rev, now);
            }
        }
        self.send(to, Frame::Text(message.into()));
    }

    fn document_for_json(&self) -> Value {
        let meta = self.document.meta();
        let mut data = json!({ "code": self.document.code(), "lang": meta.lang });
        if let Some(entrypoint) = meta.entrypoint {
            data["entrypoint"] = json!(entrypoint);
        }
        if !meta.packages.is_empty() {
            data["packages"] = json!(meta.packages);
        }
        let files = self.document.files();
        if !files.is_empty() {
            data["files"] = json!(files);
        }
        data
    }

    fn send_state(&mut self, id: u32, kind: &str, now: i64) {
        let rev = self.rev();
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.needs_text = false;
        connection.shadow.mark_sent(rev, now);
        let (user_id, role) = (connection.user_id(), connection.role);
        let mut data = self.state();
        data["role"] = json!(role);
        let cursors = self.connections.values().filter(|other| other.id != id).filter_map(|other| {
            let offset = self.document.offset_of(other.cursor.as_ref()?)?;
            Some((other.user_id(), json!(offset)))
        });
        data["cursors"] = cursors.collect::<serde_json::Map<_, _>>().into();
        self.reply_json(id, &json!({ "type": kind, "userId": user_id, "data": data }));
    }

    fn on_update(&mut self, id: u32, data: &UpdateData, now: i64) {
        let Some(connection) = self.connections.get(&id) else { return };
        if connection.role < Role::Editor {
            return self.reply_error(id, "not_an_editor", "type", "needs the role editor: nothing was changed");
        }
        let rev = self.rev();
        let mut needs_correction = false;
        if let Some(code) = &data.code {
            match self.merge(id, code, data.rev, now) {
                Ok(corrected) => needs_correction = corrected,
                Err((error, field, message)) => {
                    self.reply_error(id, error, field, message);
                    return self.send_state(id, "sync", now);
                }
            }
        }
        self.change_meta(id, data, now);
        if self.rev() > rev {
            self.broadcast_text(id, needs_correction, now);
        }
    }

    /// Merges a client's text into the document. Returns whether the client needs the merged text.
    fn merge(
        &mut self,
        id: u32,
        code: &str,
        rev: Option<u64>,
        now: i64,
    ) -> Result<bool, (&'static str, &'static str, &'static str)> {
        let Some(connection) = self.connections.get_mut(&id) else { return Ok(false) };
        connection.shadow.settle(now);
        let text = self.document.code();
        let merge = connection.shadow.merge(&self.history, text, code, rev).map_err(|_| {
            ("unknown_revision", "rev", "is unknown or too old: nothing was changed; start from this text")
        })?;
        let (bytes, inserted) = (text.len() + merge.change.inserted_bytes(), merge.change.inserted_bytes());
        if !self.document.can_insert(bytes, inserted) {
            let message = "would make the text larger than 1 MiB, or the room larger than 2 MiB: nothing was changed";
            return Err(("text_too_large", "data.code", message));
        }
        let before = self.code_before();
        match self.document.edit(&merge.change) {
            Some(update) => self.record_change(id, update, before, now),
            // The client will receive a text that differs from its own. That text needs a revision of its own, so that the
            // client's next message shows whether the client has received it.
            None if merge.needs_correction => self.record_change(id, EMPTY_UPDATE.to_owned(), before, now),
            None => {}
        }
        let (needs_correction, rev) = (merge.needs_correction, self.rev());
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.shadow.record(merge, rev, code);
            self.output.attach.push(id);
        }
        Ok(needs_correction)
    }

    fn change_meta(&mut self, id: u32, data: &UpdateData, now: i64) {
        let old = self.document.meta();
        let meta = Meta {
            lang: data.lang.clone().or_else(|| old.lang.clone()),
            entrypoint: data.entrypoint.clone().or_else(|| old.entrypoint.clone()),
            packages: data.packages.clone().unwrap_or_else(|| old.packages.clone()),
        };
        let before = self.code_before();
        if let Some(update) = self.document.set_meta(&meta) {
            self.record_change(id, update, before, now);
        }
    }

    fn on_cursor(&mut self, id: u32, offset: u32, now: i64) {
        let position = self.document.relative_position(offset);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.cursor = Some(position);
        let user_id = connection.user_id();
        self.update_presence(id, now);
        self.broadcast_json(Some(id), &json!({ "type": "cursor", "userId": user_id, "data": { "cursor": offset } }));
    }

    fn on_join(&mut self, id: u32, name: Option<String>, color: Option<String>, now: i64) {
        if color.as_ref().is_some_and(|color| !is_color(color)) {
            return self.reply_error(id, "invalid_message", "data.color", "must be a colour like \"#51cf66\"");
        }
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.name = name.and_then(|name| clean_name(&name)).unwrap_or_else(|| connection.name.clone());
        connection.color = color.unwrap_or_else(|| connection.color.clone());
        self.update_presence(id, now);
        self.broadcast_user(id);
    }

    /// Updates the presence of a JSON client and sends it to the Yjs clients.
    fn update_presence(&mut self, id: u32, now: i64) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let state = connection.state_for_yjs();
        if let Some(presence) = &mut connection.presence {
            presence.clock += 1;
            presence.state = state;
            presence.announced_at = now;
        }
        self.output.attach.push(id);
        self.broadcast_presence(id, now);
    }
}
