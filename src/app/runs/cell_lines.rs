//! The lines of a cell, taken out of the events of its run.

use docle_protocol::context::{CellEvent, MAX_CELL_LINE_BYTES};

/// Collects bytes, which may end anywhere, and gives back events.
#[derive(Debug, Default)]
pub struct CellLines {
    bytes: Vec<u8>,
    /// How much of `bytes` is known to hold no line feed.
    searched: usize,
}

impl CellLines {
    /// The events that are whole with these bytes. A line that is none is passed over: the kernel is a program of the author, and
    /// the runner makes lines of what it says.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<CellEvent> {
        self.bytes.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(length) = self.bytes[self.searched..].iter().position(|&byte| byte == b'\n') {
            let rest = self.bytes.split_off(self.searched + length + 1);
            let line = std::mem::replace(&mut self.bytes, rest);
            self.searched = 0;
            events.extend(serde_json::from_slice::<CellEvent>(&line));
        }
        self.searched = self.bytes.len();
        if self.searched > MAX_CELL_LINE_BYTES {
            *self = Self::default();
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_any_pieces() {
        let text = b"{\"type\":\"start\",\"startMs\":1}\nnone\n{\"type\":\"results_truncated\"}\n";
        let expected = [CellEvent::Start { start_ms: Some(1.0) }, CellEvent::ResultsTruncated];
        for size in 1..text.len() {
            let mut lines = CellLines::default();
            let events: Vec<_> = text.chunks(size).flat_map(|piece| lines.push(piece)).collect();
            assert_eq!(events, expected, "{size}");
        }
    }
}
