//! What scripts ask of the outside: a stub of this with a [`Grant`] as its properties is all that an isolate has.
//!
//! A grant is made by this Worker and cannot be changed by whoever holds the stub, so it alone says for whom something
//! is asked. The request itself is the script's: it is read up to a bound and taken for hostile.

use crate::{ai, api, db};
use docle_protocol::isolate::{IsolateJob, RuntimeApi};
use futures::StreamExt;
use futures::future::{Either, select};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;
use worker::{Date, Delay, Env, Request, Response, Result};

/// Calls of all runtime APIs in one execution. Cloudflare allows 50 subrequests on its smallest plan.
pub const MAX_CALLS: u32 = 50;
/// Bytes of the arguments of one call, as JSON.
const MAX_ARGUMENT_BYTES: usize = 1_048_576;
/// Executions whose calls are counted at once. More than this means that ends were lost; each further one then takes the
/// place of any other, which begins to count anew if it is not over.
const MAX_COUNTED: usize = 1_000;

/// What one execution may do outside.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// The execution's id.
    pub run: String,
    pub project: String,
    pub apis: Vec<RuntimeApi>,
    pub allowed_domains: Vec<Vec<String>>,
    pub database: Option<String>,
    /// When the script's time is up, in milliseconds since 1970.
    pub deadline: f64,
}

impl Grant {
    /// The grant of a job that starts at `now`, in milliseconds since 1970.
    pub fn of(job: &IsolateJob, now: u64) -> Self {
        Self {
            run: job.id.clone(),
            project: job.project_id.clone(),
            apis: job.apis.clone(),
            allowed_domains: job.allowed_domains.clone(),
            database: job.database.clone(),
            deadline: (now + u64::from(job.timeout_ms)) as f64,
        }
    }
}

/// An error that the script gets: the class's name and the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Denied {
    pub name: &'static str,
    pub message: String,
}

impl Denied {
    /// What is wrong with the arguments.
    pub fn argument(message: impl Into<String>) -> Self {
        Self { name: "TypeError", message: message.into() }
    }

    /// What the deployment or the project would have to set up first.
    pub fn not_configured(message: impl Into<String>) -> Self {
        Self { name: "NotConfiguredError", message: message.into() }
    }

    /// A limit of executions.
    pub fn limit(message: impl Into<String>) -> Self {
        Self { name: "LimitError", message: message.into() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Value(Value),
    Error(Denied),
}

/// What an execution has asked for.
#[derive(Default)]
struct Counters {
    calls: u32,
    blocked: u32,
}

thread_local! {
    static COUNTERS: RefCell<BTreeMap<String, Counters>> = const { RefCell::new(BTreeMap::new()) };
}

/// Forgets the execution `run`, and says how many of its connections were refused.
pub fn end(run: &str) -> u32 {
    COUNTERS.with_borrow_mut(|all| all.remove(run)).map_or(0, |counters| counters.blocked)
}

/// Notes that the execution `run` wanted to connect to where it may not.
pub fn note_blocked(run: &str) {
    count(run, |counters| counters.blocked += 1);
}

fn count<T>(run: &str, change: impl FnOnce(&mut Counters) -> T) -> T {
    COUNTERS.with_borrow_mut(|all| {
        if all.len() >= MAX_COUNTED && !all.contains_key(run) {
            all.pop_first();
        }
        change(all.entry(run.to_owned()).or_default())
    })
}

/// Answers a call of a script's.
///
/// # Errors
/// Never; what fails is an answer as well.
pub async fn answer(mut request: Request, env: &Env, grant: &Grant) -> Result<Response> {
    let answer = match perform(&mut request, env, grant).await {
        Ok(value) => Answer::Value(value),
        Err(denied) => Answer::Error(denied),
    };
    Response::from_json(&answer)
}

async fn perform(request: &mut Request, env: &Env, grant: &Grant) -> std::result::Result<Value, Denied> {
    let path = request.path();
    let name = path.trim_start_matches('/');
    let api = grant.apis.iter().find(|api| api.name() == name && **api != RuntimeApi::Console);
    let Some(api) = api else {
        return Err(Denied { name: "NotAllowedError", message: "This runtime API is not allowed.".to_owned() });
    };
    let calls = count(&grant.run, |counters| {
        counters.calls += 1;
        counters.calls
    });
    if calls > MAX_CALLS {
        return Err(Denied::limit(format!("A script may call runtime APIs {MAX_CALLS} times.")));
    }
    let argument = read(request).await?;
    let left_ms = (grant.deadline - Date::now().as_millis() as f64).max(0.0);
    let clock = Delay::from(Duration::from_millis(left_ms as u64));
    let work = pin!(async {
        match api {
            RuntimeApi::Api => api::request(argument, grant).await,
            RuntimeApi::Db => db::query(argument, env, grant).await,
            RuntimeApi::Ai | RuntimeApi::Console => ai::run(argument, env).await,
        }
    });
    match select(work, pin!(clock)).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(Denied::limit("The script's time is up.")),
    }
}

async fn read(request: &mut Request) -> std::result::Result<Value, Denied> {
    let lost = |_| Denied::argument("The arguments did not arrive.");
    let mut chunks = request.stream().map_err(lost)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        bytes.extend(chunk.map_err(lost)?);
        if bytes.len() > MAX_ARGUMENT_BYTES {
            return Err(Denied::limit(format!(
                "The arguments of a call have at most {MAX_ARGUMENT_BYTES} bytes as JSON."
            )));
        }
    }
    serde_json::from_slice(&bytes).map_err(|_| Denied::argument("The arguments must be data that JSON can hold."))
}
