//! The isolate Worker: runs JavaScript and TypeScript that nobody trusts, each script in an isolate of its own.
//!
//! Reading order: [`service`] is what the API's Worker may ask; [`execution`] runs one script: `docle_script` reads and
//! translates it, [`loader`] makes its isolate, in which `harness/` waits, and [`outcome`] reads what comes back.
//! [`host`] answers the script's runtime APIs. Nothing else can be asked: entry.mjs decides who reaches which.

mod ai;
mod api;
mod db;
mod destination;
mod execution;
mod host;
mod loader;
mod outcome;
mod select;
mod service;

use worker::{Context, Env, Request, Response, Result, event};

/// Calls of scripts carry properties that only this Worker can have given them, so those are looked at first, and
/// nothing of the request.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    match context.props::<host::Grant>() {
        Ok(grant) => host::answer(request, &env, &grant).await,
        Err(_) => service::answer(request, &env, &context).await,
    }
}
