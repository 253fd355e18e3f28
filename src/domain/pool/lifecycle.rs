//! When a container is checked for readiness, started again, and put to sleep.

use crate::domain::timestamp::Timestamp;

/// How often a start is tried before the calls that wait for it get an error.
pub const START_ATTEMPTS: u32 = 3;
/// A container that is not ready after this long has failed to start, in milliseconds. After a deployment a machine pulls the
/// image first, and a start that is ended meanwhile begins anew. Runs do not wait as long: after the longest wait in the queue
/// they are refused as busy, and the start goes on for the next ones.
pub const START_LIMIT_MS: u32 = 60_000;
/// The longest pause between two health checks, in milliseconds.
const LONGEST_POLL_MS: u32 = 200;
/// Longer than any run may take, in milliseconds: an installation, the longest program, and what surrounds them. A run that
/// is counted for longer has ended without being subtracted.
pub const LONGEST_RUN_MS: i64 = 400_000;

/// The pause after `checks` health checks without success, in milliseconds: short while the container may be ready at any
/// moment, longer when the container is late.
pub fn poll_pause_ms(checks: u32) -> u32 {
    (10 + checks * checks / 4).min(LONGEST_POLL_MS)
}

/// The pause after failed start number `failed`, in milliseconds.
pub fn retry_pause_ms(failed: u32) -> u32 {
    100 << failed.min(5)
}

/// How a container is used, as far as its object knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// Runs in progress.
    pub running: u32,
    /// When the last run began or ended. After an eviction of the object it is `None`; an eviction comes only after a
    /// while without calls.
    pub last: Option<Timestamp>,
}

/// What to do with a running container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    Sleep,
    /// Look again at this time.
    Stay(Timestamp),
}

/// Whether a container sleeps, which it does after `sleep_after_ms` without a run. A clock that jumps forward ends an idle
/// container early; a clock that jumps back keeps the container for one more `sleep_after_ms` at most.
pub fn rest(usage: Use, sleep_after_ms: i64, now: Timestamp) -> Rest {
    let Some(last) = usage.last else { return Rest::Sleep };
    let patience = if usage.running > 0 { sleep_after_ms.max(LONGEST_RUN_MS) } else { sleep_after_ms };
    let end = last.min(now).plus_ms(patience);
    if end <= now {
        return Rest::Sleep;
    }
    Rest::Stay(end.min(now.plus_ms(sleep_after_ms)))
}

/// The time of the object's one alarm: the earliest of all reasons.
pub fn next_alarm<const N: usize>(reasons: [Option<Timestamp>; N]) -> Option<Timestamp> {
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
    fn a_busy_container_stays_unless_its_runs_are_counted_for_too_long() {
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
    fn health_checks_come_quickly_at_first_and_fit_into_the_limit() {
        let pauses: Vec<u32> = (0..200).map(poll_pause_ms).collect();
        assert!(pauses.is_sorted() && pauses[0] == 10 && pauses[199] == LONGEST_POLL_MS);
        assert!(pauses.iter().take(20).sum::<u32>() < 1_000);
        assert!((0..START_ATTEMPTS).map(retry_pause_ms).sum::<u32>() < 1_000);
    }

    #[test]
    fn one_alarm_serves_all_reasons() {
        let (early, late) = (Some(Timestamp(1)), Some(Timestamp(2)));
        assert_eq!(next_alarm([late, early, None]), early);
        assert_eq!(next_alarm([None, late]), late);
        assert_eq!(next_alarm([None, None]), None);
    }
}
