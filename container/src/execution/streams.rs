//! The output streams of a program.

use crate::events::EventSender;
use crate::output::Output;
use docle_protocol::Stream;
use docle_protocol::event::MAX_PIECE_BYTES;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long a piece of a line waits for the rest of it before it is handed on.
const LINE_END_PATIENCE: Duration = Duration::from_millis(1);
/// What was written is read when nobody is left to write; who is being taken apart may still have a stream open.
const STREAM_PATIENCE: Duration = Duration::from_millis(50);
/// Pieces that a stream may hold when it is read for the last time.
const LAST_PIECES: usize = 32;
/// A task that ends when this is dropped.
pub struct Background(AbortHandle);

impl Background {
    /// Starts the task.
    pub fn start(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(task).abort_handle())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Where a stream goes to.
pub struct Sink {
    pub stream: Stream,
    pub events: EventSender,
    /// Cancelled when the program has written more than its limit.
    pub overflow: CancellationToken,
    /// Nobody is left to write: what is there is all there will be.
    pub close: CancellationToken,
    /// Read only as fast as the events are, so that a program which writes faster waits.
    pub waits: bool,
}

/// Closes streams in a moment, unless this is dropped before. A stream ends when no process has it open, and one that is
/// being taken apart has it open for as long as the kernel takes.
pub fn close_soon(close: CancellationToken) -> Background {
    Background::start(async move {
        sleep(STREAM_PATIENCE).await;
        close.cancel();
    })
}

/// Reads one stream.
pub struct Collector(JoinHandle<Output>);

impl Collector {
    /// All of it, when it has ended.
    pub async fn finished(self) -> io::Result<Output> {
        self.0.await.map_err(io::Error::other)
    }
}

/// Reads one stream to its end, which comes when no process has it open any more, or when it is closed.
pub fn collect(mut receiver: impl AsyncRead + Unpin + Send + 'static, limit: usize, sink: Sink) -> Collector {
    Collector(tokio::spawn(async move {
        let mut output = Output::new(limit);
        let mut buffer = vec![0; MAX_PIECE_BYTES];
        let mut last_pieces = LAST_PIECES;
        while last_pieces > 0 {
            let read = tokio::select! {
                biased;
                read = receiver.read(&mut buffer) => read,
                () = sink.close.cancelled() => break,
            };
            let Ok(mut length @ 1..) = read else { break };
            last_pieces -= usize::from(sink.close.is_cancelled());
            // An unbuffered print writes its text and its line end one after the other; they belong together.
            let is_line = buffer[..length].ends_with(b"\n");
            if !is_line
                && length < buffer.len()
                && let Ok(Ok(rest)) = timeout(LINE_END_PATIENCE, receiver.read(&mut buffer[length..])).await
            {
                length += rest;
            }
            sink.events.output(sink.stream, output.take(&buffer[..length]));
            if output.is_truncated() {
                sink.overflow.cancel();
            }
            if sink.waits {
                tokio::select! {
                    () = sink.events.has_room() => {}
                    () = sink.close.cancelled() => {}
                }
            }
        }
        output
    }))
}
