//! WebSockets of the runtime.

use crate::ports::PortError;
use crate::ports::http_messages::Upgrade;
use crate::ports::socket::{Message, Socket, Sockets};
use async_trait::async_trait;
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use worker::wasm_bindgen_futures::spawn_local;
use worker::{WebSocket, WebSocketPair, WebsocketEvent};

/// Messages that wait to be read, in bytes. The runtime has no way to slow a sender down.
const MAX_WAITING_BYTES: usize = 16 * 1_024 * 1_024;
/// What a message takes beside its content, in bytes.
const MESSAGE_BYTES: usize = 64;
/// The other end sent more than can be kept, RFC 6455.
const TOO_BIG: u16 = 1_009;
/// The connection broke, RFC 6455.
const LOST: u16 = 1_006;

/// [`Socket`] over one end of a connection.
pub struct RuntimeSocket {
    socket: WebSocket,
    messages: UnboundedReceiver<Message>,
    /// What waits in `messages`.
    waiting_bytes: Rc<Cell<usize>>,
    closed: Rc<RefCell<Option<(u16, String)>>>,
}

/// What a message takes while it waits.
const fn taken(message: &Message) -> usize {
    MESSAGE_BYTES + message.size()
}

impl RuntimeSocket {
    /// Begins to listen.
    pub fn accept(socket: WebSocket) -> Result<Self, PortError> {
        socket.as_ref().set_binary_type(worker::worker_sys::web_sys::BinaryType::Arraybuffer);
        socket.accept().map_err(failed)?;
        let (sender, messages) = unbounded();
        let waiting_bytes = Rc::new(Cell::new(0));
        let closed = Rc::new(RefCell::new(None));
        let (listening, waiting, end) = (socket.clone(), Rc::clone(&waiting_bytes), Rc::clone(&closed));
        spawn_local(async move {
            let Ok(mut events) = listening.events() else { return };
            while let Some(Ok(event)) = events.next().await {
                let event = match event {
                    WebsocketEvent::Message(event) => event,
                    WebsocketEvent::Close(event) => {
                        end.replace(Some((event.code(), event.reason())));
                        break;
                    }
                };
                let message = event.text().map(Message::Text).or_else(|| event.bytes().map(Message::Binary));
                let Some(message) = message else { continue };
                waiting.set(waiting.get() + taken(&message));
                if waiting.get() > MAX_WAITING_BYTES {
                    // The reader learns that the socket has ended, the sender that it sent too much.
                    end.replace(Some((TOO_BIG, "Too much at once.".to_owned())));
                    let _ = listening.close(Some(TOO_BIG), Some("Too much at once."));
                    break;
                }
                if sender.unbounded_send(message).is_err() {
                    break;
                }
            }
        });
        Ok(Self { socket, messages, waiting_bytes, closed })
    }
}

#[async_trait(?Send)]
impl Socket for RuntimeSocket {
    async fn next(&mut self) -> Option<Message> {
        let message = self.messages.next().await?;
        self.waiting_bytes.set(self.waiting_bytes.get() - taken(&message));
        Some(message)
    }

    fn send(&self, message: Message) {
        // It fails when the other end is gone; the reader learns that.
        let _ = match message {
            Message::Text(text) => self.socket.send_with_str(text),
            Message::Binary(bytes) => self.socket.send_with_bytes(bytes),
        };
    }

    fn closed_with(&self) -> (u16, String) {
        self.closed.borrow().clone().unwrap_or((LOST, String::new()))
    }

    fn queued_bytes(&self) -> usize {
        self.socket.as_ref().buffered_amount() as usize
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

    fn accept(&self, opened: Upgrade) -> Result<Box<dyn Socket>, PortError> {
        Ok(Box::new(RuntimeSocket::accept(raw(opened)?)?))
    }
}

/// The WebSocket on its way.
///
/// # Errors
/// It is none of this runtime.
pub fn raw(socket: Upgrade) -> Result<WebSocket, PortError> {
    let none = |_| PortError("What should be a WebSocket is none.".to_owned());
    Ok(*socket.0.downcast::<WebSocket>().map_err(none)?)
}

fn failed(error: worker::Error) -> PortError {
    PortError(format!("A WebSocket could not be made: {error}"))
}
