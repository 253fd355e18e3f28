//! The events of a run on their way to its caller.
//!
//! The program never waits for a slow reader, unless it has a terminal. What waits here is bounded by the output limits of the
//! run: adjacent output of one stream is joined, so that many small writes cost no more than their bytes.

use axum::body::Bytes;
use docle_protocol::context::CellEvent;
use docle_protocol::event::MAX_PIECE_BYTES;
use docle_protocol::report::Artifact;
use docle_protocol::{Piece, RunEvent, Stage, Stream};
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// While more events than this wait, output joins the last piece of its stream, also where the other stream wrote in
/// between.
const MANY: usize = 1_024;

/// An event as it is sent: one line of JSON.
pub fn line<T: Serialize>(event: &T) -> Bytes {
    let mut encoded = serde_json::to_vec(event).expect("events hold only strings and numbers");
    encoded.push(b'\n');
    encoded.into()
}

/// Bytes of output that wait before a program at a terminal waits, too: what a reader takes at once, some times over.
const MAX_WAITING_BYTES: usize = 4 * MAX_PIECE_BYTES;

#[derive(Debug)]
enum Waiting {
    Start,
    Stage(Stage),
    Output(Stream, Vec<u8>),
    ArtifactStart(u32, Box<Artifact>, bool),
    Artifact(u32, Vec<u8>),
    Cell(Vec<u8>),
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<State>,
    changed: Notify,
    /// Output has left.
    drained: Notify,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Waiting>,
    /// Bytes of the output among them.
    output_bytes: usize,
    has_started: bool,
    is_closed: bool,
    is_refused: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the queue when the last sender is dropped.
#[derive(Debug)]
struct Open(Arc<Queue>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.changed.notify_one();
    }
}

/// Sends the events of one run. Clones send to the same receiver.
#[derive(Debug, Clone)]
pub struct EventSender(Arc<Open>);

/// Receives the events of one run.
#[derive(Debug)]
pub struct EventReceiver(Arc<Queue>);

/// Both ends of the events of one run.
pub fn channel() -> (EventSender, EventReceiver) {
    let queue = Arc::new(Queue::default());
    (EventSender(Arc::new(Open(Arc::clone(&queue)))), EventReceiver(queue))
}

impl EventSender {
    /// The run has a slot. It is said once, however often this is called, and comes before all output. False when nobody
    /// waits for it any more: then nothing may run.
    pub fn start(&self) -> bool {
        {
            let mut state = self.0.0.lock();
            if state.is_refused {
                return false;
            }
            if std::mem::replace(&mut state.has_started, true) {
                return true;
            }
            state.events.push_back(Waiting::Start);
        }
        self.0.0.changed.notify_one();
        true
    }

    /// The run, which has started, is in this stage now.
    pub fn stage(&self, stage: Stage) {
        self.0.0.lock().events.push_back(Waiting::Stage(stage));
        self.0.0.changed.notify_one();
    }

    /// The program, or the runner, wrote to a stream.
    pub fn output(&self, stream: Stream, mut bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        {
            let mut state = self.0.0.lock();
            state.output_bytes += bytes.len();
            let is_many = state.events.len() > MANY;
            let last = state.events.iter_mut().rev().take(if is_many { 2 } else { 1 });
            let same = last.filter_map(|event| match event {
                Waiting::Output(of, piece) if *of == stream => Some(piece),
                _ => None,
            });
            if let Some(piece) = same.into_iter().next() {
                let (now, later) = bytes.split_at(bytes.len().min(MAX_PIECE_BYTES.saturating_sub(piece.len())));
                piece.extend_from_slice(now);
                bytes = later;
            }
            state.events.extend(bytes.chunks(MAX_PIECE_BYTES).map(|piece| Waiting::Output(stream, piece.to_vec())));
        }
        self.0.0.changed.notify_one();
    }
}

impl EventSender {
    /// Waits until little output waits.
    pub async fn has_room(&self) {
        while self.0.0.lock().output_bytes > MAX_WAITING_BYTES {
            self.0.0.drained.notified().await;
        }
    }

