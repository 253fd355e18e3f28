//! Presence: who is in the room, among Yjs clients and among JSON clients.

use super::connections::clean_name;
use super::state::Room;
use crate::close::CloseReason;
use crate::color::is_color;
use crate::connection::Connection;
use crate::lib0_encoding::MAX_NUMBER;
use crate::limits::MAX_PRESENCE_BYTES;
use crate::presence::Presence;
use crate::relative_position::RelativePosition;
use crate::yjs_protocol::{self, OFFLINE, PresenceEntry};
use serde_json::{Value, json};

/// When the room renews the presence of a JSON client, in milliseconds. Yjs clients drop a presence after 30 s without an
/// update and renew their own every 15 s. The room renews those of JSON clients whenever another presence changes.
const RENEW_AFTER_MS: i64 = 10_000;

impl Room {
    /// Takes the presence of a Yjs client. A connection owns one Yjs client id: the first that it names and that no other
    /// connection owns. Stock clients also forward the presences of others, which the room ignores.
    pub(super) fn on_presence(&mut self, id: u32, entries: &[PresenceEntry<'_>], now: i64) {
        if entries.iter().any(|entry| entry.state.len() > MAX_PRESENCE_BYTES) {
            return self.close(id, CloseReason::PresenceTooLarge);
        }
        let is_of_another = |client| {
            let mut others = self.connections.values().filter(|other| other.id != id);
            others.any(|other| other.presence.as_ref().is_some_and(|presence| presence.client == client))
        };
        let own = self.connections.get(&id).and_then(|connection| connection.presence.as_ref());
        let own = own.map(|presence| (presence.client, presence.clock));
        let entry = entries.iter().find(|entry| match own {
            Some((client, _)) => entry.client == client,
            None => entry.state != OFFLINE && !is_of_another(entry.client),
        });
        let Some(entry) = entry.filter(|entry| own.is_none_or(|(_, clock)| entry.clock > clock)) else { return };
        let state: Value = match serde_json::from_str(entry.state) {
            Ok(state) => state,
            Err(_) => return self.close(id, CloseReason::Malformed("A presence is not JSON.")),
        };
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let clock = entry.clock.min(MAX_NUMBER - 1);
        connection.presence =
            Some(Presence { client: entry.client, clock, state: entry.state.to_owned(), announced_at: now });
        self.output.attach.push(id);
        self.broadcast_presence(id, now);
        self.broadcast_yjs_user(id, &state);
    }

    /// Sends the presence of a connection to every Yjs client, also to its own: a client that receives nothing for 30 s
    /// reconnects. The frame also renews the presences of JSON clients that are due.
    pub(super) fn broadcast_presence(&mut self, id: u32, now: i64) {
        for connection in self.connections.values_mut().filter(|connection| connection.is_json() && connection.id != id)
        {
            if let Some(presence) = connection.presence.as_mut().filter(|own| own.announced_at + RENEW_AFTER_MS <= now)
            {
                presence.clock += 1;
                presence.announced_at = now;
            }
        }
        let is_new = |connection: &&Connection| {
            connection.presence.as_ref().is_some_and(|own| connection.id == id || own.announced_at == now)
        };
        let new: Vec<&Presence> =
            self.connections.values().filter(is_new).filter_map(|connection| connection.presence.as_ref()).collect();
        let frame = yjs_protocol::presence(new.iter().map(|presence| presence.entry()));
        self.broadcast_yjs(None, frame);
    }

    /// Sends all presences to one Yjs client.
    pub(super) fn send_presences(&mut self, id: u32) {
        let presences: Vec<&Presence> =
            self.connections.values().filter_map(|connection| connection.presence.as_ref()).collect();
        if !presences.is_empty() {
            let frame = yjs_protocol::presence(presences.iter().map(|presence| presence.entry()));
            self.reply_yjs(id, frame);
        }
    }

    /// Sends the name, the colour and the cursor of a Yjs client to the JSON clients. Editor bindings store them in the
    /// presence as `user` and `cursor`.
    fn broadcast_yjs_user(&mut self, id: u32, state: &Value) {
        let head = state["cursor"].get("head");
        let cursor = head.and_then(|head| serde_json::from_value::<RelativePosition>(head.clone()).ok());
        let offset = cursor.as_ref().and_then(|cursor| self.document.offset_of(cursor));
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let name = state["user"]["name"].as_str().and_then(clean_name).unwrap_or_else(|| connection.name.clone());
        let color =
            state["user"]["color"].as_str().filter(|color| is_color(color)).unwrap_or(&connection.color).to_owned();
        let is_renamed = (&name, &color) != (&connection.name, &connection.color);
        let has_moved = cursor != connection.cursor;
        (connection.name, connection.color, connection.cursor) = (name, color, cursor);
        let user_id = connection.user_id();
        if is_renamed {
            self.broadcast_user(id);
        }
        if let Some(offset) = offset.filter(|_| has_moved) {
            self.broadcast_json(
                Some(id),
                &json!({ "type": "cursor", "userId": user_id, "data": { "cursor": offset } }),
            );
        }
    }
}
