//! Counts the bytes of jobs that wait in this isolate.
//!
//! Objects of one class may share an isolate, and its 128 MB. A job is in memory from its arrival until a runner has it, so
//! the jobs of a full queue could take more than there is, and end the runs of other projects.

use crate::ports::{PoolFailure, PoolFailureCode};
use std::cell::Cell;

/// The most bytes of jobs that wait in one isolate: half of its 128 MB. The other half is for the code, the streams and their
/// output. The largest job of 40 MiB fits.
const MAX_HELD_BYTES: usize = 64_000_000;
/// When a refused client may try again, in seconds.
const RETRY_AFTER_S: u32 = 1;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// Bytes that are counted until this is dropped.
#[derive(Debug)]
pub struct HeldBytes(usize);

/// Counts the bytes of a job.
///
/// # Errors
/// Too much waits already; nothing has run.
pub fn hold(bytes: usize) -> Result<HeldBytes, PoolFailure> {
    let held = HELD.get() + bytes;
    if held > MAX_HELD_BYTES {
        let failure = PoolFailureCode::Busy.with_message("The jobs that wait in this isolate are too large together.");
        return Err(PoolFailure { retry_after_s: Some(RETRY_AFTER_S), ..failure });
    }
    HELD.set(held);
    Ok(HeldBytes(bytes))
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        HELD.set(HELD.get().saturating_sub(self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_of_large_jobs_took_all_memory_of_its_isolate() {
        let first = hold(MAX_HELD_BYTES - 1).unwrap();
        let second = hold(1).unwrap();
        let refused = hold(1).unwrap_err();
        assert_eq!((refused.code, refused.retry_after_s), (PoolFailureCode::Busy, Some(RETRY_AFTER_S)));
        drop(second);
        assert!(hold(1).is_ok());
        drop(first);
        assert!(hold(MAX_HELD_BYTES).is_ok());
    }
}
