//! Finished runs that wait in this isolate, so that one call submits the runs of one key together.

use crate::domain::timestamp::Timestamp;
use std::cell::RefCell;
use std::collections::HashMap;

/// How long runs of one key are collected before one call submits them, in milliseconds.
const COLLECT_MS: u32 = 50;
/// After this long, in milliseconds, the request that should have submitted a batch counts as ended.
const ABANDONED_AFTER_MS: i64 = 1_000;

/// Runs of one key, a line for each. They are text and not handles of the runtime, so one request may submit the runs
/// of another.
struct Batch {
    lines: String,
    since: Timestamp,
}

thread_local! {
    /// By the key's hash.
    static WAITING: RefCell<HashMap<String, Batch>> = RefCell::default();
}

/// Adds a run to the batch of its key. Returns the wait in milliseconds after which the caller must submit the batch;
/// `None` when another request submits it.
pub fn add(key_hash: &str, line: String, now: Timestamp) -> Option<u32> {
    WAITING.with_borrow_mut(|waiting| match waiting.get_mut(key_hash) {
        None => {
            waiting.insert(key_hash.to_owned(), Batch { lines: line, since: now });
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

/// Takes the batch of a key, a run on each line.
pub fn take(key_hash: &str) -> Option<String> {
    WAITING.with_borrow_mut(|waiting| waiting.remove(key_hash)).map(|batch| batch.lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_key_go_together_although_the_request_that_was_to_submit_them_has_ended() {
        let add = |key: &str, line: &str, at| add(key, line.to_owned(), Timestamp(at));
        assert_eq!(add("a", "1", 0), Some(COLLECT_MS), "the first one submits");
        assert_eq!(add("b", "1", 0), Some(COLLECT_MS), "to its own gate");
        assert_eq!((add("a", "2", 10), add("a", "3", ABANDONED_AFTER_MS - 1)), (None, None));
        assert_eq!(add("a", "4", ABANDONED_AFTER_MS), Some(0), "the first request has ended");
        assert_eq!(add("a", "5", ABANDONED_AFTER_MS + 1), None);
        assert_eq!(take("a").as_deref(), Some("1\n2\n3\n4\n5"));
    }
}
