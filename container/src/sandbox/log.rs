//! The latest output of a process, for any number of readers.
//!
//! A position is the number of bytes that both streams have written before. Output is kept in segments that never divide a
//! character, so what a reader gets can be decoded piece by piece. The process never waits for a reader: the oldest output is
//! dropped, and a reader that is behind is told how many bytes it has missed.

use docle_protocol::Stream;
use docle_protocol::event::MAX_PIECE_BYTES;
use docle_protocol::sandbox::process::KEPT_LOG_BYTES;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The most that all logs of one sandbox hold. One that grows beyond it drops its own oldest output.
const SANDBOX_BYTES: usize = 32 << 20;
/// What a log may hold in any case.
const LEAST_BYTES: usize = 64 << 10;
/// Small writes of one stream join the segment before up to this size, if they come soon after it.
const JOINED_BYTES: usize = 16 << 10;
const JOINED_MS: u64 = 100;
/// What a segment costs beside its bytes.
const SEGMENT_COST: usize = 64;
/// The most bytes that are pushed at once: with the beginning of a character before them they are one event.
pub const PUSHED_BYTES: usize = MAX_PIECE_BYTES - 4;

/// See the module.
#[derive(Debug)]
pub struct Log {
    state: Mutex<State>,
    changed: watch::Sender<()>,
    /// What all logs of the sandbox hold.
    total: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct State {
    segments: VecDeque<Segment>,
    /// What the segments cost.
    held: usize,
    /// The position after the last byte.
    end: u64,
    /// Beginnings of characters whose rest has not come, of standard output and of standard error.
    begun: [Vec<u8>; 2],
    is_closed: bool,
}

#[derive(Debug)]
struct Segment {
    start: u64,
    stream: Stream,
    at_ms: u64,
    bytes: Vec<u8>,
}

/// What is at a position.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// Output up to `position`.
    Output { position: u64, stream: Stream, at_ms: u64, bytes: Vec<u8> },
    /// The next `bytes` bytes are not kept any more; reading goes on at `position`.
    Dropped { position: u64, bytes: u64 },
    /// Nothing yet.
    Nothing,
    /// Nothing, and nothing will come.
    End { position: u64 },
}

impl Log {
    /// An empty log that counts what it holds into `total`.
    pub fn new(total: Arc<AtomicUsize>) -> Self {
        Self { state: Mutex::default(), changed: watch::Sender::new(()), total }
    }

    /// Adds output, at most [`PUSHED_BYTES`].
    pub fn push(&self, stream: Stream, bytes: &[u8], now_ms: u64) {
        {
            let mut state = self.lock();
            let begun = &mut state.begun[stream as usize];
            let mut whole = std::mem::take(begun);
            whole.extend_from_slice(bytes);
            *begun = whole.split_off(whole.len() - unfinished(&whole));
            self.add(&mut state, stream, &whole, now_ms);
        }
        self.changed.send_replace(());
    }

    /// Nothing comes any more.
    pub fn close(&self, now_ms: u64) {
        {
            let mut state = self.lock();
            for stream in Stream::ALL {
                let begun = std::mem::take(&mut state.begun[stream as usize]);
                self.add(&mut state, stream, &begun, now_ms);
            }
            state.is_closed = true;
        }
        self.changed.send_replace(());
    }

    /// What is at a position. One beyond the end is the end.
    pub fn read(&self, position: u64) -> Read {
        let state = self.lock();
        let position = position.min(state.end);
        let first = state.segments.front().map_or(state.end, |segment| segment.start);
        if position < first {
            return Read::Dropped { position: first, bytes: first - position };
        }
        if position == state.end {
            return if state.is_closed { Read::End { position } } else { Read::Nothing };
        }
        let index = state.segments.partition_point(|segment| segment.end() <= position);
        let segment = &state.segments[index];
        Read::Output {
            position: segment.end(),
            stream: segment.stream,
            at_ms: segment.at_ms,
            bytes: segment.bytes[(position - segment.start) as usize..].to_vec(),
        }
    }

    /// Bytes that were written, and how many of them are not kept any more.
    pub fn size(&self) -> (u64, u64) {
        let state = self.lock();
        (state.end, state.segments.front().map_or(state.end, |segment| segment.start))
    }

    /// Tells of every change after this call.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn add(&self, state: &mut State, stream: Stream, bytes: &[u8], now_ms: u64) {
        if bytes.is_empty() {
            return;
        }
        let start = state.end;
        state.end += bytes.len() as u64;
        let last = state.segments.back_mut().filter(|last| {
            let is_soon = now_ms.saturating_sub(last.at_ms) < JOINED_MS;
            last.stream == stream && is_soon && last.bytes.len() + bytes.len() <= JOINED_BYTES
        });
        let mut added = bytes.len();
        match last {
            Some(last) => last.bytes.extend_from_slice(bytes),
            None => {
                added += SEGMENT_COST;
                state.segments.push_back(Segment { start, stream, at_ms: now_ms, bytes: bytes.to_vec() });
            }
        }
        state.held += added;
        let mut total = self.total.fetch_add(added, Ordering::Relaxed) + added;
        while state.held > KEPT_LOG_BYTES || (total > SANDBOX_BYTES && state.held > LEAST_BYTES) {
            let Some(oldest) = state.segments.pop_front() else { break };
            let cost = oldest.bytes.len() + SEGMENT_COST;
            state.held -= cost;
            total = self.total.fetch_sub(cost, Ordering::Relaxed) - cost;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.total.fetch_sub(self.lock().held, Ordering::Relaxed);
    }
}

