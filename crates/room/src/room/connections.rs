//! The life of a connection: join, frames, expiry, close.

use super::output::{Effect, Incoming, Output};
use super::state::Room;
use crate::close::CloseReason;
use crate::color;
use crate::connection::{Connection, Protocol};
use crate::limits::{MAX_CONNECTIONS, MAX_FRAME_BYTES, MAX_MESSAGES_PER_SECOND, MAX_NAME_CHARS};
use crate::role::Role;
use crate::sent_text::Shadow;
use crate::token_bucket::TokenBucket;
use crate::yjs_protocol;
use serde_json::json;

/// How long the room waits for the first frame of an undecided connection before it greets the client in JSON, in
/// milliseconds. A Yjs client sends its first frame one round trip after the room accepted the connection.
const GREET_AFTER_MS: i64 = 500;

/// A connection to open.
pub struct NewConnection {
    /// Unique in the room, also among closed connections; it is part of the user's id.
    pub id: u32,
    /// `None` if the first frame decides.
    pub protocol: Option<Protocol>,
    pub name: Option<String>,
    pub role: Role,
    pub expires_at: Option<i64>,
    pub host: Option<String>,
    pub wants_events: bool,
    /// The hash of the client's API key, if it connects with one.
    pub key_hash: Option<String>,
    /// When the room has to ask whether the key is valid and the project exists; see [`Connection::check_at`].
    pub check_at: Option<i64>,
}

impl Room {
    /// Opens a connection.
    pub fn join(&mut self, new: NewConnection, now: i64) -> Output {
        self.close_expired(now);
        let NewConnection { id, protocol, name, role, expires_at, host, wants_events, key_hash, check_at } = new;
        if self.connections.len() >= MAX_CONNECTIONS {
            self.output.effects.push(Effect::Close { connection: id, reason: CloseReason::Full });
            return self.take_output();
        }
        let color = color::least_used(self.connections.values().map(|other| other.color.as_str())).to_owned();
        let name = name.and_then(|name| clean_name(&name)).unwrap_or_else(|| format!("Guest {:04x}", id & 0xffff));
        let protocol = protocol.unwrap_or(Protocol::Undecided { greet_at: now + GREET_AFTER_MS });
        let connection = Connection {
            id,
            name,
            color,
            role,
            protocol,
            expires_at,
            host,
            wants_events,
            presence: None,
            cursor: None,
            shadow: Shadow::of(self.history.rev()),
            key_hash,
            check_at,
            unsaved: Vec::new(),
            needs_text: false,
            bucket: TokenBucket::default(),
        };
        self.connections.insert(id, connection);
        self.output.attach.push(id);
        self.broadcast_user(id);
        if protocol == Protocol::Yjs {
            self.greet_yjs(id);
        }
        self.take_output()
    }

    /// Handles a frame of a connection.
    pub fn on_frame(&mut self, id: u32, frame: Incoming<'_>, now: i64) -> Output {
        self.close_expired(now);
        let Some(connection) = self.connections.get_mut(&id) else { return self.take_output() };
        let length = match frame {
            Incoming::Text(text) => text.len(),
            Incoming::Binary(bytes) => bytes.len(),
        };
        if connection.bucket.take(MAX_MESSAGES_PER_SECOND, now) {
            self.decide_protocol(id, frame, now);
            let protocol = self.connections.get(&id).map(|connection| connection.protocol);
            match (frame, protocol) {
                (Incoming::Text(_), Some(Protocol::Json)) if length > MAX_FRAME_BYTES => {
                    let message = "may have at most 2 MiB, and its text 1 MiB: it had no effect";
                    self.reply_error(id, "message_too_large", "", message);
                }
                (Incoming::Binary(_), Some(Protocol::Yjs)) if length > MAX_FRAME_BYTES => {
                    self.close(id, CloseReason::FrameTooLarge);
                }
                (Incoming::Text(text), Some(Protocol::Json)) => self.on_json_frame(id, text, now),
                (Incoming::Binary(bytes), Some(Protocol::Yjs)) => self.on_yjs_frame(id, bytes, now),
                (_, Some(Protocol::Json)) => {
                    self.close(id, CloseReason::Malformed("The JSON protocol uses text frames only."));
                }
                _ => self.close(id, CloseReason::Malformed("The Yjs protocol uses binary frames only.")),
            }
        } else {
            self.close(id, CloseReason::TooFast);
        }
        self.take_output()
    }

    /// Removes a connection whose socket has closed.
    pub fn detach(&mut self, id: u32) -> Output {
        self.remove(id);
        self.take_output()
    }

