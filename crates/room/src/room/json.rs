//! What clients that speak JSON say, and what they are told.

use super::Room;
use crate::document::{Meta, NOTHING};
use crate::message::{self, Invalid, Message, NewText};
use crate::seat::{Presence, Role, Seat, Speaks, is_color};
use crate::shadow::Shadow;
use serde_json::{Value, json};

impl Room {
    /// A connection is one that speaks JSON from now on, and is told everything.
    pub(super) fn speak_json(&mut self, id: u32, now: i64) {
        let taken: Vec<u64> =
            self.seats.values().filter_map(|seat| seat.presence.as_ref()).map(|presence| presence.client).collect();
        let rev = self.history.rev();
        let Some(seat) = self.seats.get_mut(&id) else { return };
        seat.speaks = Speaks::Json;
        seat.shadow = Shadow::of(rev);
        // Among Yjs clients it goes by its seat's number, which is as random as theirs.
        let client = (u64::from(id)..).find(|client| !taken.contains(client)).unwrap_or_default();
        seat.presence = Some(Presence { client, clock: 1, state: seat.state_for_yjs(), announced_at: now });
        self.output.keep.push(id);
        self.tell_everything(id, "init");
        self.announce(id, now);
    }

    pub(super) fn hear_json(&mut self, id: u32, text: &str, now: i64) {
        match message::read(text) {
            Ok(Message::Update(new)) => self.hear_text(id, &new, now),
            Ok(Message::Cursor(offset)) => self.hear_cursor(id, offset, now),
            Ok(Message::Sync) => {
                let rev = self.history.rev();
                if let Some(seat) = self.seats.get_mut(&id) {
                    seat.shadow.tell(rev);
                }
                self.tell_everything(id, "sync");
            }
            Ok(Message::Run { stdin }) => self.ask_to_run(id, stdin),
            Ok(Message::Join { name, color }) => self.hear_name(id, name, color, now),
            Err(Invalid { field, message }) => self.refuse(id, "invalid_message", field, &message),
        }
    }

    /// Tells a connection why its message had no effect.
    pub(super) fn refuse(&mut self, id: u32, code: &str, field: &str, message: &str) {
        self.reply_json(id, &message::error(code, field, message));
    }

