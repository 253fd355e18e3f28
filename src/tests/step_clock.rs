//! Time that passes only when a test says so.

use crate::domain::timestamp::Timestamp;
use crate::ports::Clock;
use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use std::cell::{Cell, RefCell};

/// [`Clock`] that a test moves. A sleep ends when the test has moved the clock to its end.
#[derive(Default)]
pub struct StepClock {
    now: Cell<i64>,
    sleeps: RefCell<Vec<(i64, oneshot::Sender<()>)>>,
}

impl StepClock {
    /// The end of the next sleep that something still waits for.
    pub fn next_end(&self) -> Option<i64> {
        let mut sleeps = self.sleeps.borrow_mut();
        sleeps.retain(|(_, sleep)| !sleep.is_canceled());
        sleeps.iter().map(|(end, _)| *end).min()
    }

    /// Moves the clock by so many milliseconds.
    pub fn pass_ms(&self, milliseconds: i64) {
        self.set(self.now.get() + milliseconds);
    }

    /// Moves the clock, and ends the sleeps that are over.
    pub fn set(&self, now: i64) {
        self.now.set(now);
        let sleeps = self.sleeps.take();
        let (over, left): (Vec<_>, Vec<_>) = sleeps.into_iter().partition(|(end, _)| *end <= now);
        self.sleeps.replace(left);
        for (_, sleep) in over {
            // What does not wait any more needs no waking.
            let _ = sleep.send(());
        }
    }
}

impl Clock for StepClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.get())
    }

    fn sleep(&self, milliseconds: u32) -> LocalBoxFuture<'static, ()> {
        let (sender, end) = oneshot::channel();
        self.sleeps.borrow_mut().push((self.now.get() + i64::from(milliseconds), sender));
        end.map(|_| ()).boxed_local()
    }
}
