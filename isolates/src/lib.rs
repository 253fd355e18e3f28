//! The isolate Worker: runs untrusted JavaScript and TypeScript, each script in an isolate of its own.
//!
//! Reading order: [`service`] answers the API's Worker. [`execution`] runs one script: `docle_script` parses and translates
//! it, [`loader`] loads its isolate, in which `harness/` waits, and [`outcome`] turns the isolate's response into a report.
//! [`host`] answers the calls of the script: [`grant`] holds what the script may reach, [`call_counters`] bound its calls,
//! [`api`], [`db`] (with [`select`]) and [`ai`] are the runtime APIs. `entry.mjs` decides which client reaches which entry
//! point.

mod ai;
mod api;
mod api_error;
mod call_counters;
mod db;
mod destination;
mod execution;
mod grant;
mod host;
mod loader;
mod outcome;
mod select;
mod service;

use worker::{Context, Env, Request, Response, Result, event};

/// A call of a script carries properties, which only this Worker can have set. The properties are read before anything of
/// the request.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    match context.props::<grant::Grant>() {
        Ok(grant) => host::answer(request, &env, &grant).await,
        Err(_) => service::answer(request, &env, &context).await,
    }
}
