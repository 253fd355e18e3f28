//! The events of a cell on their way to its caller, within its limits.

use crate::events::line;
use crate::kernel::ResultRoom;
use axum::body::Bytes;
use docle_protocol::context::CellEvent;
use docle_protocol::event::MAX_PIECE_BYTES;
use docle_protocol::{Piece, Stream};
use serde_json::{Map, Value};
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// See the module.
pub struct Output {
    lines: Sender<Bytes>,
    /// Cancelled when the cell is to end.
    cancel: CancellationToken,
    /// A reader that takes nothing by then gets nothing more.
    deadline: Instant,
    /// Bytes that each stream may still have.
    left: [usize; 2],
    pub truncated: [bool; 2],
    pub results: ResultRoom,
}

impl Output {
    pub fn new(lines: Sender<Bytes>, cancel: CancellationToken, deadline: Instant, limit: u32) -> Self {
        Self {
            lines,
            cancel,
            deadline,
            left: [limit as usize; 2],
            truncated: [false; 2],
            results: ResultRoom::default(),
        }
    }

    /// Sends an event. A slow reader makes the cell wait, until its time is up.
    pub async fn send(&self, event: &CellEvent) {
        let line = line(event);
        tokio::select! {
            biased;
            sent = self.lines.send(line) => if sent.is_err() {
                self.cancel.cancel();
            },
            () = tokio::time::sleep_until(self.deadline) => {}
        }
    }

    /// Sends what a stream has written, up to the limit.
    pub async fn write(&mut self, stream: Stream, bytes: &[u8]) {
        let index = usize::from(stream == Stream::Stderr);
        let within = bytes.len().min(self.left[index]);
        self.left[index] -= within;
        self.truncated[index] |= within < bytes.len();
        for piece in bytes[..within].chunks(MAX_PIECE_BYTES) {
            let data = Piece(piece.to_vec());
            let event = match stream {
                Stream::Stdout => CellEvent::Stdout { data },
                Stream::Stderr => CellEvent::Stderr { data },
            };
            self.send(&event).await;
        }
    }

    /// Sends a result, unless the cell has shown too much.
    pub async fn result(&mut self, data: Map<String, Value>, is_main: bool) {
        let event = CellEvent::Result { data, is_main };
        if self.results.take(line(&event).len()) {
            self.send(&event).await;
        }
    }
}
