//! Runs scripts in isolates, and reads their results.

use crate::app::context::App;
use crate::app::runs::progress::{Client, StartedRun, of_script};
use crate::app::runs::read;
use crate::app::runs::record::Recorder;
use crate::app::runs::start::HOPS_MS;
use crate::domain::account::amounts::Amounts;
use crate::domain::input::page::Page;
use crate::domain::project::isolate_settings::IsolateSettings;
use crate::domain::run::id::RunId;
use crate::domain::run::position::OutputPosition;
use crate::domain::run::record::Owner;
use crate::domain::run::result::RunResult;
use crate::domain::script::request::ScriptRequest;
use crate::domain::usage_log::name::{LogId, LogName};
use crate::domain::usage_log::query::{Filter, HistoryQuery, UsageRun};
use crate::ports::{Level, PortError};
use bytes::Bytes;
use docle_protocol::RunStatus;
use docle_protocol::Truncated;
use docle_protocol::isolate::{AiUsage, IsolateReport, RuntimeApi, ScriptError, ScriptUsage};
use docle_protocol::limits::GRACE_MS;
use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::{FutureExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use std::pin::pin;
use std::rc::Rc;

/// This deployment runs no scripts.
#[derive(Debug)]
pub struct NoIsolates;

/// How long the server waits for a script whose client has left, in milliseconds. The platform ends all work for a client
/// 30 seconds after it has left, and the script is to be recorded before.
const LEFT_MS: u32 = 20_000;

/// What the account of the key has left for a script.
pub struct ScriptQuota {
    /// The hash of the key, whose gate counts what the script uses.
    pub key_hash: String,
    /// Whether calls of models are left.
    pub has_ai: bool,
}

/// Starts a script for `client`. It is recorded, also when the client leaves: with its result if it ends within [`LEFT_MS`],
/// else as `cancelled`.
///
/// # Errors
/// This deployment has no isolate tier.
pub fn start(
    app: &App,
    id: RunId,
    client: Client,
    request: ScriptRequest,
    settings: &IsolateSettings,
    quota: ScriptQuota,
) -> Result<StartedRun, NoIsolates> {
    let isolates = Rc::clone(app.isolates.as_ref().ok_or(NoIsolates)?);
    let created_at = app.clock.now();
    let mut job = request.job(id, &client.owner, settings);
    if !quota.has_ai {
        // The account has used up its models of today: a call of one throws an error, as without the API.
        job.apis.retain(|api| *api != RuntimeApi::Ai);
    }
    let (gates, key_hash) = (Rc::clone(&app.gates), quota.key_hash);
    let deadline = app.clock.sleep(request.timeout_ms + GRACE_MS + HOPS_MS);
    let (log, recorder) = (Rc::clone(&app.log), Recorder::of(app, client));
    let clock = Rc::clone(&app.clock);
    let (mut sender, receiver) = oneshot::channel();
    app.background.spawn(Box::pin(async move {
        let left = async {
            sender.cancellation().await;
            clock.sleep(LEFT_MS).await;
        };
        let report = match select(select(isolates.execute(&job), deadline), pin!(left)).await {
            Either::Left((Either::Left((Ok(report), _)), _)) => Ok(report),
            Either::Left((Either::Left((Err(error), _)), _)) => Err(error.0),
            Either::Left((Either::Right(_), _)) => Err("The isolate Worker did not answer in time.".to_owned()),
            Either::Right(_) => Ok(cancelled(clock.now().0 - created_at.0)),
        };
        let result = report.and_then(|report| {
            RunResult::from_script(id, created_at, &report).ok_or_else(|| "A report could not be read.".to_owned())
        });
        let result = result.unwrap_or_else(|error| {
            let line = json!({ "message": "A script could not be run.", "run.id": id, "error": error });
            log.write(Level::Error, line);
            RunResult::from_script(id, created_at, &failure()).expect("a report of our own is one")
        });
        // The client may have left.
        let _ = sender.send(result.clone());
        let amounts = amounts(&result);
        if amounts != Amounts::default()
            && let Err(error) = gates.note_use(&key_hash, amounts).await
        {
            let message = "What a script has used of models could not be counted.";
            log.write(Level::Error, json!({ "message": message, "run.id": id, "error": error.0 }));
        }
        recorder.record(&request, &result).await;
    }));
    let progress = receiver.into_stream().filter_map(|result| async { result.ok() }).flat_map(of_script).boxed_local();
    Ok(StartedRun { id, created_at, replayed: false, is_bounded: true, from: OutputPosition::default(), progress })
}

/// What a script has used of models.
fn amounts(result: &RunResult) -> Amounts {
    #[derive(Deserialize)]
    struct Report {
        usage: Usage,
    }
    #[derive(Deserialize)]
    struct Usage {
        ai: Option<AiUsage>,
    }
    let report = result.script().and_then(|json| serde_json::from_slice::<Report>(json).ok());
    let ai = report.and_then(|report| report.usage.ai).unwrap_or_default();
    let ai_neurons = ai.neurons.clamp(0.0, 1e12).ceil() as u64;
    Amounts { ai_calls: ai.calls.into(), ai_neurons, ..Amounts::default() }
}

/// The report of a script whose end is unknown.
fn failure() -> Box<RawValue> {
    let message = "The isolate tier did not respond. The script may have run; you may run it again.";
    ended((RunStatus::System, 1), ("SystemError", message), ScriptUsage::default())
}

/// The report of a script that nobody waits for any more, after so many milliseconds.
fn cancelled(duration_ms: i64) -> Box<RawValue> {
    let usage = ScriptUsage { duration_ms: duration_ms as f64, ..ScriptUsage::default() };
    ended((RunStatus::Cancelled, 137), ("CancelledError", "The client left, and the script did not end soon."), usage)
}

fn ended((status, exit_code): (RunStatus, i32), (name, message): (&str, &str), usage: ScriptUsage) -> Box<RawValue> {
    let error =
        ScriptError { name: name.to_owned(), message: message.to_owned(), stack: None, line: None, column: None };
    let execution_time = usage.duration_ms;
    let report = IsolateReport {
        status,
        exit_code,
        signal: None,
        stdout: String::new(),
        stderr: format!("{}: {}\n", error.name, error.message),
        truncated: Truncated::default(),
        usage,
        success: false,
        result: RawValue::NULL.to_owned(),
        logs: Vec::new(),
        error: Some(error),
        execution_time,
    };
    to_raw_value(&report).expect("a report is plain data, which always encodes")
}

/// The part of a project's list of scripts that a client requests.
pub struct Listing {
    pub page: Page,
    /// How many of the newest ones to leave out.
    pub offset: u32,
}

/// The scripts that the project with this log has run, the newest first, and the cursor of the next page.
pub async fn list(app: &App, log: LogId, listing: &Listing) -> Result<(Vec<UsageRun>, Option<String>), PortError> {
    let query = HistoryQuery::of(Filter::Scripts, &listing.page, listing.offset);
    let rows = app.logs.history(LogName::of_project(log), &query).await?;
    Ok(listing.page.cut(rows, UsageRun::position))
}

/// The result of a project's script with its `input`; `None` where no such script of the project is kept.
pub async fn read(app: &App, id: RunId, owner: &Owner) -> Result<Option<Bytes>, PortError> {
    // The output of a program may be stored apart, that of a script is not.
    let reader = read::Reader::Project(owner.clone());
    let Some(read::ReadRun::Whole(result)) = read::read_run(app, id, &reader).await? else {
        return Ok(None);
    };
    // A run of another project has no `input` here, and the `input` of a program has another tier.
    #[derive(Deserialize)]
    struct Kind {
        input: Option<Tier>,
    }
    #[derive(Deserialize)]
    struct Tier {
        tier: Option<String>,
    }
    let kind = serde_json::from_slice::<Kind>(&result).ok().and_then(|kind| kind.input?.tier);
    Ok((kind.as_deref() == Some("isolate")).then_some(result))
}
