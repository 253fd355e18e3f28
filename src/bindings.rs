//! What the deployment provides: the only place that knows the names of bindings, secrets and variables.

use crate::app::App;
use crate::config::Config;
use crate::objects::runner::Runner;
use crate::objects::sandbox_call::SandboxStub;
use crate::platform::background::AfterAnswer;
use crate::platform::clock::RuntimeClock;
use crate::platform::console::Console;
use crate::platform::d1::D1;
use crate::platform::entropy::RuntimeEntropy;
use crate::platform::kv::RuntimeKv;
use crate::store::keys::SqlKeys;
use std::rc::Rc;
use worker::{Context, Env, Request, Result};

const DB: &str = "DB";
const RUNS: &str = "RUNS";
const SANDBOX: &str = "SANDBOX";
const SANDBOX_URL: &str = "SANDBOX_URL";
const SANDBOX_SECRET: &str = "SANDBOX_SECRET";

/// The application for one request.
///
/// # Errors
/// When the deployment lacks a binding or has a variable that is wrong.
pub fn app(request: &Request, env: &Env, context: Context) -> Result<App> {
    Ok(App {
        config: Config::from_variables(|name| variable(env, name))?,
        keys: Rc::new(SqlKeys { sql: Rc::new(D1(env.d1(DB)?)) }),
        runs: Rc::new(RuntimeKv(env.kv(RUNS)?)),
        sandboxes: Rc::new(SandboxStub {
            namespace: env.durable_object(SANDBOX)?,
            client_left: request.inner().signal(),
        }),
        clock: Rc::new(RuntimeClock),
        entropy: Rc::new(RuntimeEntropy),
        background: Rc::new(AfterAnswer(context)),
        log: Rc::new(Console),
    })
}

/// The runner outside, where one is configured.
pub fn runner(env: &Env) -> Option<Runner> {
    let url = variable(env, SANDBOX_URL)?;
    let secret = env.secret(SANDBOX_SECRET).map(|secret| secret.to_string()).unwrap_or_default();
    Some(Runner { url: url.trim_end_matches('/').to_owned(), secret })
}

/// A variable that is set, and to something.
fn variable(env: &Env, name: &str) -> Option<String> {
    env.var(name).ok().map(|value| value.to_string()).filter(|value| !value.is_empty())
}
