//! Time, as the runtime tells it.

use crate::domain::timestamp::Timestamp;
use crate::ports::Clock;
use futures::future::LocalBoxFuture;
use std::time::Duration;
use worker::Delay;
use worker::js_sys::Date;

/// [`Clock`] of the runtime, which in production stands still between two waits.
pub struct RuntimeClock;

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        Timestamp(Date::now() as i64)
    }

    fn sleep(&self, milliseconds: u32) -> LocalBoxFuture<'static, ()> {
        Box::pin(Delay::from(Duration::from_millis(milliseconds.into())))
    }
}
