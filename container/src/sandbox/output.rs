//! The output of a command on its way to its caller.

use crate::events::line;
use axum::body::Bytes;
use docle_protocol::Piece;
use docle_protocol::Stream;
use docle_protocol::event::MAX_PIECE_BYTES;
use docle_protocol::sandbox::ExecEvent;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

/// More than a stream may hold when it is read for the last time: what comes later was written by others.
const LAST_BYTES: usize = 2 << 20;

/// Read at once of what nobody wants.
const DISCARDED_BYTES: usize = 4 << 10;

/// Where a stream goes to.
pub struct Sink {
    pub stream: Stream,
    pub lines: Sender<Bytes>,
    /// Bytes that are passed on. The rest is read and dropped.
    pub limit: usize,
    /// Cancelled when nobody takes lines any more.
    pub cancel: CancellationToken,
    /// The command has ended: what is there is all there will be.
    pub close: CancellationToken,
}

/// How a stream ended.
pub struct Passed {
    pub is_truncated: bool,
    /// A process in the background may still write to it.
    pub rest: Option<Receiver>,
}

/// Passes a stream on to its end, or until it is closed. A slow reader makes the command wait.
pub async fn pass(mut from: Receiver, sink: Sink) -> Passed {
    let Sink { stream, lines, limit, cancel, close } = sink;
    let (mut left, mut is_truncated, mut last) = (limit, false, LAST_BYTES);
    let mut buffer = vec![0; MAX_PIECE_BYTES];
    loop {
        let read = tokio::select! {
            biased;
            read = from.read(&mut buffer) => read,
            () = close.cancelled() => return Passed { is_truncated, rest: Some(from) },
        };
        let Ok(length @ 1..) = read else { return Passed { is_truncated, rest: None } };
        let within = length.min(left);
        left -= within;
        is_truncated |= within < length;
        if within > 0 && lines.send(line(&event(stream, &buffer[..within]))).await.is_err() {
            cancel.cancel();
        }
        if close.is_cancelled() {
            let Some(fewer) = last.checked_sub(length) else { return Passed { is_truncated, rest: Some(from) } };
            last = fewer;
        }
    }
}

/// Reads what background processes write after the end of their command, so that writing neither stops nor ends them.
pub async fn discard(from: &mut Receiver) {
    let mut buffer = vec![0; DISCARDED_BYTES];
    while matches!(from.read(&mut buffer).await, Ok(1..)) {}
}

/// A piece of output as an event.
pub fn event(stream: Stream, bytes: &[u8]) -> ExecEvent {
    let data = Piece(bytes.to_vec());
    match stream {
        Stream::Stdout => ExecEvent::Stdout { data },
        Stream::Stderr => ExecEvent::Stderr { data },
    }
}
