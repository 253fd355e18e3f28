//! Time, as the runtime tells it.

use crate::domain::timestamp::Timestamp;
use crate::ports::Clock;
use futures::future::LocalBoxFuture;
use std::time::Duration;
use worker::{Date, Delay};

/// [`Clock`] of the runtime, which in production stands still between two waits.
pub struct RuntimeClock;

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        Timestamp(i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep(&self, milliseconds: u32) -> LocalBoxFuture<'static, ()> {
        Box::pin(Delay::from(Duration::from_millis(milliseconds.into())))
    }
}
