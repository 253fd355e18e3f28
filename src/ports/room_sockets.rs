//! The WebSockets of one room.

use crate::ports::error::PortError;
use crate::ports::http_messages::Upgrade;
use docle_room::room::Frame;

/// The WebSockets of one room, each by the id of its connection.
///
/// They hibernate: they stay open while the object is out of memory, and keep their attachments. A closed socket is not
/// listed, and every other method has no effect on it.
pub trait RoomSockets {
    /// Opens a socket, and returns the client's end of it.
    fn accept(&self, connection: u32) -> Result<Upgrade, PortError>;
    /// The open sockets with their attachments; `None` before the first [`Self::attach`].
    fn list(&self) -> Vec<(u32, Option<String>)>;
    /// Replaces an attachment, which has 16,384 bytes at most.
    fn attach(&self, connection: u32, attachment: &str) -> Result<(), PortError>;
    fn send(&self, connection: u32, frame: &Frame);
    /// Bytes that were sent and wait in memory, because the client reads them slowly.
    fn queued_bytes(&self, connection: u32) -> usize;
    /// Closes a socket, with a code of RFC 6455 or from 4000 on, and with at most 123 bytes of reason.
    fn close(&self, connection: u32, code: u16, reason: &str);
}
