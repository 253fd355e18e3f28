//! When a container is asked whether it is ready, started again, and put to sleep.

use crate::domain::timestamp::Timestamp;

/// How often a start is tried before those who wait for it are told.
pub const START_ATTEMPTS: u32 = 3;
/// A container that is not ready by then is not going to be: ten times what a start takes on two busy cores.
pub const START_LIMIT_MS: u32 = 15_000;
/// The longest pause between two questions, in milliseconds.
const LONGEST_POLL_MS: u32 = 200;
/// Longer than any run may take: an installation, the longest program, and what surrounds them. Whatever claims to
/// run for longer has been lost count of.
pub const LONGEST_RUN_MS: i64 = 400_000;

/// The pause before question number `asked + 1` whether it is ready, in milliseconds: short while it may be ready any
/// moment, longer when it is late.
pub fn poll_pause_ms(asked: u32) -> u32 {
    (10 + asked * asked / 4).min(LONGEST_POLL_MS)
}

/// The pause after failed start number `failed`, in milliseconds.
pub fn retry_pause_ms(failed: u32) -> u32 {
    100 << failed.min(5)
}

/// What is known of how a container is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// Runs in progress.
    pub running: u32,
    /// When the last one began or ended; `None` where the object that knew was evicted, which takes a while of
    /// inactivity.
    pub last: Option<Timestamp>,
}

/// What to do with a running container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    Sleep,
    /// CheckKey again at this time.
    Stay(Timestamp),
}

/// Whether a container sleeps after `sleep_after_ms` without a run. A clock that jumped forward ends an idle container
/// early, and one that jumped back keeps it for one more such time, never longer.
pub fn rest(usage: Use, sleep_after_ms: i64, now: Timestamp) -> Rest {
    let Some(last) = usage.last else { return Rest::Sleep };
    let patience = if usage.running > 0 { sleep_after_ms.max(LONGEST_RUN_MS) } else { sleep_after_ms };
    let end = last.min(now).plus_ms(patience);
    if end <= now {
        return Rest::Sleep;
    }
    Rest::Stay(end.min(now.plus_ms(sleep_after_ms)))
}

/// The time of the one alarm: the earliest of all reasons.
pub fn next_alarm(reasons: [Option<Timestamp>; 2]) -> Option<Timestamp> {
    reasons.into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const SLEEP: i64 = 600_000;

    fn decide(running: u32, last: i64, now: i64) -> Rest {
        rest(Use { running, last: Some(Timestamp(last)) }, SLEEP, Timestamp(now))
    }

    #[test]
    fn an_idle_container_sleeps_after_its_time() {
        assert_eq!(decide(0, 0, SLEEP - 1), Rest::Stay(Timestamp(SLEEP)));
        assert_eq!(decide(0, 0, SLEEP), Rest::Sleep);
        assert_eq!(rest(Use { running: 0, last: None }, SLEEP, Timestamp(0)), Rest::Sleep);
    }

    #[test]
    fn a_busy_one_stays_unless_it_was_lost_count_of() {
        let short = |now| rest(Use { running: 1, last: Some(Timestamp(0)) }, 1_000, Timestamp(now));
        assert_eq!(short(5_000), Rest::Stay(Timestamp(6_000)));
        assert_eq!(short(LONGEST_RUN_MS), Rest::Sleep);
    }

    #[test]
    fn a_clock_that_jumps_costs_one_time_at_most() {
        assert_eq!(decide(0, HOUR, 0), Rest::Stay(Timestamp(SLEEP)));
        assert_eq!(decide(0, 0, HOUR), Rest::Sleep);
    }

    #[test]
    fn questions_come_quickly_at_first_and_fit_into_the_limit() {
        let pauses: Vec<u32> = (0..200).map(poll_pause_ms).collect();
        assert!(pauses.is_sorted() && pauses[0] == 10 && pauses[199] == LONGEST_POLL_MS);
        assert!(pauses.iter().take(20).sum::<u32>() < 1_000);
        assert!((0..START_ATTEMPTS).map(retry_pause_ms).sum::<u32>() < 1_000);
    }

    #[test]
    fn one_alarm_serves_all_reasons() {
        let (early, late) = (Some(Timestamp(1)), Some(Timestamp(2)));
        assert_eq!(next_alarm([late, early]), early);
        assert_eq!(next_alarm([None, late]), late);
        assert_eq!(next_alarm([None, None]), None);
    }
}
