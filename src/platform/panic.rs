//! What a panic does: one line on the console, and a new WebAssembly instance for the next call.

use std::panic::PanicHookInfo;
use worker::js_sys::{Reflect, global};
use worker::wasm_bindgen_futures::spawn_local;

/// Where `worker` and the Worker's entry module note that the memory of this instance can no longer be trusted.
const STATE: &str = "__worker_init_state";

/// Installs the hook, once when an instance starts. It replaces the hook of `worker`, which writes a panic to the console
/// as well, and does the other half of that hook's work. `worker` installs its own later during the same start, so this
/// one follows as soon as the start is over.
pub fn install_hook() {
    spawn_local(async { std::panic::set_hook(Box::new(on_panic)) });
}

fn on_panic(info: &PanicHookInfo<'_>) {
    console_error_panic_hook::hook(info);
    if let Ok(state) = Reflect::get(&global(), &STATE.into()) {
        // A state that cannot be written is not there, and then nothing reads it either.
        let _ = Reflect::set(&state, &"criticalError".into(), &true.into());
    }
}
