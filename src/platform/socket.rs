//! WebSockets of the runtime.

use crate::ports::PortError;
use crate::ports::exchange::Upgrade;
use crate::ports::socket::{Message, Socket, Sockets};
use async_trait::async_trait;
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use worker::wasm_bindgen_futures::spawn_local;
use worker::{WebSocket, WebSocketPair, WebsocketEvent};

/// [`Socket`] over one end of a connection.
pub struct RuntimeSocket {
    socket: WebSocket,
    messages: UnboundedReceiver<Message>,
}

impl RuntimeSocket {
    /// Begins to listen.
    pub fn accept(socket: WebSocket) -> Result<Self, PortError> {
        socket.as_ref().set_binary_type(worker::worker_sys::web_sys::BinaryType::Arraybuffer);
        socket.accept().map_err(failed)?;
        let (sender, messages) = unbounded();
        let listening = socket.clone();
        spawn_local(async move {
            let Ok(mut events) = listening.events() else { return };
            while let Some(Ok(WebsocketEvent::Message(event))) = events.next().await {
                let message = event.text().map(Message::Text).or_else(|| event.bytes().map(Message::Binary));
                let Some(message) = message else { continue };
                if sender.unbounded_send(message).is_err() {
                    break;
                }
            }
        });
        Ok(Self { socket, messages })
    }
}

#[async_trait(?Send)]
impl Socket for RuntimeSocket {
    async fn next(&mut self) -> Option<Message> {
        self.messages.next().await
    }

    fn send(&self, message: Message) {
        // It fails where the other end is gone, which whoever listens learns.
        let _ = match message {
            Message::Text(text) => self.socket.send_with_str(text),
            Message::Binary(bytes) => self.socket.send_with_bytes(bytes),
        };
    }

    fn close(&self, code: u16, reason: &str) {
        let _ = self.socket.close(Some(code), Some(reason));
    }
}

/// [`Sockets`] of the runtime.
pub struct RuntimeSockets;

impl Sockets for RuntimeSockets {
    fn pair(&self) -> Result<(Upgrade, Box<dyn Socket>), PortError> {
        let WebSocketPair { client, server } = WebSocketPair::new().map_err(failed)?;
        Ok((Upgrade(Box::new(client)), Box::new(RuntimeSocket::accept(server)?)))
    }
}

fn failed(error: worker::Error) -> PortError {
    PortError(format!("A WebSocket could not be made: {error}"))
}