    /// Greets the undecided connections that are due, and closes the expired ones.
    pub fn on_alarm(&mut self, now: i64) -> Output {
        self.close_expired(now);
        let is_due = |connection: &&Connection| matches!(connection.protocol, Protocol::Undecided { greet_at } if greet_at <= now);
        let due = self.connections.values().filter(is_due).map(|connection| connection.id);
        for id in due.collect::<Vec<_>>() {
            self.greet_json(id, now);
        }
        self.take_output()
    }

    /// Sends the text to the JSON clients that wait for it, if that is due.
    pub fn on_timer(&mut self, now: i64) -> Output {
        self.close_expired(now);
        self.send_texts(now);
        self.take_output()
    }

    /// The connections whose check is due, with the hashes of their API keys; and when the next check is due.
    pub fn checks(&self, now: i64) -> (Vec<(u32, Option<String>)>, Option<i64>) {
        let checked = self.connections.values().filter_map(|connection| Some((connection, connection.check_at?)));
        let next = checked.clone().map(|(_, at)| at).filter(|at| *at > now).min();
        let due = checked.filter(|(_, at)| *at <= now);
        (due.map(|(connection, _)| (connection.id, connection.key_hash.clone())).collect(), next)
    }

    /// The connection was checked; the next check is due at `at`.
    pub fn set_check(&mut self, id: u32, at: i64) -> Output {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.check_at = Some(at);
            self.output.attach.push(id);
        }
        self.take_output()
    }

    /// Closes every connection.
    pub fn close_all(&mut self, reason: CloseReason) -> Output {
        for id in self.connections.keys().copied().collect::<Vec<_>>() {
            self.close(id, reason);
        }
        self.take_output()
    }

    /// Closes a connection for a reason, for the shell.
    pub fn close_connection(&mut self, id: u32, reason: CloseReason) -> Output {
        self.close(id, reason);
        self.take_output()
    }

    /// Closes a connection. A client that must not come back by itself first receives a message that says why: close
    /// frames are hard to get at in some clients.
    pub(super) fn close(&mut self, id: u32, reason: CloseReason) {
        let protocol = self.connections.get(&id).map(|connection| connection.protocol);
        match protocol.filter(|_| reason.is_final()) {
            Some(Protocol::Yjs) => self.reply_yjs(id, yjs_protocol::permission_denied(reason.message())),
            Some(Protocol::Json) => self.reply_error(id, reason.error(), "", reason.message()),
            _ => {}
        }
        self.output.effects.push(Effect::Close { connection: id, reason });
        self.remove(id);
    }

    /// Sends the name and the colour of a user to the JSON clients.
    pub(super) fn broadcast_user(&mut self, id: u32) {
        let Some(connection) = self.connections.get(&id) else { return };
        let data = json!({ "name": connection.name, "color": connection.color });
        let message = json!({ "type": "join", "userId": connection.user_id(), "data": data });
        self.broadcast_json(Some(id), &message);
    }

    /// The first frame decides the protocol of an undecided connection.
    fn decide_protocol(&mut self, id: u32, frame: Incoming<'_>, now: i64) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if !matches!(connection.protocol, Protocol::Undecided { .. }) {
            return;
        }
        match frame {
            Incoming::Text(_) => self.greet_json(id, now),
            Incoming::Binary(_) => {
                connection.protocol = Protocol::Yjs;
                self.output.attach.push(id);
                self.greet_yjs(id);
            }
        }
    }

    pub(super) fn close_expired(&mut self, now: i64) {
        let expired = self.connections.values().filter(|connection| connection.has_expired(now));
        for id in expired.map(|connection| connection.id).collect::<Vec<_>>() {
            self.close(id, CloseReason::Expired);
        }
    }

    fn remove(&mut self, id: u32) {
        let Some(mut connection) = self.connections.remove(&id) else { return };
        self.departed.append(&mut connection.unsaved);
        if let Some(presence) = &connection.presence {
            self.broadcast_yjs(None, yjs_protocol::presence([presence.offline_entry()].into_iter()));
        }
        self.broadcast_json(None, &json!({ "type": "leave", "userId": connection.user_id() }));
    }
}

/// A name without control characters, truncated to the limit; `None` if nothing is left.
pub(super) fn clean_name(name: &str) -> Option<String> {
    let name: String = name.trim().chars().filter(|character| !character.is_control()).take(MAX_NAME_CHARS).collect();
    (!name.is_empty()).then_some(name)
}
