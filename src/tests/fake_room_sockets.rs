//! The WebSockets of a room without a network, over resets of the object.

use crate::ports::PortError;
use crate::ports::http_messages::Upgrade;
use crate::ports::room_sockets::RoomSockets;
use crate::tests::fault::Faults;
use docle_room::room::Frame;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// [`RoomSockets`] in memory.
#[derive(Default)]
pub struct FakeRoomSockets {
    /// Every socket that was ever opened, in the order of their connections.
    sockets: RefCell<BTreeMap<u32, FakeRoomSocket>>,
    /// What happens at the next calls that accept or attach.
    pub faults: Faults,
}

#[derive(Default)]
struct FakeRoomSocket {
    attachment: Option<String>,
    sent: Vec<Frame>,
    queued_bytes: usize,
    closed: Option<u16>,
}

impl FakeRoomSockets {
    /// The connections of the open sockets.
    pub fn open(&self) -> Vec<u32> {
        self.list().into_iter().map(|(connection, _)| connection).collect()
    }

    /// The code that a socket was closed with.
    pub fn closed(&self, connection: u32) -> Option<u16> {
        self.sockets.borrow()[&connection].closed
    }

    /// Loses a socket without a word, as in a crash.
    pub fn lose(&self, connection: u32) {
        self.on_open(connection, |socket| socket.closed = Some(1006));
    }

    /// Lets bytes wait that a client does not read.
    pub fn queue(&self, connection: u32, bytes: usize) {
        self.on_open(connection, |socket| socket.queued_bytes = bytes);
    }

    /// The messages of a type that a client of the JSON protocol has received.
    pub fn received(&self, connection: u32, kind: &str) -> Vec<Value> {
        let sockets = self.sockets.borrow();
        let texts = sockets[&connection].sent.iter().filter_map(|frame| match frame {
            Frame::Text(text) => Some(serde_json::from_str::<Value>(text).unwrap()),
            Frame::Binary(_) => None,
        });
        texts.filter(|message| message["type"] == kind).collect()
    }

    fn on_open<T>(&self, connection: u32, act: impl FnOnce(&mut FakeRoomSocket) -> T) -> Option<T> {
        self.sockets.borrow_mut().get_mut(&connection).filter(|socket| socket.closed.is_none()).map(act)
    }
}

impl RoomSockets for FakeRoomSockets {
    fn accept(&self, connection: u32) -> Result<Upgrade, PortError> {
        self.faults.around_at_once(|| {
            let before = self.sockets.borrow_mut().insert(connection, FakeRoomSocket::default());
            assert!(before.is_none(), "connection {connection} is used twice");
            Upgrade(Box::new(connection))
        })
    }

    fn list(&self) -> Vec<(u32, Option<String>)> {
        let sockets = self.sockets.borrow();
        let open = sockets.iter().filter(|(_, socket)| socket.closed.is_none());
        open.map(|(connection, socket)| (*connection, socket.attachment.clone())).collect()
    }

    fn attach(&self, connection: u32, attachment: &str) -> Result<(), PortError> {
        let attach = |socket: &mut FakeRoomSocket| socket.attachment = Some(attachment.to_owned());
        self.faults.around_at_once(|| self.on_open(connection, attach)).map(drop)
    }

    fn send(&self, connection: u32, frame: &Frame) {
        self.on_open(connection, |socket| socket.sent.push(frame.clone()));
    }

    fn queued_bytes(&self, connection: u32) -> usize {
        self.on_open(connection, |socket| socket.queued_bytes).unwrap_or_default()
    }

    fn close(&self, connection: u32, code: u16, _reason: &str) {
        self.on_open(connection, |socket| socket.closed = Some(code));
    }
}
