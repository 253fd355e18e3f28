//! One terminal of a sandbox: the latest output of its shell, and the viewers that follow it.
//!
//! The output is a ring that every viewer reads at a position of its own. The shell waits for the viewer that is furthest ahead, as
//! programs wait for a terminal; a viewer that is further behind than the ring misses the rest. So no viewer holds memory.

use crate::execution::TerminalEnd;
use crate::jail::terminal::Size;
use docle_protocol::sandbox::terminal::MAX_KEPT_BYTES;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How far the viewer that is furthest ahead may be behind before the shell waits, in bytes. What it has not read is kept.
const MAX_AHEAD: u64 = MAX_KEPT_BYTES as u64 / 2;
/// Bytes that are read or sent in one go.
const PIECE: usize = 16 << 10;

/// How a shell has ended: as it tells it, and the signal that ended it.
pub type ShellExit = (i32, Option<String>);

/// See the module.
#[derive(Debug)]
pub struct Terminal {
    end: TerminalEnd,
    /// Whether it ends when its last viewer leaves.
    ends_with_viewers: bool,
    state: Mutex<State>,
    /// Raised with everything that changes.
    changed: watch::Sender<()>,
    /// One writes at a time.
    writing: tokio::sync::Mutex<()>,
    /// Cancelled to end it.
    pub(super) close: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    output: VecDeque<u8>,
    /// Bytes that were written up to the end of `output`.
    position: u64,
    viewers: BTreeMap<u64, ViewerState>,
    next_viewer: u64,
    exit: Option<ShellExit>,
}

#[derive(Debug)]
struct ViewerState {
    position: u64,
    /// What counts for the size of the terminal.
    size: Option<Size>,
}

/// What comes next for a viewer.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    Output(Vec<u8>),
    /// What was there when the viewer came has been sent.
    Ready,
    Exit(ShellExit),
}

/// A viewer. Dropping it leaves the terminal.
pub struct Viewer<'a> {
    terminal: &'a Terminal,
    number: u64,
    ready_at: Option<u64>,
}

impl State {
    fn first(&self) -> u64 {
        self.position - self.output.len() as u64
    }

    fn push(&mut self, bytes: &[u8]) {
        self.output.extend(bytes);
        let excess = self.output.len().saturating_sub(MAX_KEPT_BYTES);
        self.output.drain(..excess);
        self.position += bytes.len() as u64;
    }

    /// Whether the shell may write on.
    fn has_room(&self) -> bool {
        let ahead = self.viewers.values().map(|viewer| viewer.position).max();
        ahead.is_none_or(|ahead| self.position - ahead < MAX_AHEAD)
    }

    /// The smallest of all viewers, in each direction.
    fn size(&self) -> Option<Size> {
        let sizes = self.viewers.values().filter_map(|viewer| viewer.size);
        sizes.reduce(|one, other| Size { cols: one.cols.min(other.cols), rows: one.rows.min(other.rows) })
    }

    /// Where a viewer begins: a line that is whole, if something was dropped.
    fn beginning(&self) -> u64 {
        let is_whole = self.first() == 0;
        let line = self.output.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.first() + if is_whole { 0 } else { line as u64 }
    }
}

impl Terminal {
    pub(super) fn new(end: TerminalEnd, ends_with_viewers: bool) -> Self {
        Self {
            end,
            ends_with_viewers,
            state: Mutex::default(),
            changed: watch::channel(()).0,
            writing: tokio::sync::Mutex::default(),
            close: CancellationToken::new(),
        }
    }

    /// Reads what the shell writes, until nobody has the terminal open any more.
    pub(super) async fn read(&self) {
        let (mut end, mut piece) = (self.end.clone(), vec![0; PIECE]);
        let mut changed = self.changed.subscribe();
        loop {
            while !self.state().has_room() {
                let _ = changed.changed().await;
            }
            match end.read(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(length) => self.state().push(&piece[..length]),
            }
            self.changed.send_replace(());
        }
    }

    /// Notes how the shell has ended. Viewers learn it after its output.
    pub(super) fn exit(&self, exit: ShellExit) {
        self.state().exit = Some(exit);
        self.changed.send_replace(());
    }

