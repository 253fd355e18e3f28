//! What clients that speak Yjs say.

use super::Room;
use crate::close::Close;
use crate::document::Applied;
use crate::limits::MAX_PRESENCE_BYTES;
use crate::place::Place;
use crate::seat::{Presence, Role, Seat, is_color};
use crate::wire::{self, Entry, GONE, Said};
use serde_json::{Value, json};

/// Yjs clients forget who is silent for 30 s, and renew their own presence every 15 s. Those who speak JSON do not, so
/// they are announced anew when somebody else renews.
const RENEW_AFTER_MS: i64 = 10_000;

impl Room {
    /// What a Yjs connection is told first: the wish for what it knows, and who is there.
    pub(super) fn hello(&mut self, id: u32) {
        self.reply_yjs(id, wire::step_1(&self.document.state_vector()));
        self.tell_presences(id);
        self.tell_events_so_far(id);
    }

    pub(super) fn hear_yjs(&mut self, id: u32, frame: &[u8], now: i64) {
        match wire::read(frame) {
            Some(Said::Step1(known)) => self.reply_yjs(id, wire::step_2(&self.document.missing(&known))),
            Some(Said::Step2(update)) => self.hear_update(id, update, false, now),
            Some(Said::Update(update)) => self.hear_update(id, update, true, now),
            Some(Said::Presence(entries)) => self.hear_presence(id, &entries, now),
            Some(Said::QueryPresence) => self.tell_presences(id),
            Some(Said::Other) => {}
            None => self.close(id, Close::Malformed("A frame is not of the y-websocket protocol.")),
        }
    }

    /// Nothing waits here for what it builds upon: an update that comes too early is not kept, and its sender is asked
    /// for everything that is missing, which it then sends together. Whoever answers that with something incomplete
    /// is not asked again.
    fn hear_update(&mut self, id: u32, update: &[u8], asks_again: bool, now: i64) {
        if self.seats.get(&id).is_none_or(|seat| seat.role < Role::Editor) {
            return;
        }
        let before = self.code_before();
        match self.document.apply(update) {
            Applied::Changed(None) => {}
            Applied::Changed(Some(update)) => self.changed_by_yjs(id, update, before, now),
            Applied::NotReady if asks_again => self.reply_yjs(id, wire::step_1(&self.document.state_vector())),
            Applied::NotReady => {}
            Applied::TooLarge => self.close(id, Close::DocumentTooLarge),
            Applied::Unsound(why, update) => {
                if let Some(update) = update {
                    self.changed_by_yjs(id, update, before, now);
                }
                self.close(id, Close::Malformed(why));
            }
        }
    }

    fn changed_by_yjs(&mut self, id: u32, update: Vec<u8>, before: Option<String>, now: i64) {
        self.changed(id, update, before, now);
        self.tell_text(id, true, now);
    }

    /// A connection speaks for one client id, the first that it names and nobody else has. Stock clients also send on
    /// what they heard of others, which is not for them to say.
    fn hear_presence(&mut self, id: u32, entries: &[Entry<'_>], now: i64) {
        if entries.iter().any(|entry| entry.state.len() > MAX_PRESENCE_BYTES) {
            return self.close(id, Close::PresenceTooLarge);
        }
        let is_of_another = |client| {
            self.seats
                .values()
                .any(|seat| seat.id != id && seat.presence.as_ref().is_some_and(|own| own.client == client))
        };
        let own = self.seats.get(&id).and_then(|seat| seat.presence.as_ref()).map(|own| (own.client, own.clock));
        let spoken = entries.iter().find(|entry| match own {
            Some((client, _)) => entry.client == client,
            None => entry.state != GONE && !is_of_another(entry.client),
        });
        let Some(entry) = spoken.filter(|entry| own.is_none_or(|(_, clock)| entry.clock > clock)) else { return };
        let state: Value = match serde_json::from_str(entry.state) {
            Ok(state) => state,
            Err(_) => return self.close(id, Close::Malformed("A presence is not JSON.")),
        };
        let Some(seat) = self.seats.get_mut(&id) else { return };
        let clock = entry.clock.min(crate::lib0::MAX_NUMBER - 1);
        seat.presence =
            Some(Presence { client: entry.client, clock, state: entry.state.to_owned(), announced_at: now });
        self.output.keep.push(id);
        self.announce(id, now);
        self.tell_json_about(id, &state);
    }

    /// Tells every Yjs client the presence of a seat, its own one, too: whoever hears nothing for 30 s reconnects. Those
    /// who speak JSON and were announced long ago come along.
    pub(super) fn announce(&mut self, id: u32, now: i64) {
        for seat in self.seats.values_mut().filter(|seat| seat.speaks_json() && seat.id != id) {
            if let Some(presence) = seat.presence.as_mut().filter(|own| own.announced_at + RENEW_AFTER_MS <= now) {
                presence.clock += 1;
                presence.announced_at = now;
            }
        }
        let is_news = |seat: &&Seat| seat.presence.as_ref().is_some_and(|own| seat.id == id || own.announced_at == now);
        let news: Vec<&Presence> =
            self.seats.values().filter(is_news).filter_map(|seat| seat.presence.as_ref()).collect();
        let frame = wire::presence(news.iter().map(|presence| presence.entry()));
        self.send_yjs(None, frame);
    }

    fn tell_presences(&mut self, id: u32) {
        let present: Vec<&Presence> = self.seats.values().filter_map(|seat| seat.presence.as_ref()).collect();
        if !present.is_empty() {
            let frame = wire::presence(present.iter().map(|presence| presence.entry()));
            self.reply_yjs(id, frame);
        }
    }

    /// Those who speak JSON learn a Yjs client's name, colour and cursor from its presence, in the form in which editors
    /// put them there.
    fn tell_json_about(&mut self, id: u32, state: &Value) {
        let place = state["cursor"].get("head").and_then(|head| serde_json::from_value::<Place>(head.clone()).ok());
        let offset = place.as_ref().and_then(|place| self.document.offset_of(place));
        let Some(seat) = self.seats.get_mut(&id) else { return };
        let name = state["user"]["name"].as_str().and_then(super::proper_name).unwrap_or_else(|| seat.name.clone());
        let color = state["user"]["color"].as_str().filter(|color| is_color(color)).unwrap_or(&seat.color).to_owned();
        let is_renamed = (&name, &color) != (&seat.name, &seat.color);
        let has_moved = place != seat.cursor;
        (seat.name, seat.color, seat.cursor) = (name, color, place);
        let user_id = seat.user_id();
        if is_renamed {
            self.tell_who_came(id);
        }
        if let Some(offset) = offset.filter(|_| has_moved) {
            self.send_json(Some(id), &json!({ "type": "cursor", "userId": user_id, "data": { "cursor": offset } }));
        }
    }
}