impl Segment {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// Bytes at the end that begin a character of UTF-8 and do not complete it.
fn unfinished(bytes: &[u8]) -> usize {
    for length in 1..=bytes.len().min(3) {
        let needed = match bytes[bytes.len() - length] {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            // The rest of a character, whose beginning is further to the front.
            0x80..=0xbf => continue,
            _ => return 0,
        };
        return if needed > length { length } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn log() -> Log {
        Log::new(Arc::default())
    }

    /// Everything after a position: the bytes of each stream, the bytes that were missed, and the last position.
    fn all(log: &Log, mut at: u64) -> ([Vec<u8>; 2], u64, u64) {
        let (mut streams, mut missed) = ([Vec::new(), Vec::new()], 0);
        loop {
            match log.read(at) {
                Read::Output { position, stream, bytes, .. } => {
                    assert!(bytes.len() <= MAX_PIECE_BYTES);
                    streams[stream as usize].extend(bytes);
                    at = position;
                }
                Read::Dropped { position, bytes } => (at, missed) = (position, missed + bytes),
                Read::Nothing | Read::End { .. } => return (streams, missed, at),
            }
        }
    }

    #[test]
    fn a_reader_goes_on_after_what_it_has() {
        let log = log();
        log.push(Stream::Stdout, b"one\n", 0);
        log.push(Stream::Stderr, b"e", 0);
        assert_eq!(all(&log, 0), ([b"one\n".to_vec(), b"e".to_vec()], 0, 5));
        assert_eq!(log.read(5), Read::Nothing);
        log.push(Stream::Stdout, b"two", 0);
        assert_eq!(all(&log, 5), ([b"two".to_vec(), Vec::new()], 0, 8));
        assert_eq!(all(&log, 2).0[0], b"e\ntwo".to_vec());
        log.close(0);
        assert_eq!(log.read(8), Read::End { position: 8 });
        assert_eq!(log.read(1_000), Read::End { position: 8 }, "a position that was never there is the end");
    }

    #[test]
    fn the_oldest_output_is_dropped_and_counted() {
        let log = log();
        let piece = vec![b'x'; PUSHED_BYTES];
        for _ in 0..40 {
            log.push(Stream::Stdout, &piece, 0);
        }
        let (streams, missed, end) = all(&log, 10);
        assert_eq!(end, 40 * PUSHED_BYTES as u64);
        assert_eq!(streams[0].len() as u64 + missed, end - 10);
        assert!(streams[0].len() <= KEPT_LOG_BYTES && streams[0].len() > KEPT_LOG_BYTES - 2 * MAX_PIECE_BYTES);
        assert_eq!(log.size(), (end, missed + 10));
    }

    #[test]
    fn many_logs_share_what_a_sandbox_may_hold() {
        let total = Arc::new(AtomicUsize::new(0));
        let logs: Vec<Log> = (0..60).map(|_| Log::new(Arc::clone(&total))).collect();
        for log in &logs {
            (0..40).for_each(|_| log.push(Stream::Stdout, &[b'x'; PUSHED_BYTES], 0));
        }
        let most = SANDBOX_BYTES + logs.len() * (LEAST_BYTES + MAX_PIECE_BYTES);
        assert!(total.load(Ordering::Relaxed) <= most, "{total:?}");
        assert!(all(&logs[59], 0).0[0].len() + MAX_PIECE_BYTES > LEAST_BYTES / 2);
        drop(logs);
        assert_eq!(total.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_character_that_comes_in_two_writes_is_one_piece() {
        let log = log();
        log.push(Stream::Stdout, &"aé".as_bytes()[..2], 0);
        log.push(Stream::Stderr, b"!", 0);
        assert_eq!(all(&log, 0).0, [b"a".to_vec(), b"!".to_vec()]);
        log.push(Stream::Stdout, &"é".as_bytes()[1..], 0);
        assert_eq!(all(&log, 2).0[0], "é".as_bytes());
        log.push(Stream::Stdout, &[0xf0, 0x9f], 0);
        log.close(0);
        assert_eq!(all(&log, 4).0[0], [0xf0, 0x9f], "what was never completed is output, too");
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_and_no_character_divided(writes in prop::collection::vec((any::<bool>(), ".{0,40}", 0u64..50), 0..60), cut in 1usize..7) {
            let log = log();
            let (mut expected, mut now) = ([Vec::new(), Vec::new()], 0);
            for (is_error, text, pause) in &writes {
                let stream = if *is_error { Stream::Stderr } else { Stream::Stdout };
                now += pause;
                expected[stream as usize].extend(text.bytes());
                text.as_bytes().chunks(cut).for_each(|chunk| log.push(stream, chunk, now));
            }
            log.close(now);
            let mut at = 0;
            while let Read::Output { position, bytes, .. } = log.read(at) {
                prop_assert!(String::from_utf8(bytes).is_ok());
                at = position;
            }
            prop_assert_eq!(all(&log, 0).0, expected);
        }
    }
}
