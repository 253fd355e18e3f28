//! Docle's Worker: runs code that nobody trusts, for other people's products.
//!
//! Reading order: [`http`] is the edge, where a path becomes a call and an error becomes an answer; [`app`] is what
//! callers can do; [`domain`] holds the rules, without time, randomness or network; [`ports`] says what those need
//! from outside, [`store`] how it is laid out there, and [`platform`] and [`objects`] provide it on Workers.
//! [`bindings`] puts it all together for one request.

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
use std::rc::Rc;
use worker::worker_sys::web_sys::{AbortController, Request, Response};
use worker::{Context, Env, Result, ScheduleContext, ScheduledEvent, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    let app = bindings::app(request.signal(), &env, Rc::new(AfterAnswer(context)))?;
    platform::edge::response(http::handle(&app, platform::edge::request(request)?).await)
}

#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, context: ScheduleContext) {
    // Nobody waits for this, so nobody leaves.
    let never = AbortController::new().map(|controller| controller.signal()).map_err(Into::into);
    let done = match never.and_then(|never| bindings::app(never, &env, Rc::new(AfterEvent(context)))) {
        Ok(app) => app::purge::purge(&app).await.map_err(|error| error.0),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = done {
        worker::console_error!(
            "{}",
            serde_json::json!({ "message": "What has expired could not be deleted.", "error": error })
        );
    }
}
