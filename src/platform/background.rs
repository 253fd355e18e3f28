//! Work after the answer, by `waitUntil`.

use crate::ports::Background;
use futures::future::LocalBoxFuture;
use worker::{Context, ScheduleContext};

/// [`Background`] of one request. The runtime lets it go on for 30 seconds after the answer is through.
pub struct AfterAnswer(pub Context);

impl Background for AfterAnswer {
    fn spawn(&self, work: LocalBoxFuture<'static, ()>) {
        self.0.wait_until(work);
    }
}

/// [`Background`] of a scheduled event.
pub struct AfterEvent(pub ScheduleContext);

impl Background for AfterEvent {
    fn spawn(&self, work: LocalBoxFuture<'static, ()>) {
        self.0.wait_until(work);
    }
}
