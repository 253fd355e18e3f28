//! Running one script: translate it, give it an isolate, wait for it no longer than its limit.

use crate::host::{self, Grant};
use crate::loader::{Isolate, own_entrypoint};
use crate::outcome::{self, MAX_ANSWER_BYTES, Observed};
use docle_protocol::isolate::{
    IsolateJob, IsolateReport, MAX_LOG_BYTES, MAX_LOG_ENTRIES, MAX_RESULT_BYTES, RuntimeApi,
};
use docle_script::Prepared;
use futures::StreamExt;
use futures::future::{Either, select};
use serde::Serialize;
use serde_json::value::RawValue;
use std::pin::pin;
use std::time::Duration;
use worker::js_sys::{Object, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::web_sys;
use worker::{AbortController, Context, Delay, Env, Result};

/// The harness's main module, which imports the script's by the name `script.js`.
const MAIN: &str = include_str!("harness/main.js");
/// The rest of the harness: module name → source.
const HARNESS: [(&str, &str); 5] = [
    ("console.js", include_str!("harness/console.js")),
    ("meter.js", include_str!("harness/meter.js")),
    ("runtime.js", include_str!("harness/runtime.js")),
    ("stack.js", include_str!("harness/stack.js")),
    ("values.js", include_str!("harness/values.js")),
];

/// Isolates get the language and web standards of this date. Without Node's modules they start in three quarters of
/// the time, and scripts are told that there is no `process`.
pub const COMPATIBILITY_DATE: &str = "2026-11-01";
const COMPATIBILITY_FLAGS: [&str; 2] = ["no_nodejs_compat", "no_nodejs_compat_v2"];

/// The harness ends a script at its limit and answers with its log. It gets this long for that, in milliseconds, before
/// the isolate is given up.
const GRACE_MS: u32 = 250;

/// What the harness is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Call<'a> {
    context: &'a RawValue,
    apis: &'a [RuntimeApi],
    timeout_ms: u32,
    max_result_bytes: usize,
    max_log_entries: usize,
    max_log_bytes: usize,
}

/// Runs a script, once. `metered` lets it look at the clock itself, for runtimes that cannot interrupt it.
///
/// # Errors
/// When this deployment cannot run scripts at all.
pub async fn execute(job: &IsolateJob, metered: bool, env: &Env, context: &Context) -> Result<IsolateReport> {
    let script = match docle_script::prepare(&job.script, &tag()?, metered) {
        Ok(script) => script,
        Err(findings) => return Ok(outcome::refused(&findings)),
    };
    let began = now_ms();
    let answer = call(job, &script, env, context).await?;
    let observed = Observed { duration_ms: now_ms() - began, blocked_connections: host::end(&job.id) };
    Ok(match answer {
        Answer::Outcome(bytes) => outcome::read(&bytes, job.timeout_ms, &script, observed),
        Answer::None => outcome::overdue(job.timeout_ms, observed),
        Answer::Failure(message) => outcome::failed(&message, job.timeout_ms, &script, observed),
    })
}

/// What came of calling an isolate.
enum Answer {
    Outcome(Vec<u8>),
    /// Nothing, in time.
    None,
    /// What the runtime says.
    Failure(String),
}

async fn call(job: &IsolateJob, script: &Prepared, env: &Env, context: &Context) -> Result<Answer> {
    let grant = Grant::of(job, worker::Date::now().as_millis());
    let reaches_out = job.apis.iter().any(|api| *api != RuntimeApi::Console);
    let host = reaches_out.then(|| own_entrypoint(context, "Host", &grant)).transpose()?;
    let main = MAIN.replace("./script.js", &format!("./{}", script.name));
    let mut modules = HARNESS.to_vec();
    modules.extend([("main.js", main.as_str()), (&script.name, &script.module)]);
    let isolate = Isolate {
        main_module: "main.js",
        modules: &modules,
        date: COMPATIBILITY_DATE,
        flags: &COMPATIBILITY_FLAGS,
        cpu_ms: job.timeout_ms,
        subrequests: host::MAX_CALLS,
        host,
    }
    .load(env)?;

    let controller = AbortController::default();
    let request = request(job, &controller)?;
    let outcome = pin!(async {
        let mut response = isolate.fetch(&request).await?;
        let mut chunks = response.stream()?;
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.next().await {
            bytes.extend(chunk?);
            if bytes.len() > MAX_ANSWER_BYTES {
                break;
            }
        }
        Ok::<_, worker::Error>(bytes)
    });
    let clock = Delay::from(Duration::from_millis((job.timeout_ms + GRACE_MS).into()));
    let answer = match select(outcome, pin!(clock)).await {
        Either::Left((Ok(bytes), _)) => Answer::Outcome(bytes),
        Either::Left((Err(error), _)) => Answer::Failure(error.to_string()),
        Either::Right(_) => Answer::None,
    };
    // Ends the isolate's call, if it still goes on.
    controller.abort();
    Ok(answer)
}

fn request(job: &IsolateJob, controller: &AbortController) -> Result<web_sys::Request> {
    let call = Call {
        context: &job.context,
        apis: &job.apis,
        timeout_ms: job.timeout_ms,
        max_result_bytes: MAX_RESULT_BYTES,
        max_log_entries: MAX_LOG_ENTRIES,
        max_log_bytes: MAX_LOG_BYTES,
    };
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from(serde_json::to_string(&call)?));
    init.set_signal(Some(&controller.signal()));
    Ok(web_sys::Request::new_with_str_and_init("http://isolate/", &init)?)
}

/// What the names in the script's module have in them, so that the script cannot guess them: 64 random bits.
fn tag() -> Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| worker::Error::RustError(error.to_string()))?;
    Ok(hex::encode(bytes))
}

/// A clock for durations, in milliseconds.
fn now_ms() -> f64 {
    let global: Object = worker::js_sys::global();
    Reflect::get(&global, &"performance".into())
        .map(|performance| performance.unchecked_into::<web_sys::Performance>().now())
        .unwrap_or_default()
}