    /// Tells everybody who speaks JSON what the text is now; the one that it came from only where `also_sender`.
    pub(super) fn tell_text(&mut self, by: u32, also_sender: bool, now: i64) {
        let Some(sender) = self.seats.get(&by) else { return };
        if !self.seats.values().any(Seat::speaks_json) {
            return;
        }
        let mut data = self.document_for_json();
        data["rev"] = json!(self.rev());
        let message = json!({ "type": "update", "userId": sender.user_id(), "data": data, "timestamp": now });
        let except = (!also_sender).then_some(by);
        let rev = self.rev();
        for seat in self.seats.values_mut().filter(|seat| Some(seat.id) != except) {
            seat.shadow.tell(rev);
        }
        self.send_json(except, &message);
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

    fn tell_everything(&mut self, id: u32, kind: &str) {
        let Some(seat) = self.seats.get(&id) else { return };
        let (user_id, role) = (seat.user_id(), seat.role);
        let mut data = self.state();
        data["role"] = json!(role);
        let cursors = self.seats.values().filter(|other| other.id != id).filter_map(|other| {
            let offset = self.document.offset_of(other.cursor.as_ref()?)?;
            Some((other.user_id(), json!(offset)))
        });
        data["cursors"] = cursors.collect::<serde_json::Map<_, _>>().into();
        self.reply_json(id, &json!({ "type": kind, "userId": user_id, "data": data }));
    }

    fn hear_text(&mut self, id: u32, new: &NewText, now: i64) {
        let Some(seat) = self.seats.get(&id) else { return };
        if seat.role < Role::Editor {
            return self.refuse(id, "not_an_editor", "type", "needs the role editor: nothing was changed");
        }
        let rev = self.rev();
        let mut needs_correction = false;
        if let Some(code) = &new.code {
            match self.merge(id, code, new.rev, now) {
                Ok(corrected) => needs_correction = corrected,
                Err((error, field, message)) => {
                    self.refuse(id, error, field, message);
                    return self.tell_everything(id, "sync");
                }
            }
        }
        self.change_meta(id, new, now);
        if self.rev() > rev {
            self.tell_text(id, needs_correction, now);
        }
    }

    /// Puts what a client did to its text on top of what others did. Gives whether the result differs from what the
    /// client has.
    fn merge(
        &mut self,
        id: u32,
        code: &str,
        rev: Option<u64>,
        now: i64,
    ) -> Result<bool, (&'static str, &'static str, &'static str)> {
        let Some(seat) = self.seats.get(&id) else { return Ok(false) };
        let text = self.document.code();
        let merge = seat.shadow.merge(&self.history, text, code, rev).map_err(|_| {
            ("unknown_revision", "rev", "is not one that is still known: nothing was changed; start from this text")
        })?;
        let (bytes, inserted) = (text.len() + merge.change.inserted_bytes(), merge.change.inserted_bytes());
        if !self.document.admits(bytes, inserted) {
            let message = "would make the text larger than 1 MiB, or the room larger than 2 MiB: nothing was changed";
            return Err(("text_too_large", "data.code", message));
        }
        let before = self.code_before();
        match self.document.edit(&merge.change) {
            Some(update) => self.changed(id, update, before, now),
            // The client is sent a text that it did not have. It must have a revision of its own, so that the next message
            // says whether the client has seen it.
            None if merge.needs_correction => self.changed(id, NOTHING.to_owned(), before, now),
            None => {}
        }
        let (needs_correction, rev) = (merge.needs_correction, self.rev());
        if let Some(seat) = self.seats.get_mut(&id) {
            seat.shadow.keep(merge, rev, code);
            self.output.keep.push(id);
        }
        Ok(needs_correction)
    }

    fn change_meta(&mut self, id: u32, new: &NewText, now: i64) {
        let old = self.document.meta();
        let meta = Meta {
            lang: new.lang.clone().or_else(|| old.lang.clone()),
            entrypoint: new.entrypoint.clone().or_else(|| old.entrypoint.clone()),
            packages: new.packages.clone().unwrap_or_else(|| old.packages.clone()),
        };
        let before = self.code_before();
        if let Some(update) = self.document.set_meta(&meta) {
            self.changed(id, update, before, now);
        }
    }

    fn hear_cursor(&mut self, id: u32, offset: u32, now: i64) {
        let place = self.document.place_at(offset);
        let Some(seat) = self.seats.get_mut(&id) else { return };
        seat.cursor = Some(place);
        let user_id = seat.user_id();
        self.present_json(id, now);
        self.send_json(Some(id), &json!({ "type": "cursor", "userId": user_id, "data": { "cursor": offset } }));
    }

    fn hear_name(&mut self, id: u32, name: Option<String>, color: Option<String>, now: i64) {
        if color.as_ref().is_some_and(|color| !is_color(color)) {
            return self.refuse(id, "invalid_message", "data.color", "must be a colour like \"#51cf66\"");
        }
        let Some(seat) = self.seats.get_mut(&id) else { return };
        seat.name = name.and_then(|name| super::proper_name(&name)).unwrap_or_else(|| seat.name.clone());
        seat.color = color.unwrap_or_else(|| seat.color.clone());
        self.present_json(id, now);
        self.tell_who_came(id);
    }

    /// Tells Yjs clients what has changed about somebody who speaks JSON.
    fn present_json(&mut self, id: u32, now: i64) {
        let Some(seat) = self.seats.get_mut(&id) else { return };
        let state = seat.state_for_yjs();
        if let Some(presence) = &mut seat.presence {
            presence.clock += 1;
            presence.state = state;
            presence.announced_at = now;
        }
        self.output.keep.push(id);
        self.announce(id, now);
    }
}
