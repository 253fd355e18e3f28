//! When a sandbox is saved and when it sleeps.

use crate::domain::sandbox::settings::Runtime;
use crate::domain::timestamp::Timestamp;

/// After a failure to save, the next attempt waits so long, in milliseconds.
pub const SAVE_AGAIN_MS: i64 = 10_000;

/// What an awake sandbox is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// Commands and transfers in progress.
    pub active: u32,
    /// When the last one began or ended.
    pub last_use: Timestamp,
    /// When the first change after the last save was made; `None` if everything is saved.
    pub unsaved_since: Option<Timestamp>,
    /// After a failure: when to try again.
    pub save_again_at: Option<Timestamp>,
    /// Whether another account needs the place.
    pub is_reclaimed: bool,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Save and end the machine.
    Sleep,
    /// Save and go on.
    Save,
    /// Nothing before this time.
    Later(Timestamp),
}

/// What an awake sandbox is to do now.
pub fn due(activity: Activity, runtime: &Runtime, now: Timestamp) -> Due {
    let Activity { active, last_use, unsaved_since, save_again_at, is_reclaimed } = activity;
    let sleep_at = match active {
        0 if is_reclaimed => now,
        // A clock that jumps back costs one time at most.
        0 => last_use.min(now).plus_ms(i64::from(runtime.sleep_after) * 1_000),
        // The end of the last command sets the alarm again.
        _ => Timestamp(i64::MAX),
    };
    let save_at = unsaved_since.map(|at| at.plus_ms(i64::from(runtime.save_every_seconds) * 1_000));
    let not_before = save_again_at.unwrap_or(now);
    // Nothing sleeps that cannot be saved.
    if sleep_at.max(not_before) <= now {
        return Due::Sleep;
    }
    match save_at.map(|at| at.max(not_before)) {
        Some(at) if at <= now => Due::Save,
        Some(at) => Due::Later(at.min(sleep_at.max(not_before))),
        None => Due::Later(sleep_at.max(not_before)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Activity =
        Activity { active: 0, last_use: Timestamp(0), unsaved_since: None, save_again_at: None, is_reclaimed: false };

    fn at(activity: Activity, now: i64) -> Due {
        due(activity, &Runtime::default(), Timestamp(now))
    }

    #[test]
    fn an_idle_sandbox_sleeps_after_its_time_and_a_busy_one_does_not() {
        assert_eq!(at(IDLE, 599_999), Due::Later(Timestamp(600_000)));
        assert_eq!(at(IDLE, 600_000), Due::Sleep);
        assert_eq!(at(Activity { active: 1, ..IDLE }, 600_000), Due::Later(Timestamp(i64::MAX)));
        assert_eq!(at(Activity { is_reclaimed: true, ..IDLE }, 1), Due::Sleep);
    }

    #[test]
    fn a_change_is_saved_in_time_also_while_a_command_runs() {
        let changed = Activity { active: 1, unsaved_since: Some(Timestamp(5_000)), ..IDLE };
        assert_eq!(at(changed, 64_999), Due::Later(Timestamp(65_000)));
        assert_eq!(at(changed, 65_000), Due::Save);
    }

    #[test]
    fn a_sandbox_that_cannot_be_saved_does_not_sleep() {
        let failing = Activity { unsaved_since: Some(Timestamp(0)), save_again_at: Some(Timestamp(700_000)), ..IDLE };
        assert_eq!(at(failing, 650_000), Due::Later(Timestamp(700_000)));
        assert_eq!(at(failing, 700_000), Due::Sleep);
    }
}
