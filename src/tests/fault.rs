//! Ports that wait, that fail, and that fail after they have done it.

use crate::ports::PortError;
use futures::FutureExt;
use futures::channel::oneshot;
use std::cell::RefCell;
use std::collections::VecDeque;

/// What happens to one call of a port.
pub enum Fault {
    /// The call is not made, and fails.
    NotDone,
    /// The call is made, and yet it fails.
    DoneButFailed,
    /// The call is made once the sender is used or dropped.
    WaitsFor(oneshot::Receiver<()>),
    /// The call is made, and is answered once the sender is used or dropped.
    DoneThenWaitsFor(oneshot::Receiver<()>),
    /// The call is made at once.
    None,
}

/// What happens to the next calls of a port, in order; later ones are made at once.
#[derive(Default)]
pub struct Faults(RefCell<VecDeque<Fault>>);

impl Faults {
    /// Adds what happens to further calls.
    pub fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.0.borrow_mut().extend(faults);
    }

    /// Whether all faults have happened.
    pub fn are_over(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Drops the faults that have not happened.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    /// Makes a call that cannot wait, with its fault.
    pub fn around_at_once<T>(&self, call: impl FnOnce() -> T) -> Result<T, PortError> {
        self.around(async || call()).now_or_never().expect("a call that cannot wait has no fault that waits")
    }

    /// Makes a call with its fault.
    pub async fn around<T>(&self, call: impl AsyncFnOnce() -> T) -> Result<T, PortError> {
        let failed = || PortError("A fault of the test.".to_owned());
        let fault = self.0.borrow_mut().pop_front().unwrap_or(Fault::None);
        match fault {
            Fault::None => Ok(call().await),
            Fault::NotDone => Err(failed()),
            Fault::DoneButFailed => {
                call().await;
                Err(failed())
            }
            Fault::WaitsFor(release) => {
                // A dropped sender releases the call as well.
                let _ = release.await;
                Ok(call().await)
            }
            Fault::DoneThenWaitsFor(release) => {
                let done = call().await;
                let _ = release.await;
                Ok(done)
            }
        }
    }
}
