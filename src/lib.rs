//! Docle's Worker: runs untrusted code for other products.
//!
//! Reading order: [`http`] is the edge, which routes a request to its handler and encodes an error as a response.
//! [`app`] has the use cases, [`domain`] the rules without time, randomness or network. [`ports`] defines what these
//! need from outside. [`store`] has the queries and the key layouts. [`platform`] and [`objects`] implement the ports
//! on Workers. [`bindings`] builds the application for one request from the deployment's bindings.

mod app;
mod bindings;
mod config;
mod domain;
mod http;
mod objects;
mod platform;
mod ports;
mod store;
#[cfg(test)]
mod tests;

use platform::background::{AfterAnswer, AfterEvent};
use platform::console::Console;
use platform::entropy::RuntimeEntropy;
use std::rc::Rc;
use worker::wasm_bindgen::{self, prelude::wasm_bindgen};
use worker::worker_sys::web_sys::{AbortController, Request, Response};
use worker::{Context, Env, Result, ScheduleContext, ScheduledEvent, event};

/// Runs when the WebAssembly instance starts; it is not exported.
#[wasm_bindgen(start, private)]
fn start() {
    platform::panic::install_hook();
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    let app = bindings::app(request.signal(), &env, Rc::new(AfterAnswer(context)));
    let preview_host = app.as_ref().ok().and_then(|app| app.config.preview_host());
    let request = platform::edge::request(request, preview_host)?;
    platform::edge::response(match app {
        Ok(app) => http::handle(&app, request).await,
        Err(error) => http::misconfigured(&request, &error.to_string(), &Console, &RuntimeEntropy),
    })
}

#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, context: ScheduleContext) {
    // A scheduled event has no client, so nothing aborts this signal.
    let never = AbortController::new().map(|controller| controller.signal()).map_err(Into::into);
    match never.and_then(|never| bindings::app(never, &env, Rc::new(AfterEvent(context)))) {
        Ok(app) => app::purge::purge(&app).await,
        Err(error) => worker::console_error!(
            "{}",
            serde_json::json!({ "message": "The purge of expired rows failed.", "error": error.to_string() })
        ),
    }
}
