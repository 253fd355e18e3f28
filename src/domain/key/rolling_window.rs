//! A true rolling window: how many calls were let through within the last minute, to the millisecond.

use crate::domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The window of a key's limit.
pub const WINDOW_MS: i64 = 60_000;

/// Calls that were let through, the oldest first. The highest limit is 10,000 a minute, so it holds at most 80 kB.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RollingWindow(VecDeque<i64>);

/// What is left of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    pub limit: u32,
    pub remaining: u32,
    /// When there will be room for one call more than now.
    pub reset_at: Timestamp,
}

impl RollingWindow {
    /// Lets a call through and counts it, unless `limit` calls were let through in the [`WINDOW_MS`] before `now`.
    /// Refused calls are not counted.
    pub fn admit(&mut self, limit: u32, now: Timestamp) -> bool {
        let now = self.forget(now);
        let has_room = self.0.len() < limit as usize;
        if has_room {
            self.0.push_back(now);
        }
        has_room
    }

    /// What is left of `limit`.
    pub fn rate(&mut self, limit: u32, now: Timestamp) -> Rate {
        let now = self.forget(now);
        let used = self.0.len();
        // Of more calls than the limit, as after it was lowered, all that are too many have to leave first.
        let leaves_next = self.0.get(used.saturating_sub(limit as usize));
        Rate {
            limit,
            remaining: limit.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX)),
            reset_at: Timestamp(leaves_next.map_or(now, |at| at + WINDOW_MS)),
        }
    }

    /// When the latest call was let through, while the window still holds it.
    pub fn latest(&self) -> Option<Timestamp> {
        self.0.back().copied().map(Timestamp)
    }

    /// The window as bytes: each call's time, eight bytes, little endian.
    pub fn encode(&self) -> Vec<u8> {
        self.0.iter().flat_map(|at| at.to_le_bytes()).collect()
    }

    /// The window of such bytes.
    pub fn decode(bytes: &[u8]) -> Self {
        Self(bytes.chunks_exact(8).filter_map(|at| at.try_into().ok().map(i64::from_le_bytes)).collect())
    }

    /// Drops what has left the window. A clock that goes back stands still here: calls stay in order, and none is
    /// forgotten early. One that goes back by more than a window was wrong before: what it counted then is counted as of
    /// now, so that no key is shut for longer than two windows.
    fn forget(&mut self, now: Timestamp) -> i64 {
        if self.0.back().is_some_and(|latest| *latest > now.0 + WINDOW_MS) {
            for at in &mut self.0 {
                *at = now.0.min(*at);
            }
        }
        let now = self.0.back().map_or(now.0, |latest| now.0.max(*latest));
        while self.0.front().is_some_and(|at| at + WINDOW_MS <= now) {
            self.0.pop_front();
        }
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn window_format_unchanged() {
        let mut window = RollingWindow::default();
        assert!(window.admit(2, Timestamp(1)) && window.admit(2, Timestamp(258)));
        let bytes = window.encode();
        assert_eq!(bytes, [1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(RollingWindow::decode(&bytes), window);
    }

    #[test]
    fn there_is_room_again_when_the_oldest_call_leaves() {
        let mut window = RollingWindow::default();
        assert_eq!(window.rate(2, Timestamp(5)), Rate { limit: 2, remaining: 2, reset_at: Timestamp(5) });
        assert!(window.admit(2, Timestamp(10)) && window.admit(2, Timestamp(20)));
        assert_eq!(window.rate(2, Timestamp(20)), Rate { limit: 2, remaining: 0, reset_at: Timestamp(60_010) });
        assert!(!window.admit(2, Timestamp(60_009)));
        assert!(window.admit(2, Timestamp(60_010)));
        assert_eq!(window.rate(1, Timestamp(60_010)).reset_at, Timestamp(120_010), "both are too many for one");
        assert_eq!(window.rate(3, Timestamp(60_010)).remaining, 1);
    }

    #[test]
    fn a_clock_that_was_a_day_ahead_shuts_no_key_for_a_day() {
        let day = 86_400_000;
        let mut window = RollingWindow::default();
        assert!(window.admit(3, Timestamp(day)) && window.admit(3, Timestamp(day + 1)));
        assert_eq!(window.rate(3, Timestamp(10)).remaining, 1, "the calls of the wrong time still count");
        assert!(window.admit(3, Timestamp(20)) && !window.admit(3, Timestamp(60_009)));
        assert_eq!(window.rate(3, Timestamp(60_010)).remaining, 2);
    }

    proptest! {
        /// Whatever the times and limits: exactly the calls are let through that a list of all calls would let through.
        #[test]
        fn it_decides_as_counting_everything_does(
            steps in prop::collection::vec((0i64..40_000, 1u32..6), 1..200)
        ) {
            let mut window = RollingWindow::default();
            let mut all: Vec<i64> = Vec::new();
            let mut now = 0;
            for (pause, limit) in steps {
                now += pause;
                let used = all.iter().filter(|at| **at > now - WINDOW_MS).count();
                let expected = used < limit as usize;
                prop_assert_eq!(window.admit(limit, Timestamp(now)), expected);
                if expected {
                    all.push(now);
                }
                let used = all.iter().filter(|at| **at > now - WINDOW_MS).count();
                let rate = window.rate(limit, Timestamp(now));
                prop_assert_eq!(rate.remaining as usize, (limit as usize).saturating_sub(used));
                // One millisecond before the reset nothing has changed; at the reset one call more fits.
                let left_at = |at: i64| (limit as usize).saturating_sub(all.iter().filter(|one| **one > at - WINDOW_MS).count());
                prop_assert_eq!(left_at(rate.reset_at.0 - 1), rate.remaining as usize);
                prop_assert!(left_at(rate.reset_at.0) > rate.remaining as usize);
                prop_assert_eq!(RollingWindow::decode(&window.encode()), window.clone());
            }
        }

        /// Every stretch of a minute, wherever it begins, holds at most the limit.
        #[test]
        fn no_minute_holds_more_than_the_limit(
            pauses in prop::collection::vec(0i64..3_000, 1..300), limit in 1u32..20
        ) {
            let mut window = RollingWindow::default();
            let mut now = 0;
            let mut admitted = Vec::new();
            for pause in pauses {
                now += pause;
                if window.admit(limit, Timestamp(now)) {
                    admitted.push(now);
                }
            }
            for first in &admitted {
                let within = admitted.iter().filter(|at| (*first..first + WINDOW_MS).contains(*at)).count();
                prop_assert!(within <= limit as usize);
            }
        }

        #[test]
        fn a_clock_that_goes_back_lets_nothing_more_through(
            steps in prop::collection::vec(-WINDOW_MS..WINDOW_MS, 1..100)
        ) {
            let mut window = RollingWindow::default();
            let mut highest = WINDOW_MS;
            let mut admitted: Vec<i64> = Vec::new();
            for step in steps {
                let now = highest + step;
                highest = highest.max(now);
                if window.admit(3, Timestamp(now)) {
                    admitted.push(highest.min(admitted.last().copied().unwrap_or(0).max(now)));
                }
            }
            for first in &admitted {
                let within = admitted.iter().filter(|at| (*first..first + WINDOW_MS).contains(*at)).count();
                prop_assert!(within <= 3);
            }
        }
    }
}
