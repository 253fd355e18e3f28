//! Sends frames to one connection or to all connections of a protocol.

use super::output::{Effect, Frame};
use super::state::Room;
use crate::connection::Connection;
use crate::yjs_protocol;
use serde_json::Value;

impl Room {
    /// Sends a message of the JSON protocol to all JSON clients, and to the Yjs clients that want events.
    pub(super) fn broadcast_event(&mut self, message: &Value) {
        self.broadcast_json(None, message);
        let to = self.ids(|connection| connection.is_yjs() && connection.wants_events);
        let frame = yjs_protocol::event(&message.to_string());
        self.send(to, Frame::Binary(frame.into()));
    }

    pub(super) fn broadcast_yjs(&mut self, except: Option<u32>, frame: Vec<u8>) {
        let to = self.ids(|connection| connection.is_yjs() && Some(connection.id) != except);
        self.send(to, Frame::Binary(frame.into()));
    }

    pub(super) fn broadcast_json(&mut self, except: Option<u32>, message: &Value) {
        let to = self.ids(|connection| connection.is_json() && Some(connection.id) != except);
        if !to.is_empty() {
            self.send(to, Frame::Text(message.to_string().into()));
        }
    }

    pub(super) fn reply_yjs(&mut self, id: u32, frame: Vec<u8>) {
        self.send(vec![id], Frame::Binary(frame.into()));
    }

    pub(super) fn reply_json(&mut self, id: u32, message: &Value) {
        self.send(vec![id], Frame::Text(message.to_string().into()));
    }

    fn ids(&self, is_addressed: impl Fn(&Connection) -> bool) -> Vec<u32> {
        self.connections
            .values()
            .filter(|connection| is_addressed(connection))
            .map(|connection| connection.id)
            .collect()
    }

    pub(super) fn send(&mut self, to: Vec<u32>, frame: Frame) {
        if !to.is_empty() {
            self.output.effects.push(Effect::Send { to, frame });
        }
    }
}
