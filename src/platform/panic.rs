//! What a panic does: one line on the console, and a new WebAssembly instance for the next call.

use std::panic::PanicHookInfo;
use worker::js_sys::{Reflect, global};

/// Where `worker` and the Worker's entry module note that the memory of this instance can no longer be trusted.
const STATE: &str = "__worker_init_state";

/// Installs the hook, once at start. It stands in place of the hook of `worker`, which also writes to the console, and
/// does the other half of that hook's work.
pub fn install_hook() {
    std::panic::set_hook(Box::new(on_panic));
}

fn on_panic(info: &PanicHookInfo<'_>) {
    console_error_panic_hook::hook(info);
    if let Ok(state) = Reflect::get(&global(), &STATE.into()) {
        // A state that cannot be written is not there, and then nothing reads it either.
        let _ = Reflect::set(&state, &"criticalError".into(), &true.into());
    }
}
