//! When a room may store its updates: each row costs, and everybody may write into an open room.

/// How long updates are collected for one row, in milliseconds. A change after a longer pause is stored before it is sent.
/// What is sent within this time is what a crash of the runtime can lose, if its sender does not come back.
const SAVE_EVERY_MS: i64 = 250;
/// Rows a second in the long run: 86,400 a day. The platform takes $1 for a million rows.
const ROWS_PER_SECOND: i64 = 1;
/// Rows that a room can save up: five minutes of typing without a pause.
const MAX_ROWS: i64 = 1_200;
/// Rows that a room has when it comes into memory. Leaving memory must not fill the budget.
const FIRST_ROWS: i64 = 240;

/// A token bucket of rows. A room that has used it up stores once a second.
#[derive(Debug)]
pub struct WriteBudget {
    /// Rows that are left, in thousandths.
    left: i64,
    /// When `left` was computed, in milliseconds since 1970.
    at: i64,
    /// Before this time nothing is stored, in milliseconds since 1970.
    not_before: i64,
}

impl WriteBudget {
    /// The budget of a room that comes into memory.
    pub fn new(now: i64) -> Self {
        Self { left: FIRST_ROWS * 1_000, at: now, not_before: now }
    }

    /// When the next row may be stored, in milliseconds since 1970.
    pub fn due(&self) -> i64 {
        self.not_before
    }

    /// Takes a row, also when none is left: what must be stored is stored.
    pub fn take(&mut self, now: i64) {
        let refilled = self.left + (now - self.at).max(0) * ROWS_PER_SECOND;
        self.left = refilled.min(MAX_ROWS * 1_000) - 1_000;
        self.at = now;
        self.not_before = now + SAVE_EVERY_MS.max((1_000 - self.left) / ROWS_PER_SECOND);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of a room into which a client writes without a pause for so many seconds.
    fn rows(seconds: i64) -> i64 {
        let mut budget = WriteBudget::new(0);
        let mut rows = 0;
        for now in 0..seconds * 1_000 {
            if budget.due() <= now {
                budget.take(now);
                rows += 1;
            }
        }
        rows
    }

    #[test]
    fn an_open_room_that_was_written_to_all_day_stored_a_row_for_each_update() {
        assert_eq!(rows(10), 40, "at most once in a quarter of a second");
        let hour = rows(3_600);
        assert!(hour <= 3_600 + FIRST_ROWS, "{hour} rows in an hour");
        assert!(hour >= 3_600, "it never stops storing");
    }

    #[test]
    fn a_row_that_must_be_stored_is_paid_for_later() {
        let mut budget = WriteBudget::new(0);
        for _ in 0..FIRST_ROWS + 9 {
            budget.take(0);
        }
        assert_eq!(budget.due(), 10_000);
    }
}
