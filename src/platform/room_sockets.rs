//! The hibernating WebSockets of a room.

use crate::platform::object_storage::clone_state;
use crate::ports::PortError;
use crate::ports::http_messages::Upgrade;
use crate::ports::room_sockets::RoomSockets;
use docle_room::room::Frame;
use std::cell::RefCell;
use std::collections::HashMap;
use worker::{State, WebSocket, WebSocketPair};

/// The attachment of a socket that the room has closed. The runtime lists the socket until its client has closed, too.
const CLOSED: &str = "";

/// [`RoomSockets`] of the object with this state. The tag of a socket is its connection.
pub struct RuntimeRoomSockets {
    state: State,
    /// The open sockets, since the last [`RoomSockets::list`]: to ask the runtime for each one costs as much as to send.
    open: RefCell<HashMap<u32, WebSocket>>,
}

impl RuntimeRoomSockets {
    pub fn of(state: &State) -> Self {
        Self { state: clone_state(state), open: RefCell::default() }
    }

    /// The connection of a socket.
    pub fn connection_of(&self, socket: &WebSocket) -> u32 {
        self.state.get_tags(socket).first().and_then(|tag| tag.parse().ok()).unwrap_or_default()
    }
}

impl RoomSockets for RuntimeRoomSockets {
    fn accept(&self, connection: u32) -> Result<Upgrade, PortError> {
        let WebSocketPair { client, server } = WebSocketPair::new().map_err(failed)?;
        self.state.accept_websocket_with_tags(&server, &[&connection.to_string()]);
        self.open.borrow_mut().insert(connection, server);
        Ok(Upgrade(Box::new(client)))
    }

    fn list(&self) -> Vec<(u32, Option<String>)> {
        let mut open = self.open.borrow_mut();
        open.clear();
        let mut listed = Vec::new();
        for socket in self.state.get_websockets() {
            let attachment = socket.deserialize_attachment::<String>().ok().flatten();
            if attachment.as_deref() != Some(CLOSED) {
                let connection = self.connection_of(&socket);
                open.insert(connection, socket);
                listed.push((connection, attachment));
            }
        }
        listed
    }

    fn attach(&self, connection: u32, attachment: &str) -> Result<(), PortError> {
        match self.open.borrow().get(&connection) {
            Some(socket) => socket.serialize_attachment(attachment).map_err(failed),
            None => Ok(()),
        }
    }

    fn send(&self, connection: u32, frame: &Frame) {
        let open = self.open.borrow();
        let Some(socket) = open.get(&connection) else { return };
        // It fails when the client has left. The runtime reports that by a close event.
        let _ = match frame {
            Frame::Text(text) => socket.send_with_str(text),
            Frame::Binary(bytes) => socket.send_with_bytes(bytes),
        };
    }

    fn queued_bytes(&self, connection: u32) -> usize {
        let open = self.open.borrow();
        open.get(&connection).map_or(0, |socket| socket.as_ref().buffered_amount() as usize)
    }

    fn close(&self, connection: u32, code: u16, reason: &str) {
        let Some(socket) = self.open.borrow_mut().remove(&connection) else { return };
        // Both fail when the socket has closed already, which is what is wanted.
        let _ = socket.serialize_attachment(CLOSED);
        let _ = socket.close(Some(code), Some(reason));
    }
}

fn failed(error: worker::Error) -> PortError {
    PortError(format!("A WebSocket of a room failed: {error}"))
}