    /// A file that the run hands back, and its content.
    pub fn artifact(&self, index: u32, file: &Artifact, is_inline: bool, bytes: &[u8]) {
        // An empty file is content, too.
        let first = bytes.is_empty().then_some(bytes);
        let pieces = first.into_iter().chain(bytes.chunks(MAX_PIECE_BYTES));
        let start = Waiting::ArtifactStart(index, Box::new(file.clone()), is_inline);
        let events = [start].into_iter().chain(pieces.map(|piece| Waiting::Artifact(index, piece.to_vec())));
        self.0.0.lock().events.extend(events);
        self.0.0.changed.notify_one();
    }
}

impl EventSender {
    /// Something that a cell shows or fails with.
    pub fn cell(&self, event: &CellEvent) {
        let line = line(event);
        self.0.0.lock().events.extend(line.chunks(MAX_PIECE_BYTES).map(|piece| Waiting::Cell(piece.to_vec())));
        self.0.0.changed.notify_one();
    }
}

impl EventReceiver {
    /// Refuses the run, unless it has started. True when it is refused: then it never starts.
    pub fn refuse(&self) -> bool {
        let mut state = self.0.lock();
        state.is_refused = !state.has_started;
        state.is_refused
    }

    /// The next event; `None` when all senders are gone and nothing waits. Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<RunEvent> {
        loop {
            let is_closed = {
                let mut state = self.0.lock();
                if let Some(event) = state.events.pop_front() {
                    return Some(match event {
                        Waiting::Start => RunEvent::Start,
                        Waiting::Stage(stage) => RunEvent::Stage { stage },
                        Waiting::Output(stream, bytes) => {
                            state.output_bytes -= bytes.len();
                            self.0.drained.notify_one();
                            RunEvent::output(stream, bytes)
                        }
                        Waiting::ArtifactStart(index, file, is_inline) => {
                            RunEvent::ArtifactStart { index, file, is_inline }
                        }
                        Waiting::Cell(bytes) => RunEvent::Cell { data: Piece(bytes) },
                        Waiting::Artifact(index, bytes) => RunEvent::Artifact { index, data: Piece(bytes) },
                    });
                }
                state.is_closed
            };
            if is_closed {
                return None;
            }
            self.0.changed.notified().await;
        }
    }

    /// What a stream has in all that waits, as text. Invalid UTF-8 is replaced.
    pub fn text(&self, stream: Stream) -> String {
        let state = self.0.lock();
        let pieces = state.events.iter().filter_map(|event| match event {
            Waiting::Output(of, piece) if *of == stream => Some(&piece[..]),
            _ => None,
        });
        String::from_utf8_lossy(&pieces.collect::<Vec<_>>().concat()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(mut receiver: EventReceiver) -> Vec<RunEvent> {
        let mut events = Vec::new();
        while let Some(event) = receiver.next().await {
            events.push(event);
        }
        events
    }

    #[tokio::test]
    async fn events_come_in_order_and_then_the_end() {
        let (sender, receiver) = channel();
        sender.start();
        sender.start();
        sender.stage(Stage::Install);
        sender.output(Stream::Stdout, b"a");
        sender.output(Stream::Stdout, b"b");
        sender.output(Stream::Stderr, b"c");
        sender.output(Stream::Stdout, b"");
        sender.output(Stream::Stdout, b"d");
        assert_eq!((receiver.text(Stream::Stdout), receiver.text(Stream::Stderr)), ("abd".into(), "c".into()));
        drop(sender);
        let piece = |text: &str| Piece(text.into());
        let expected = [
            RunEvent::Start,
            RunEvent::Stage { stage: Stage::Install },
            RunEvent::Stdout { data: piece("ab") },
            RunEvent::Stderr { data: piece("c") },
            RunEvent::Stdout { data: piece("d") },
        ];
        assert_eq!(all(receiver).await, expected);
    }

    #[tokio::test]
    async fn files_come_in_pieces_and_an_empty_one_comes_too() {
        let (sender, receiver) = channel();
        let file = Artifact {
            name: "a".into(),
            size: 0,
            mime_type: "text/plain".into(),
            sha256: None,
            url: None,
            base64: None,
            error: None,
        };
        sender.artifact(0, &file, true, &vec![1; MAX_PIECE_BYTES + 1]);
        sender.artifact(1, &file, false, &[]);
        drop(sender);
        let pieces: Vec<_> = all(receiver)
            .await
            .into_iter()
            .map(|event| match event {
                RunEvent::ArtifactStart { index, is_inline, .. } => (index, 100 + usize::from(is_inline)),
                RunEvent::Artifact { index, data } => (index, data.0.len()),
                _ => panic!("{event:?}"),
            })
            .collect();
        assert_eq!(pieces, [(0, 101), (0, MAX_PIECE_BYTES), (0, 1), (1, 100), (1, 0)]);
    }

    #[tokio::test]
    async fn a_run_began_after_its_caller_had_heard_that_nothing_ran() {
        let (sender, receiver) = channel();
        assert!(receiver.refuse());
        assert!(!sender.start(), "nobody waits for it");
        let (sender, mut receiver) = channel();
        assert!(sender.start());
        assert!(!receiver.refuse(), "it has started");
        assert_eq!(receiver.next().await, Some(RunEvent::Start));
    }

    #[tokio::test]
    async fn a_sender_waits_for_a_reader_that_is_behind_and_goes_on_when_it_has_read() {
        let (sender, mut receiver) = channel();
        sender.output(Stream::Stdout, &vec![b'x'; MAX_WAITING_BYTES]);
        sender.has_room().await;
        sender.output(Stream::Stdout, b"x");
        let waits = tokio::spawn({
            let sender = sender.clone();
            async move { sender.has_room().await }
        });
        tokio::task::yield_now().await;
        assert!(!waits.is_finished(), "more waits than may");
        assert!(matches!(receiver.next().await, Some(RunEvent::Stdout { .. })));
        waits.await.unwrap();
    }

    #[tokio::test]
    async fn a_receiver_that_waits_hears_of_an_event_and_of_the_end() {
        let (sender, mut receiver) = channel();
        let sends = tokio::spawn(async move {
            tokio::task::yield_now().await;
            sender.start();
        });
        assert_eq!((receiver.next().await, receiver.next().await), (Some(RunEvent::Start), None));
        sends.await.unwrap();
    }

    #[tokio::test]
    async fn small_writes_that_nobody_reads_are_joined_into_pieces_of_the_longest_length() {
        let (sender, receiver) = channel();
        for _ in 0..MAX_PIECE_BYTES + 1 {
            sender.output(Stream::Stdout, b"x");
        }
        sender.output(Stream::Stderr, &vec![b'y'; MAX_PIECE_BYTES + 1]);
        drop(sender);
        let lengths: Vec<_> = all(receiver)
            .await
            .into_iter()
            .map(|event| match event {
                RunEvent::Stdout { data } | RunEvent::Stderr { data } => data.0.len(),
                _ => 0,
            })
            .collect();
        assert_eq!(lengths, [MAX_PIECE_BYTES, 1, MAX_PIECE_BYTES, 1]);
    }

    #[tokio::test]
    async fn streams_that_take_turns_cost_no_more_events_than_many_and_their_pieces() {
        let (sender, receiver) = channel();
        for _ in 0..50_000 {
            sender.output(Stream::Stdout, b"o");
            sender.output(Stream::Stderr, b"e");
        }
        drop(sender);
        let events = all(receiver).await;
        assert!(events.len() <= MANY + 4, "{}", events.len());
        let bytes = |stream: fn(&RunEvent) -> Option<&Piece>| {
            events.iter().filter_map(stream).map(|piece| piece.0.len()).sum::<usize>()
        };
        let stdout = bytes(|event| if let RunEvent::Stdout { data } = event { Some(data) } else { None });
        let stderr = bytes(|event| if let RunEvent::Stderr { data } = event { Some(data) } else { None });
        assert_eq!((stdout, stderr), (50_000, 50_000));
    }
}