    /// Whether its shell has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.state().exit.is_some()
    }

    /// Adds a viewer; one with a size sits at the terminal, one without watches.
    pub fn attach(&self, size: Option<Size>) -> Viewer<'_> {
        let (number, ready_at) = {
            let mut state = self.state();
            let (number, position) = (state.next_viewer, state.beginning());
            state.next_viewer += 1;
            state.viewers.insert(number, ViewerState { position, size });
            (number, state.position)
        };
        self.apply_size();
        Viewer { terminal: self, number, ready_at: Some(ready_at) }
    }

    /// Types.
    ///
    /// # Errors
    /// The terminal has ended.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let _alone = self.writing.lock().await;
        self.end.clone().write_all(bytes).await
    }

    fn apply_size(&self) {
        if let Some(size) = self.state().size() {
            // A terminal that has ended has no size.
            let _ = self.end.resize(size);
        }
        self.changed.send_replace(());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Viewer<'_> {
    /// What comes next. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Step {
        let mut changed = self.terminal.changed.subscribe();
        loop {
            if let Some(step) = self.step() {
                // The shell may have waited for this viewer.
                self.terminal.changed.send_replace(());
                return step;
            }
            let _ = changed.changed().await;
        }
    }

    fn step(&mut self) -> Option<Step> {
        let mut state = self.terminal.state();
        let (first, end) = (state.first(), state.position);
        let position = state.viewers.get(&self.number)?.position.max(first);
        if self.ready_at.is_some_and(|at| position >= at) {
            self.ready_at = None;
            return Some(Step::Ready);
        }
        if position < end {
            let skip = usize::try_from(position - first).ok()?;
            let bytes: Vec<u8> = state.output.iter().skip(skip).take(PIECE).copied().collect();
            state.viewers.get_mut(&self.number)?.position = position + bytes.len() as u64;
            return Some(Step::Output(bytes));
        }
        state.exit.clone().map(Step::Exit)
    }

    /// Says how much the viewer shows.
    pub fn resize(&self, size: Size) {
        if let Some(viewer) = self.terminal.state().viewers.get_mut(&self.number) {
            viewer.size = Some(size);
        }
        self.terminal.apply_size();
    }
}

impl Drop for Viewer<'_> {
    fn drop(&mut self) {
        let is_last = {
            let mut state = self.terminal.state();
            state.viewers.remove(&self.number);
            state.viewers.is_empty()
        };
        if is_last && self.terminal.ends_with_viewers {
            self.terminal.close.cancel();
        }
        self.terminal.apply_size();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(viewers: &[(u64, Option<(u16, u16)>)]) -> State {
        let mut state = State::default();
        for (number, (position, size)) in viewers.iter().enumerate() {
            let size = size.map(|(cols, rows)| Size { cols, rows });
            state.viewers.insert(number as u64, ViewerState { position: *position, size });
        }
        state
    }

    #[test]
    fn the_smallest_viewer_that_sits_there_has_its_size() {
        let sized = state(&[(0, Some((80, 50))), (0, Some((100, 24))), (0, None)]);
        assert_eq!(sized.size(), Some(Size { cols: 80, rows: 24 }));
        assert_eq!(state(&[(0, None)]).size(), None);
    }

    #[test]
    fn the_shell_waits_for_the_viewer_that_is_furthest_ahead_alone() {
        let mut slow = state(&[(0, None), (MAX_KEPT_BYTES as u64, None)]);
        slow.push(&vec![b'x'; MAX_KEPT_BYTES]);
        assert!(slow.has_room());
        slow.push(&vec![b'x'; MAX_KEPT_BYTES]);
        assert!(!slow.has_room());
        slow.viewers.clear();
        assert!(slow.has_room(), "nobody looks");
        assert_eq!((slow.output.len(), slow.position), (MAX_KEPT_BYTES, 2 * MAX_KEPT_BYTES as u64));
    }

    #[test]
    fn what_is_replayed_begins_with_a_whole_line() {
        let mut state = state(&[]);
        state.push(b"one\ntwo");
        assert_eq!(state.beginning(), 0, "nothing was dropped");
        state.push(&[vec![b'x'; MAX_KEPT_BYTES - 3], b"\na".to_vec()].concat());
        assert_eq!(state.position - state.beginning(), 1);
    }
}
