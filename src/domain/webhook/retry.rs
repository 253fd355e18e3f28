//! When a report that was not accepted is sent again, and when a project's webhooks are switched off.

use crate::domain::timestamp::{DAY_MS, HOUR_MS, Timestamp};
use serde::{Deserialize, Serialize};

/// How long one attempt may take, in milliseconds.
pub const ATTEMPT_MS: u32 = 10_000;
/// The pauses after the first attempt and after each further one, in milliseconds. Together they are 23.7 hours.
const PAUSES_MS: [i64; 10] =
    [5_000, 30_000, 120_000, 600_000, 1_800_000, HOUR_MS, 2 * HOUR_MS, 4 * HOUR_MS, 8 * HOUR_MS, 8 * HOUR_MS];
/// A pause is shorter by up to so many hundredths, so that what failed together is not repeated together.
const JITTER_PERCENT: i64 = 20;
/// A project whose every attempt has failed for so long has no receiver any more, in milliseconds.
const LOST_AFTER_MS: i64 = 7 * DAY_MS;
/// Fewer failures than these, two reports of a day, prove nothing.
const LOST_AFTER_FAILURES: u32 = 20;

/// When a report is sent again that so many attempts have failed to deliver; `None` if it is not.
pub fn next_attempt(attempts: usize, now: Timestamp, random: u16) -> Option<Timestamp> {
    let pause = attempts.checked_sub(1).and_then(|failed| PAUSES_MS.get(failed))?;
    let shorter = pause * JITTER_PERCENT * i64::from(random) / (100 * i64::from(u16::MAX));
    Some(now.plus_ms(pause - shorter))
}

/// The attempts of a project that have failed since the last one that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    pub since: Timestamp,
    pub count: u32,
}

impl Failures {
    /// One more.
    pub fn after(before: Option<Self>, now: Timestamp) -> Self {
        match before {
            None => Self { since: now, count: 1 },
            Some(Self { since, count }) => Self { since, count: count.saturating_add(1) },
        }
    }

    /// Whether the webhooks of the project are switched off.
    pub fn are_final(&self, now: Timestamp) -> bool {
        now.0 - self.since.0 >= LOST_AFTER_MS && self.count >= LOST_AFTER_FAILURES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_repeated_for_a_day() {
        for random in [0, u16::MAX] {
            let (mut now, mut times) = (Timestamp(0), vec![0]);
            while let Some(next) = next_attempt(times.len(), now, random) {
                assert!(next > now);
                times.push(next.0);
                now = next;
            }
            assert_eq!(times.len(), 11);
            assert!((18 * HOUR_MS..DAY_MS).contains(&now.0), "{now}");
        }
        assert_eq!(next_attempt(1, Timestamp(0), 0), Some(Timestamp(5_000)));
        assert_eq!(next_attempt(1, Timestamp(0), u16::MAX), Some(Timestamp(4_000)));
        assert_eq!((next_attempt(0, Timestamp(0), 0), next_attempt(11, Timestamp(0), 0)), (None, None));
    }

    #[test]
    fn seven_days_and_twenty_failures_are_final() {
        let failures = |count, since| Failures { since: Timestamp(since), count };
        let now = Timestamp(8 * DAY_MS);
        assert!(failures(20, DAY_MS).are_final(now));
        assert!(!failures(20, DAY_MS + 1).are_final(now));
        assert!(!failures(19, 0).are_final(now));
        let first = Failures::after(None, now);
        assert_eq!(first, failures(1, now.0));
        assert_eq!(Failures::after(Some(first), now.plus_ms(9)), failures(2, now.0));
    }
}
