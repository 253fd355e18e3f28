//! `GET /v1/runs/:id/stdin`: what is typed while a program runs, through a WebSocket.

use super::{Service, refuse};
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use docle_protocol::RefusalCode;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Messages that wait for a program to read; further ones wait in the socket.
const WAITING: usize = 4;

/// The interactive runs whose input nobody has taken in hand yet, by id.
#[derive(Debug, Default)]
pub struct Inputs(Mutex<HashMap<String, Sender<Bytes>>>);

impl Inputs {
    /// The input of a run that begins. It ends when this is dropped, unless somebody has taken it.
    pub fn open(self: &Arc<Self>, id: &str) -> (OpenInput, Receiver<Bytes>) {
        let (sender, receiver) = channel(WAITING);
        self.lock().insert(id.to_owned(), sender);
        (OpenInput { inputs: Arc::clone(self), id: id.to_owned() }, receiver)
    }

    fn take(&self, id: &str) -> Option<Sender<Bytes>> {
        self.lock().remove(id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Sender<Bytes>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An input that can be taken for as long as its run goes on.
#[derive(Debug)]
pub struct OpenInput {
    inputs: Arc<Inputs>,
    id: String,
}

impl Drop for OpenInput {
    fn drop(&mut self) {
        self.inputs.take(&self.id);
    }
}

/// Takes the input of a run in hand.
pub async fn connect_stdin(
    State(service): State<Service>,
    Path(id): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    match service.inputs.take(&id) {
        Some(input) => upgrade.on_upgrade(move |socket| pass_on(socket, input)),
        None => refuse(RefusalCode::NotFound, "no run of this id waits for input"),
    }
}

/// Passes messages on until the input ends here or nobody reads it any more.
async fn pass_on(mut socket: WebSocket, input: Sender<Bytes>) {
    loop {
        let message = tokio::select! {
            message = socket.recv() => message,
            () = input.closed() => break,
        };
        let more = match message {
            Some(Ok(Message::Binary(bytes))) => input.send(bytes).await.is_ok(),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => true,
            Some(Ok(Message::Text(_) | Message::Close(_)) | Err(_)) | None => false,
        };
        if !more {
            break;
        }
    }
    drop(input);
    // Whoever is gone need not be told.
    let _ = socket.send(Message::Close(None)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_input_is_taken_once_and_ends_with_its_run() {
        let inputs = Arc::new(Inputs::default());
        let (open, mut receiver) = inputs.open("a");
        let sender = inputs.take("a").unwrap();
        assert!(inputs.take("a").is_none());
        sender.send(Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(receiver.recv().await.as_deref(), Some(&b"x"[..]));
        drop(open);
        assert!(!sender.is_closed(), "what was taken goes on");

        let (open, mut receiver) = inputs.open("b");
        drop(open);
        assert!(inputs.take("b").is_none());
        assert_eq!(receiver.recv().await, None, "input that nobody took has ended");
    }
}
