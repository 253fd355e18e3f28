//! Finished runs that wait in this isolate, so that one call submits the runs of one log together.

use crate::domain::timestamp::Timestamp;
use crate::domain::usage_log::name::LogName;
use std::cell::RefCell;
use std::collections::HashMap;

/// How long runs of one log are collected before one call submits them, in milliseconds.
const COLLECT_MS: u32 = 50;
/// After this long, in milliseconds, the request that should have submitted a batch counts as ended.
const ABANDONED_AFTER_MS: i64 = 1_000;

/// Runs of one log, a line for each. They are text and not handles of the runtime, so one request may submit the runs
/// of another.
struct Batch {
    lines: String,
    since: Timestamp,
}

thread_local! {
    static WAITING: RefCell<HashMap<LogName, Batch>> = RefCell::default();
}

/// Adds a run to the batch of its log. Returns the wait in milliseconds after which the caller must submit the batch;
/// `None` when another request submits it.
pub fn add(log: LogName, line: String, now: Timestamp) -> Option<u32> {
    WAITING.with_borrow_mut(|waiting| match waiting.get_mut(&log) {
        None => {
            waiting.insert(log, Batch { lines: line, since: now });
            Some(COLLECT_MS)
        }
        Some(batch) => {
            batch.lines.push('\n');
            batch.lines.push_str(&line);
            let is_abandoned = batch.since.plus_ms(ABANDONED_AFTER_MS) <= now;
            if is_abandoned {
                batch.since = now;
            }
            is_abandoned.then_some(0)
        }
    })
}

/// Takes the batch of a log, a run on each line.
pub fn take(log: LogName) -> Option<String> {
    WAITING.with_borrow_mut(|waiting| waiting.remove(&log)).map(|batch| batch.lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::usage_log::name::LogId;

    #[test]
    fn runs_of_one_log_go_together_although_the_request_that_was_to_submit_them_has_ended() {
        let log = |number| LogName::of_project(LogId::from_bytes([number; 5]));
        let add = |number, line: &str, at| add(log(number), line.to_owned(), Timestamp(at));
        assert_eq!(add(1, "1", 0), Some(COLLECT_MS), "the first one submits");
        assert_eq!(add(2, "1", 0), Some(COLLECT_MS), "to its own log");
        assert_eq!((add(1, "2", 10), add(1, "3", ABANDONED_AFTER_MS - 1)), (None, None));
        assert_eq!(add(1, "4", ABANDONED_AFTER_MS), Some(0), "the first request has ended");
        assert_eq!(add(1, "5", ABANDONED_AFTER_MS + 1), None);
        assert_eq!(take(log(1)).as_deref(), Some("1\n2\n3\n4\n5"));
    }
}
