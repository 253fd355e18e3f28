//! How long a log keeps what, and when it has to wake up.

use crate::domain::timestamp::{DAY_MS, HOUR_MS, Timestamp};
use crate::domain::usage_log::name::LogId;

/// How long results are kept: each for seven days, and all of one day together until the last of them has been.
const RESULTS_KEPT_DAYS: i64 = 7;
/// How long a run stays in the history, and its hour in the series.
const RUNS_KEPT_MS: i64 = 90 * DAY_MS;
/// How long a log refuses runs of an end user that had begun when the end user was deleted. No run is on its way for longer,
/// because results are kept no longer.
const ERASURES_KEPT_MS: i64 = RESULTS_KEPT_DAYS * DAY_MS;
/// How long runs are collected before the database gets its copy, and the shortest pause between two copies.
pub const FLUSH_AFTER_MS: i64 = 5_000;
/// How many times as long as the last copy took the next one has to wait, on average. A database that is busy with other
/// projects takes longer to answer, and so all of them ask it less often.
const PAUSE_PER_FLUSH: i64 = 100;
/// The longest pause between two copies, on average.
const LONGEST_PAUSE_MS: i64 = 300_000;
/// A log that stores this many bytes keeps no further results, and deletes its oldest runs early. An object may store 10 GB.
pub const MAX_STORED_BYTES: u64 = 8_000_000_000;

/// The day of a time, counted since 1970.
pub const fn day_of(time: Timestamp) -> i64 {
    time.0.div_euclid(DAY_MS)
}

/// The hour of a time, counted since 1970.
pub const fn hour_of(time: Timestamp) -> i64 {
    time.0.div_euclid(HOUR_MS)
}

/// Runs from before this time are deleted.
pub fn runs_since(now: Timestamp) -> Timestamp {
    now.plus_ms(-RUNS_KEPT_MS)
}

/// The results of days before this one are deleted.
pub const fn results_since_day(now: Timestamp) -> i64 {
    day_of(now) - RESULTS_KEPT_DAYS
}

/// Deletions of end users from before this time are forgotten.
pub fn erasures_since(now: Timestamp) -> Timestamp {
    now.plus_ms(-ERASURES_KEPT_MS)
}

/// The pause before the next copy, after one that took `took_ms`. Above the shortest one, each log has its own factor from 0.5
/// to 1.5: logs that were slowed down together would otherwise come back together.
pub fn flush_pause_ms(took_ms: i64, log: LogId) -> i64 {
    let [first, second, ..] = log.bytes();
    let factor = i64::from(u16::from_be_bytes([first, second])) + 0x8000;
    let pause = (took_ms.max(0) * PAUSE_PER_FLUSH).min(LONGEST_PAUSE_MS);
    (pause * factor / 0x1_0000).max(FLUSH_AFTER_MS)
}

/// What a log has left to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Due {
    /// When the database is to get what it does not have; `None` if it has everything.
    pub flush_at: Option<Timestamp>,
    /// Whether values in KV wait to be deleted, or the whole log.
    pub deletes: bool,
    /// When the oldest run was made.
    pub oldest_run: Option<Timestamp>,
    /// The day of the oldest results.
    pub oldest_results: Option<i64>,
    /// When the first end user was deleted that is not forgotten.
    pub oldest_erasure: Option<Timestamp>,
    /// Whether the log stores more than it may.
    pub is_full: bool,
}

/// When a log has to wake up next; `None` if it has nothing to do. Old runs are deleted once a day, because each wake-up
/// costs as much as a row.
pub fn next_alarm(due: &Due, now: Timestamp) -> Option<Timestamp> {
    let deletes = due.deletes.then_some(now);
    let full = (due.is_full && due.oldest_run.is_some()).then_some(now);
    let runs = due.oldest_run.map(|oldest| Timestamp((day_of(oldest) + 1) * DAY_MS).plus_ms(RUNS_KEPT_MS));
    let results = due.oldest_results.map(|day| Timestamp((day + RESULTS_KEPT_DAYS + 1) * DAY_MS));
    let erasures = due.oldest_erasure.map(|at| at.plus_ms(ERASURES_KEPT_MS + 1));
    [due.flush_at, deletes, full, runs, results, erasures].into_iter().flatten().min().map(|at| at.max(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_wakes_up_for_what_is_due_first() {
        let now = Timestamp(3 * DAY_MS + 5);
        let later = |due: Due| next_alarm(&due, now).map(|at| at.0 - now.0);
        let none = Due::default();
        assert_eq!(later(none), None);
        assert_eq!(later(Due { flush_at: Some(now.plus_ms(7)), oldest_run: Some(now), ..none }), Some(7));
        assert_eq!(later(Due { flush_at: Some(Timestamp(0)), ..none }), Some(0), "not in the past");
        assert_eq!(later(Due { deletes: true, flush_at: Some(now.plus_ms(7)), ..none }), Some(0));
        assert_eq!(later(Due { oldest_run: Some(now), ..none }), Some(91 * DAY_MS - 5));
        assert_eq!(later(Due { is_full: true, oldest_run: Some(now), ..none }), Some(0));
        assert_eq!(later(Due { is_full: true, ..none }), None, "there is nothing to delete");
        assert_eq!(later(Due { oldest_results: Some(3), ..none }), Some(8 * DAY_MS - 5));
        assert_eq!(later(Due { oldest_erasure: Some(now), ..none }), Some(7 * DAY_MS + 1));
    }

    #[test]
    fn what_is_due_at_an_alarm_is_deleted_by_it() {
        let made = Timestamp(3 * DAY_MS + 5);
        let alarm = |due: Due| next_alarm(&due, made).unwrap();
        assert!(runs_since(alarm(Due { oldest_run: Some(made), ..Due::default() })) > made);
        assert!(results_since_day(alarm(Due { oldest_results: Some(3), ..Due::default() })) > 3);
        assert!(results_since_day(Timestamp(11 * DAY_MS - 1)) <= 3, "seven days after the last result of its day");
        assert!(erasures_since(alarm(Due { oldest_erasure: Some(made), ..Due::default() })) > made);
    }

    #[test]
    fn a_slow_database_is_asked_less_often() {
        let pauses = |log: &str| {
            let log = LogId::parse(log).unwrap();
            [0, 20, 400, 60_000, -5].map(|took_ms| flush_pause_ms(took_ms, log))
        };
        assert_eq!(pauses("8000000000"), [5_000, 5_000, 40_000, 300_000, 5_000]);
        assert_eq!(pauses("0000ffffff"), [5_000, 5_000, 20_000, 150_000, 5_000]);
        assert_eq!(pauses("ffff000000"), [5_000, 5_000, 59_999, 449_995, 5_000]);
    }
}
