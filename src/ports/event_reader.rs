//! Reads a runner's event stream line by line, until its end or a deadline.

use crate::domain::run::events::{Interrupted, LineBuffer};
use bytes::Bytes;
use futures::StreamExt;
use futures::future::{Either, LocalBoxFuture, select};
use futures::stream::LocalBoxStream;

/// A stream that is being read.
pub struct EventReader {
    chunks: LocalBoxStream<'static, Result<Vec<u8>, Interrupted>>,
    deadline: LocalBoxFuture<'static, ()>,
    lines: LineBuffer,
}

impl EventReader {
    /// Reads `chunks` until `deadline` resolves.
    pub fn new(
        chunks: LocalBoxStream<'static, Result<Vec<u8>, Interrupted>>,
        deadline: LocalBoxFuture<'static, ()>,
    ) -> Self {
        Self { chunks, deadline, lines: LineBuffer::default() }
    }

    /// The next line. The caller must not call it after an error: the stream has ended, or the deadline has passed.
    /// Dropping the future loses nothing.
    pub async fn next_line(&mut self) -> Result<Bytes, Interrupted> {
        loop {
            if let Some(line) = self.lines.next_line().map_err(|_| Interrupted::ByRunner)? {
                return Ok(line);
            }
            match select(self.chunks.next(), &mut self.deadline).await {
                Either::Left((Some(chunk), _)) => self.lines.push(&chunk?),
                Either::Left((None, _)) | Either::Right(_) => return Err(Interrupted::ByRunner),
            }
        }
    }

    /// Reads the rest after the last event. It is empty, but only a connection that was read to its end is used again.
    pub async fn read_to_end(mut self) {
        while self.next_line().await.is_ok() {}
    }
}
