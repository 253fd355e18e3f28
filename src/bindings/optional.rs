//! What a deployment may have or lack, and how its settings are read.

use crate::config::Config;
use crate::platform::address_limiter::RuntimeAddressLimiter;
use crate::platform::clock::RuntimeClock;
use crate::platform::console::Console;
use crate::platform::isolates::IsolateWorker;
use crate::platform::resend::Resend;
use crate::ports::address_limiter::AddressLimiter;
use crate::ports::{Mailer, Sql};
use crate::store::outbox::Outbox;
use std::rc::Rc;
use worker::Env;

const ADDRESS_LIMITER: &str = "ADDRESS_LIMITER";
const ISOLATES: &str = "ISOLATES";
const ISOLATES_URL: &str = "ISOLATES_URL";
const ISOLATES_SECRET: &str = "ISOLATES_SECRET";
const RESEND_API_KEY: &str = "RESEND_API_KEY";
const RESEND_URL: &str = "RESEND_URL";
const MAIL_FROM: &str = "MAIL_FROM";

/// The platform's limiter if the deployment binds one.
pub fn address_limiter(env: &Env) -> Option<Rc<dyn AddressLimiter>> {
    let binding = env.rate_limiter(ADDRESS_LIMITER).ok()?;
    Some(Rc::new(RuntimeAddressLimiter { binding, log: Rc::new(Console) }))
}

/// The isolate Worker at `ISOLATES_URL` if that variable is set, else the one of the service binding.
pub fn isolates(env: &Env) -> Option<IsolateWorker> {
    match variable(env, ISOLATES_URL) {
        Some(url) => {
            Some(IsolateWorker::Url { url: url.trim_end_matches('/').to_owned(), secret: secret(env, ISOLATES_SECRET) })
        }
        None => env.service(ISOLATES).ok().map(|worker| IsolateWorker::Binding(worker.into_rpc())),
    }
}

/// Resend if its API key is set, else the outbox on a development machine, else `None`.
pub fn mailer(env: &Env, config: &Config, sql: &Rc<dyn Sql>) -> Option<Rc<dyn Mailer>> {
    let api_key = secret(env, RESEND_API_KEY);
    if !api_key.is_empty() {
        let url = variable(env, RESEND_URL).unwrap_or_else(|| "https://api.resend.com".to_owned());
        let from = variable(env, MAIL_FROM).unwrap_or_else(|| "Docle <login@docle.co>".to_owned());
        return Some(Rc::new(Resend { url, api_key, from }));
    }
    let outbox = || Outbox { sql: Rc::clone(sql), clock: Rc::new(RuntimeClock), log: Rc::new(Console) };
    config.is_development().then(|| Rc::new(outbox()) as Rc<dyn Mailer>)
}

/// The value of a secret; empty if it is missing.
pub fn secret(env: &Env, name: &str) -> String {
    env.secret(name).map(|secret| secret.to_string()).unwrap_or_default()
}

/// The value of a variable; `None` if it is missing or empty.
pub fn variable(env: &Env, name: &str) -> Option<String> {
    env.var(name).ok().map(|value| value.to_string()).filter(|value| !value.is_empty())
}
