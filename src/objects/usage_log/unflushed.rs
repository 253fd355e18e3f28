//! What the database's copy of a log lacks, as far as one instance of the object knows.

use crate::domain::timestamp::Timestamp;
use crate::domain::usage_log::retention::FLUSH_AFTER_MS;
use std::collections::BTreeSet;

/// What the copy lacks, and when the next one is due.
pub struct Unflushed {
    /// The hours whose counts have changed. `None`: changes from before this instance may be missing as well, and storage
    /// tells which.
    hours: Option<BTreeSet<i64>>,
    /// When the next copy is due; `None` if nothing has changed.
    due_at: Option<Timestamp>,
    /// No copy is due before this time.
    not_before: Timestamp,
}

impl Default for Unflushed {
    fn default() -> Self {
        Self { hours: None, due_at: None, not_before: Timestamp(0) }
    }
}

impl Unflushed {
    /// Notes that counts have changed.
    pub fn add(&mut self, hours: BTreeSet<i64>, now: Timestamp) {
        if let Some(known) = &mut self.hours {
            known.extend(hours);
        }
        self.due_at.get_or_insert(now.plus_ms(FLUSH_AFTER_MS).max(self.not_before));
    }

    /// When the next copy is due; `None` if nothing has changed.
    pub const fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }

    /// The hours whose counts have changed; `None` if storage tells which.
    pub const fn hours(&self) -> Option<&BTreeSet<i64>> {
        self.hours.as_ref()
    }

    /// A copy with everything is made. What changes from now on comes with the next one.
    pub fn begin(&mut self) {
        self.hours = Some(BTreeSet::new());
        self.due_at = None;
    }

    /// The copy was written, or it may not have been written. The next one is not due before `not_before`.
    pub fn end(&mut self, was_written: bool, not_before: Timestamp) {
        self.not_before = not_before;
        if !was_written {
            self.hours = None;
            self.due_at = Some(self.not_before);
        }
    }
}
