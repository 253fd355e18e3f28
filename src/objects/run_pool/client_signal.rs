//! Whoever asked an object for something: still there, or gone.

use std::cell::RefCell;
use std::rc::Rc;
use worker::wasm_bindgen::JsCast;
use worker::wasm_bindgen::closure::Closure;
use worker::worker_sys::web_sys::AbortSignal;

/// What to do when the caller leaves, by whom it was asked for.
type Callbacks = Rc<RefCell<Vec<Box<dyn FnOnce()>>>>;

/// See the module.
pub struct Caller {
    signal: Option<AbortSignal>,
    callbacks: Callbacks,
}

impl Caller {
    /// The caller whose leaving aborts `signal`; without one it never leaves.
    pub fn new(signal: Option<AbortSignal>) -> Self {
        let callbacks = Callbacks::default();
        if let Some(signal) = &signal {
            let callbacks = Rc::clone(&callbacks);
            let left = Closure::once_into_js(move || {
                let all = std::mem::take(&mut *callbacks.borrow_mut());
                all.into_iter().for_each(|callback| callback());
            });
            signal.set_onabort(Some(left.unchecked_ref()));
        }
        Self { signal, callbacks }
    }

    /// Whether it has left.
    pub fn has_left(&self) -> bool {
        self.signal.as_ref().is_some_and(AbortSignal::aborted)
    }

    /// Calls back when it leaves, which is at once where it has left.
    pub fn when_it_leaves(&self, callback: impl FnOnce() + 'static) {
        if self.has_left() {
            return callback();
        }
        self.callbacks.borrow_mut().push(Box::new(callback));
    }
}
