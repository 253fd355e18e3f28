//! The signal of a client that leaves, from an `AbortSignal` of the runtime.

use crate::ports::ClientSignal;
use worker::wasm_bindgen::JsCast;
use worker::wasm_bindgen::closure::Closure;
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
