//! How much of what a cell shows is passed on.

use docle_protocol::context::{MAX_RESULT_BYTES, MAX_RESULTS};

/// What further results of one cell may take.
#[derive(Debug)]
pub struct ResultRoom {
    bytes: usize,
    results: usize,
    pub is_truncated: bool,
}

impl Default for ResultRoom {
    fn default() -> Self {
        Self { bytes: MAX_RESULT_BYTES, results: MAX_RESULTS, is_truncated: false }
    }
}

/// Bytes of the results of a run that is a cell. Everybody who opens a page may have its key, and a Worker, which has 128 MB for all calls,
/// holds a result several times while it passes it on.
const MAX_RUN_RESULT_BYTES: usize = 4 << 20;

impl ResultRoom {
    /// What the results of a run may take.
    pub fn of_run() -> Self {
        Self { bytes: MAX_RUN_RESULT_BYTES, ..Self::default() }
    }

    /// Takes room for a result of so many bytes. False if there is none.
    pub fn take(&mut self, bytes: usize) -> bool {
        if bytes > self.bytes || self.results == 0 {
            self.is_truncated = true;
            return false;
        }
        self.bytes -= bytes;
        self.results -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_shows_so_much_and_no_more() {
        let mut room = ResultRoom::default();
        assert!(!room.take(MAX_RESULT_BYTES + 1) && room.is_truncated);
        let mut room = ResultRoom::default();
        assert!((0..MAX_RESULTS).all(|_| room.take(1)) && !room.is_truncated);
        assert!(!room.take(1) && room.is_truncated);
    }
}
