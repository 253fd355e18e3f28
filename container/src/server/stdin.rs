//! `GET /v1/runs/:id/stdin`: what is typed while a program runs, through a WebSocket.

use super::{Service, refuse};
use crate::execution::Input;
use crate::jail::terminal::Size;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use docle_protocol::{InputControl, RefusalCode};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Messages that wait for a program to read; further ones wait in the socket.
const WAITING: usize = 4;

/// The inputs of interactive runs, by id, until they end.
#[derive(Debug, Default)]
pub struct Inputs(Mutex<HashMap<String, Sender<Input>>>);

impl Inputs {
    /// The input of a run that begins. It ends when this is dropped, or by [`Self::end`].
    pub fn open(self: &Arc<Self>, id: &str) -> (OpenInput, Receiver<Input>) {
        let (sender, receiver) = channel(WAITING);
        self.lock().insert(id.to_owned(), sender);
        (OpenInput { inputs: Arc::clone(self), id: id.to_owned() }, receiver)
    }

    fn of(&self, id: &str) -> Option<Sender<Input>> {
        self.lock().get(id).cloned()
    }

    /// Ends the input of a run. The program reads what was sent before, and then end of file.
    fn end(&self, id: &str) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Sender<Input>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An input that sockets can be connected to for as long as its run goes on.
#[derive(Debug)]
pub struct OpenInput {
    inputs: Arc<Inputs>,
    id: String,
}

impl Drop for OpenInput {
    fn drop(&mut self) {
        self.inputs.end(&self.id);
    }
}

/// Connects a socket to the input of a run. The input ends when the client closes the socket with a close frame: a
/// connection that is lost can be replaced by another one.
pub async fn connect_stdin(
    State(service): State<Service>,
    Path(id): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    match service.inputs.of(&id) {
        Some(input) => upgrade.on_upgrade(async move |socket| {
            if pass_on(socket, input).await == Ending::Closed {
                service.inputs.end(&id);
            }
        }),
        None => refuse(RefusalCode::NotFound, "no run of this id waits for input"),
    }
}

/// How a socket has ended.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    /// The client has closed it, or has sent what is no input.
    Closed,
    /// The connection was lost, or the program reads nothing any more.
    Lost,
}

/// Passes messages on until the socket ends or nobody reads them any more.
async fn pass_on(mut socket: WebSocket, input: Sender<Input>) -> Ending {
    let ending = loop {
        let message = tokio::select! {
            message = socket.recv() => message,
            () = input.closed() => break Ending::Lost,
        };
        let next = match message {
            Some(Ok(Message::Binary(bytes))) => Input::Bytes(bytes),
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(InputControl::Resize { cols, rows }) => Input::Resize(Size { cols, rows }),
                Err(_) => break Ending::Closed,
            },
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Close(_))) => break Ending::Closed,
            Some(Err(_)) | None => break Ending::Lost,
        };
        if input.send(next).await.is_err() {
            break Ending::Lost;
        }
    };
    drop(input);
    // A client that is gone need not be told.
    let _ = socket.send(Message::Close(None)).await;
    ending
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &'static str) -> Input {
        Input::Bytes(text.into())
    }

    #[tokio::test]
    async fn a_lost_connection_ended_the_input_of_its_run() {
        let inputs = Arc::new(Inputs::default());
        let (open, mut receiver) = inputs.open("a");
        let lost = inputs.of("a").unwrap();
        lost.send(typed("x")).await.unwrap();
        drop(lost);
        let again = inputs.of("a").unwrap();
        again.send(typed("y")).await.unwrap();
        assert_eq!(receiver.recv().await, Some(typed("x")));
        assert_eq!(receiver.recv().await, Some(typed("y")));
        inputs.end("a");
        drop(again);
        assert_eq!(receiver.recv().await, None, "it has ended");
        assert!(inputs.of("a").is_none());
        drop(open);
    }

    #[tokio::test]
    async fn an_input_ends_with_its_run() {
        let inputs = Arc::new(Inputs::default());
        let (open, mut receiver) = inputs.open("b");
        drop(open);
        assert!(inputs.of("b").is_none());
        assert_eq!(receiver.recv().await, None, "input that no socket was connected to has ended");
    }
}
