//! The signal of a client that leaves, from an `AbortSignal` of the runtime.

use crate::ports::ClientSignal;
use worker::js_sys::Array;
use worker::wasm_bindgen::closure::Closure;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys::web_sys::{AbortController, AbortSignal};

/// The client whose leaving aborts `signal`. An `AbortSignal` has one such observer.
pub fn of(signal: &AbortSignal) -> ClientSignal {
    let client = ClientSignal::default();
    if signal.aborted() {
        client.leave();
        return client;
    }
    let aborted = client.clone();
    let listener = Closure::once_into_js(move || aborted.leave());
    signal.set_onabort(Some(listener.unchecked_ref()));
    client
}

/// Aborts what `controller` controls when the client leaves.
pub fn abort_on_leave(client: &ClientSignal, controller: AbortController) {
    client.on_leave(move || controller.abort());
}

/// Ends the call to an object when it is dropped, and when the client leaves.
pub struct EndOnDrop {
    controller: AbortController,
    /// Aborted at the end.
    pub signal: AbortSignal,
}

impl EndOnDrop {
    /// Ends a call of the request whose client aborts `client_left`.
    pub fn new(client_left: &AbortSignal) -> worker::Result<Self> {
        let controller = AbortController::new()?;
        let own: JsValue = controller.signal().into();
        let signal = AbortSignal::any(&Array::of2(&own, client_left));
        Ok(Self { controller, signal })
    }
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.controller.abort();
    }
}
