//! WebSockets, as the application uses them.

use crate::ports::error::PortError;
use crate::ports::http_messages::Upgrade;
use async_trait::async_trait;

/// What goes through a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    Text(String),
    Binary(Vec<u8>),
}

impl Message {
    /// Bytes of its content.
    pub const fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

/// One end of a WebSocket.
#[async_trait(?Send)]
pub trait Socket {
    /// The next message of the other end; `None` when the other end has closed or is gone. Dropping the future loses no
    /// message.
    async fn next(&mut self) -> Option<Message>;
    /// Sends a message. Sending to a closed socket does nothing; [`Self::next`] says that it is closed.
    fn send(&self, message: Message);
    /// How the other end has closed, once [`Self::next`] has given `None`: a code of RFC 6455, 1006 if the connection was lost, and the
    /// reason.
    fn closed_with(&self) -> (u16, String);
    /// Bytes that were sent and have not left yet. The runtime holds them in memory.
    fn queued_bytes(&self) -> usize;
    /// Closes, with a code of RFC 6455 or from 4000 on, and with at most 123 bytes of reason.
    fn close(&self, code: u16, reason: &str);
}

/// Creates WebSockets.
pub trait Sockets {
    /// Both ends of a new WebSocket: the client's, for the response, and the server's.
    fn pair(&self) -> Result<(Upgrade, Box<dyn Socket>), PortError>;
    /// Begins to use a WebSocket that another server has opened.
    fn accept(&self, opened: Upgrade) -> Result<Box<dyn Socket>, PortError>;
}
