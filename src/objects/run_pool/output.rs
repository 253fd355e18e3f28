//! Stores the output of a run while the run goes on: little of it in the record, much of it in chunks.

use crate::domain::run::id::RunId;
use crate::domain::run::output::{Output, OutputText};
use crate::domain::run::record::{Chunks, StoredOutput};
use crate::domain::run::stored_keys::{CHUNK_BYTES, TTL_SECONDS, chunk_key};
use crate::objects::run_pool::partial_output::PartialOutput;
use crate::objects::run_pool::watch_ports::WatchPorts;
use crate::ports::{Level, PortError};
use docle_protocol::{Stream, Truncated};
use futures::channel::oneshot;
use serde_json::json;
use std::collections::VecDeque;
use std::rc::Rc;

/// Output up to this size stays in the record, in bytes.
pub const MAX_INLINE_BYTES: usize = 4 * 1_024;
/// Chunks that are on their way at once. Further output waits, and so does the stream.
const MAX_WRITES: usize = 2;

/// The output of one run.
pub struct OutputStore {
    id: RunId,
    ports: WatchPorts,
    text: OutputText,
    /// Gets the text for callers that follow the run.
    partial_output: PartialOutput,
    /// What no chunk has yet.
    waiting: Output,
    chunks: Chunks,
    writes: VecDeque<Write>,
    /// The streams that have lost a chunk. What comes after it is not stored.
    lost: Truncated,
}

/// A chunk on its way.
struct Write {
    stream: Stream,
    number: u32,
    done: oneshot::Receiver<Result<(), PortError>>,
}

impl OutputStore {
    pub fn new(id: RunId, partial_output: PartialOutput, ports: WatchPorts) -> Self {
        let (text, waiting, chunks) = (OutputText::default(), Output::default(), Chunks::default());
        Self { id, ports, text, partial_output, waiting, chunks, writes: VecDeque::new(), lost: Truncated::default() }
    }

    /// The text so far.
    pub const fn text(&self) -> &OutputText {
        &self.text
    }

    /// Adds a piece of output.
    pub async fn add(&mut self, stream: Stream, bytes: &[u8]) {
        let text = self.text.push(stream, bytes);
        self.partial_output.push(stream, &text);
        self.waiting.push(stream, &text);
        if self.waiting.of(stream).len() >= CHUNK_BYTES {
            self.write(stream).await;
        }
    }

    /// Stores what is left. Returns where the output is, and which streams have lost their end.
    pub async fn finish(mut self, truncated: Truncated) -> (StoredOutput, Truncated) {
        for stream in Stream::ALL {
            let rest = self.text.finish(stream, truncated);
            self.partial_output.push(stream, &rest);
            self.waiting.push(stream, &rest);
        }
        if self.chunks == Chunks::default() && self.waiting.size() <= MAX_INLINE_BYTES {
            return (StoredOutput::Inline(self.waiting), truncated);
        }
        for stream in Stream::ALL {
            if !self.waiting.of(stream).is_empty() {
                self.write(stream).await;
            }
        }
        while !self.writes.is_empty() {
            self.end_oldest_write().await;
        }
        let Truncated { stdout, stderr } = self.lost;
        let truncated = Truncated { stdout: truncated.stdout || stdout, stderr: truncated.stderr || stderr };
        (StoredOutput::Apart(self.chunks), truncated)
    }

    /// Starts to store what waits of a stream. The write goes on in the background, because the stream need not wait for
    /// it.
    async fn write(&mut self, stream: Stream) {
        let text = std::mem::take(self.waiting.of(stream));
        if stream.is_cut(self.lost) {
            return;
        }
        while self.writes.len() >= MAX_WRITES {
            self.end_oldest_write().await;
        }
        let chunks = self.chunks.of(stream);
        let number = *chunks;
        *chunks += 1;
        let (sender, done) = oneshot::channel();
        let (runs, key) = (Rc::clone(&self.ports.runs), chunk_key(self.id, stream, number));
        self.ports.background.spawn(Box::pin(async move {
            let stored = match runs.put(&key, text.as_bytes(), TTL_SECONDS).await {
                Ok(()) => Ok(()),
                Err(_) => runs.put(&key, text.as_bytes(), TTL_SECONDS).await,
            };
            // The watch of a run whose object was reset is over.
            let _ = sender.send(stored);
        }));
        self.writes.push_back(Write { stream, number, done });
    }

    async fn end_oldest_write(&mut self) {
        let Some(Write { stream, number, done }) = self.writes.pop_front() else { return };
        let stored = done.await.unwrap_or_else(|_| Err(PortError("The write was dropped.".to_owned())));
        if let Err(error) = stored {
            let message = "Output of a run could not be stored.";
            self.ports.log.write(Level::Error, json!({ "message": message, "run.id": self.id, "error": error.0 }));
            match stream {
                Stream::Stdout => self.lost.stdout = true,
                Stream::Stderr => self.lost.stderr = true,
            }
            let chunks = self.chunks.of(stream);
            *chunks = number.min(*chunks);
        }
    }
}
