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
mod testing;

use worker::{Context, Env, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    let app = bindings::app(&request, &env, context)?;
    platform::edge::response(http::handle(&app, platform::edge::request(request)?).await)
}
