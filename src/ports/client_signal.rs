//! The signal that the client of a run has left.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A signal that is raised when the client leaves, and then calls each callback once. Clones are the same signal. If
/// nothing observes the client, the signal is never raised.
#[derive(Clone, Default)]
pub struct ClientSignal(Rc<Inner>);

#[derive(Default)]
struct Inner {
    has_left: Cell<bool>,
    callbacks: RefCell<Vec<Box<dyn FnOnce()>>>,
}

impl ClientSignal {
    /// Raises the signal. Later calls do nothing.
    pub fn leave(&self) {
        self.0.has_left.set(true);
        // A callback may add another one, which then runs at once.
        let callbacks = self.0.callbacks.take();
        callbacks.into_iter().for_each(|callback| callback());
    }

    /// Whether the client has left.
    pub fn has_left(&self) -> bool {
        self.0.has_left.get()
    }

    /// Calls `callback` when the client leaves: at once if the client has left.
    pub fn on_leave(&self, callback: impl FnOnce() + 'static) {
        if self.has_left() {
            return callback();
        }
        self.0.callbacks.borrow_mut().push(Box::new(callback));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_callback_is_called_once_however_often_the_signal_is_raised() {
        let (client, calls) = (ClientSignal::default(), Rc::new(Cell::new(0)));
        let count = |calls: &Rc<Cell<u32>>| {
            let calls = Rc::clone(calls);
            move || calls.set(calls.get() + 1)
        };
        client.on_leave(count(&calls));
        let (other, nested) = (client.clone(), count(&calls));
        client.on_leave(move || other.on_leave(nested));
        assert_eq!((client.has_left(), calls.get()), (false, 0));
        client.leave();
        client.leave();
        assert_eq!((client.has_left(), calls.get()), (true, 2));
        client.on_leave(count(&calls));
        assert_eq!(calls.get(), 3, "the client has left already");
    }
}
