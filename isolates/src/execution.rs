//! Runs one script: translates it, loads its isolate, and waits for the outcome until the time limit.

use crate::call_counters::{self, Counters, MAX_CALLS};
use crate::grant::Grant;
use crate::loader::{Isolate, own_entrypoint};
use crate::outcome::{self, MAX_RESPONSE_BYTES, Measurements};
use docle_protocol::isolate::{
    IsolateJob, IsolateReport, MAX_LOG_BYTES, MAX_LOG_ENTRIES, MAX_RESULT_BYTES, RuntimeApi,
};
use docle_script::ScriptModule;
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
const HARNESS: [(&str, &str); 7] = [
    ("console.js", include_str!("harness/console.js")),
    ("late.cjs", include_str!("harness/late.cjs")),
    ("meter.js", include_str!("harness/meter.js")),
    ("runtime.js", include_str!("harness/runtime.js")),
    ("stack.js", include_str!("harness/stack.js")),
    ("table.js", include_str!("harness/table.js")),
    ("values.js", include_str!("harness/values.js")),
];

/// Node's own `util.inspect`, which an npm package extracts from Node, as a CommonJS module: it is evaluated when a script first
/// logs more than text and numbers. Loading it is a good part of the start of an isolate, so it is left out of the isolate of
/// a script that has none of these words, which come before everything that is formatted.
const INSPECT: (&str, &str) =
    ("inspect.cjs", include_str!("../../node_modules/node-inspect-extracted/dist/inspect.js"));
const BEFORE_FORMATTING: [&str; 6] = ["console", "throw", "reject", "Promise", "globalThis", "self"];

/// The compatibility date of isolates. Without Node's modules an isolate starts in three quarters of the time.
pub const COMPATIBILITY_DATE: &str = "2026-11-01";
const COMPATIBILITY_FLAGS: [&str; 2] = ["no_nodejs_compat", "no_nodejs_compat_v2"];

/// The harness ends a script at its limit and responds with the log. The Worker waits this much longer for that response,
/// in milliseconds, before it aborts the call.
const GRACE_MS: u32 = 250;

/// The request body that the harness reads.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HarnessJob<'a> {
    context: &'a RawValue,
    apis: &'a [RuntimeApi],
    timeout_ms: u32,
    max_result_bytes: usize,
    max_log_entries: usize,
    max_log_bytes: usize,
}

/// Runs a script once. With `metered` the script checks the clock itself, for runtimes that cannot interrupt it.
///
/// # Errors
/// When the deployment has no loader, or the runtime refuses to load an isolate.
pub async fn execute(job: &IsolateJob, metered: bool, env: &Env, context: &Context) -> Result<IsolateReport> {
    let script = match docle_script::prepare(&job.script, &tag()?, metered) {
        Ok(script) => script,
        Err(diagnostics) => return Ok(outcome::invalid_script(&diagnostics)),
    };
    let began = now_ms();
    let called = call(job, &script, env, context).await?;
    let Counters { blocked, ai, .. } = call_counters::take(&job.id);
    let measured = Measurements { duration_ms: now_ms() - began, blocked_connections: blocked, ai };
    Ok(match called {
        CallResult::Response(bytes) => outcome::read(&bytes, job.timeout_ms, &script, measured),
        CallResult::TimedOut => outcome::timed_out(job.timeout_ms, measured),
        CallResult::Failed(message) => outcome::failed(&message, job.timeout_ms, &script, measured),
    })
}

/// The result of calling an isolate.
enum CallResult {
    /// The beginning of the response's body.
    Response(Vec<u8>),
    TimedOut,
    /// The error of the runtime.
    Failed(String),
}

async fn call(job: &IsolateJob, script: &ScriptModule, env: &Env, context: &Context) -> Result<CallResult> {
    let grant = Grant::of(job, worker::Date::now().as_millis());
    let needs_host = job.apis.iter().any(|api| *api != RuntimeApi::Console);
    let host = needs_host.then(|| own_entrypoint(context, "Host", &grant)).transpose()?;
    let main = MAIN.replace("./script.js", &format!("./{}", script.name));
    let mut modules = HARNESS.to_vec();
    if BEFORE_FORMATTING.iter().any(|word| job.script.code.contains(word)) {
        modules.push(INSPECT);
    }
    modules.extend([("main.js", main.as_str()), (&script.name, &script.module)]);
    let isolate = Isolate {
        main_module: "main.js",
        modules: &modules,
        date: COMPATIBILITY_DATE,
        flags: &COMPATIBILITY_FLAGS,
        cpu_ms: job.timeout_ms,
        subrequests: MAX_CALLS,
        host,
    }
    .load(env)?;

    let controller = AbortController::default();
    let request = harness_request(job, &controller)?;
    let response = pin!(async {
        let mut response = isolate.fetch(&request).await?;
        let mut chunks = response.stream()?;
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.next().await {
            bytes.extend(chunk?);
            if bytes.len() > MAX_RESPONSE_BYTES {
                break;
            }
        }
        Ok::<_, worker::Error>(bytes)
    });
    let clock = Delay::from(Duration::from_millis((job.timeout_ms + GRACE_MS).into()));
    let result = match select(response, pin!(clock)).await {
        Either::Left((Ok(bytes), _)) => CallResult::Response(bytes),
        Either::Left((Err(error), _)) => CallResult::Failed(error.to_string()),
        Either::Right(_) => CallResult::TimedOut,
    };
    // Aborts the call of the isolate if it is still pending.
    controller.abort();
    Ok(result)
}

fn harness_request(job: &IsolateJob, controller: &AbortController) -> Result<web_sys::Request> {
    let job = HarnessJob {
        context: &job.context,
        apis: &job.apis,
        timeout_ms: job.timeout_ms,
        max_result_bytes: MAX_RESULT_BYTES,
        max_log_entries: MAX_LOG_ENTRIES,
        max_log_bytes: MAX_LOG_BYTES,
    };
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from(serde_json::to_string(&job)?));
    init.set_signal(Some(&controller.signal()));
    Ok(web_sys::Request::new_with_str_and_init("http://isolate/", &init)?)
}

/// The random part of the names in the script's module: 64 bits, which the script cannot guess.
fn tag() -> Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| worker::Error::RustError(error.to_string()))?;
    Ok(hex::encode(bytes))
}

/// A monotonic clock, in milliseconds.
fn now_ms() -> f64 {
    let global: Object = worker::js_sys::global();
    Reflect::get(&global, &"performance".into())
        .map(|performance| performance.unchecked_into::<web_sys::Performance>().now())
        .unwrap_or_default()
}
