//! An object's one alarm, which rings for whatever is due first.

use crate::domain::timestamp::Timestamp;
use crate::platform::clock::RuntimeClock;
use crate::ports::Clock;
use std::time::Duration;
use worker::{Result, Storage};

/// Makes the alarm ring at `at` at the latest.
pub async fn schedule_alarm(storage: &Storage, at: Timestamp) -> Result<()> {
    match storage.get_alarm().await? {
        Some(set) if set <= at.0 => Ok(()),
        _ => storage.set_alarm(Duration::from_millis(u64::try_from(at.0 - RuntimeClock.now().0).unwrap_or(0))).await,
    }
}
