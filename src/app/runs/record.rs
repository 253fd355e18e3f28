//! Records what no pool records: scripts, and runs whose stream broke.

use crate::app::context::App;
use crate::app::runs::progress::Client;
use crate::domain::run::draft::RunDraft;
use crate::domain::run::finished::{FinishedRun, MAX_RESULT_BYTES};
use crate::domain::run::id::RunId;
use crate::domain::run::output::{Output, SANDBOX_FAILED};
use crate::domain::run::record::{self, Recordable, StoredOutput};
use crate::domain::run::result::RunResult;
use crate::domain::usage;
use crate::ports::event_reader::EventReader;
use crate::ports::{Background, Kv, Level, Log, PortError, UsageLogs};
use crate::store;
use serde_json::json;
use std::rc::Rc;

/// Records finished scripts: usage, result and input.
pub struct Recorder {
    runs: Rc<dyn Kv>,
    logs: Rc<dyn UsageLogs>,
    log: Rc<dyn Log>,
    client: Client,
}

impl Recorder {
    /// A recorder for the scripts of a client.
    pub fn of(app: &App, client: Client) -> Self {
        Self { runs: Rc::clone(&app.runs), logs: Rc::clone(&app.logs), log: Rc::clone(&app.log), client }
    }

    /// Submits a script to the log of its project: its usage, and its record with result and input. A large record goes to
    /// KV before, so that the log never leads to a value that is not there.
    pub async fn record(&self, request: &impl Recordable, result: &RunResult) {
        let Client { owner, ip, token, .. } = &self.client;
        let usage = usage::encode(owner, request, result, ip.as_deref(), token.as_deref());
        let json = result.json(&Output::default());
        let record = match record::encode(owner, result.created_at, request, &json) {
            Ok(record) => record,
            Err(error) => {
                return log_failure(&*self.log, "A result could not be encoded.", result.id, &error.to_string());
            }
        };
        let record = match record.len() {
            ..=MAX_RESULT_BYTES => Some(record),
            _ => match store::runs::put(&*self.runs, result.id, record.as_bytes()).await {
                Ok(()) => None,
                Err(error) => {
                    // The run is counted, and its result is missing.
                    log_failure(&*self.log, "A result could not be stored.", result.id, &error.0);
                    None
                }
            },
        };
        submit(&*self.logs, &*self.log, FinishedRun { id: result.id, usage, record }).await;
    }
}

/// Records a run whose stream broke, because the object that should record it may be gone. If that object records the run as
/// well, its record wins.
pub struct Fallback {
    logs: Rc<dyn UsageLogs>,
    background: Rc<dyn Background>,
    log: Rc<dyn Log>,
    draft: RunDraft,
}

impl Fallback {
    /// The fallback for a run.
    pub fn of(app: &App, draft: RunDraft) -> Self {
        let (logs, background) = (Rc::clone(&app.logs), Rc::clone(&app.background));
        Self { logs, background, log: Rc::clone(&app.log), draft }
    }

    /// Records the result, in the background. Its output was not kept.
    pub fn record(self, result: RunResult) {
        let Self { logs, background, log, draft } = self;
        background.spawn(Box::pin(async move {
            let output = StoredOutput::Inline(Output { stdout: String::new(), stderr: SANDBOX_FAILED.to_owned() });
            let run = match FinishedRun::of(&draft, &result, &output, 0) {
                Ok(run) => run,
                Err(error) => {
                    return log_failure(&*log, "A result could not be encoded.", draft.id, &error.to_string());
                }
            };
            submit(&*logs, &*log, run).await;
        }));
    }

    /// Reads the stream after `complete` in the background, because the run needs no fallback.
    pub fn read_rest(self, rest: EventReader) {
        self.background.spawn(Box::pin(rest.read_to_end()));
    }
}

async fn submit(logs: &dyn UsageLogs, log: &dyn Log, run: FinishedRun) {
    let id = run.id;
    if let Err(PortError(error)) = logs.submit(run).await {
        log_failure(log, "A run could not be submitted to the log of its project.", id, &error);
    }
}

fn log_failure(log: &dyn Log, message: &str, id: RunId, error: &str) {
    log.write(Level::Error, json!({ "message": message, "run.id": id, "error": error }));
}
