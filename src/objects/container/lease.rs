//! Counts the jobs in a container, so that its object knows when the container may sleep.

use crate::domain::pool::lifecycle::Use;
use crate::domain::timestamp::Timestamp;
use crate::ports::{Clock, Lease};
use std::cell::Cell;
use std::rc::Rc;

/// Counts the jobs in a container.
pub struct ContainerUse {
    clock: Rc<dyn Clock>,
    running: Cell<u32>,
    last: Cell<Option<Timestamp>>,
    /// Whether a job has ended unobserved: its client left, or its runner is stuck.
    is_suspect: Cell<bool>,
}

impl ContainerUse {
    pub fn new(clock: Rc<dyn Clock>) -> Rc<Self> {
        Rc::new(Self { clock, running: Cell::default(), last: Cell::default(), is_suspect: Cell::default() })
    }

    /// Notes that the container is used now.
    pub fn touch(&self) {
        self.last.set(Some(self.clock.now()));
    }

    /// Counts a job until its lease is released.
    pub fn lease(self: &Rc<Self>) -> ContainerLease {
        self.running.set(self.running.get() + 1);
        self.touch();
        ContainerLease { usage: Rc::clone(self), is_finished: false }
    }

    /// The jobs in progress, and when the container was used last.
    pub fn current(&self) -> Use {
        Use { running: self.running.get(), last: self.last.get() }
    }

    /// Whether a job has ended unobserved since the last call of this method.
    pub fn take_suspicion(&self) -> bool {
        self.is_suspect.replace(false)
    }
}

/// A job in a container, from before the start of the container to the end of the job.
pub struct ContainerLease {
    usage: Rc<ContainerUse>,
    is_finished: bool,
}

impl Lease for ContainerLease {
    fn finished(mut self) {
        self.is_finished = true;
    }
}

impl Drop for ContainerLease {
    fn drop(&mut self) {
        let Self { usage, is_finished } = self;
        usage.running.set(usage.running.get().saturating_sub(1));
        usage.touch();
        usage.is_suspect.set(usage.is_suspect.get() || !*is_finished);
    }
}
