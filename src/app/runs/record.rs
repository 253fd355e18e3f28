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
use crate::ports::{Background, KeyGates, Kv, Level, Log};
use crate::store;
use futures::join;
use serde_json::json;
use std::rc::Rc;

/// Records finished scripts: usage, result and input.
pub struct Recorder {
    runs: Rc<dyn Kv>,
    gates: Rc<dyn KeyGates>,
    log: Rc<dyn Log>,
    client: Client,
}

impl Recorder {
    /// A recorder for the scripts of a client.
    pub fn of(app: &App, client: Client) -> Self {
        Self { runs: Rc::clone(&app.runs), gates: Rc::clone(&app.gates), log: Rc::clone(&app.log), client }
    }

    /// Submits a script to its key's gate: its usage, and its record with result and input. A large record goes to KV
    /// instead.
    pub async fn record(&self, request: &impl Recordable, result: &RunResult) {
        let Client { owner, key_hash, ip } = &self.client;
        let usage = usage::encode(owner, request, result, ip.as_deref());
        let json = result.json(&Output::default());
        let record = match record::encode(owner, result.created_at, request, &json) {
            Ok(record) => record,
            Err(error) => {
                return log_failure(&*self.log, "A result could not be encoded.", result.id, &error.to_string());
            }
        };
        let (for_gate, for_kv) =
            if record.len() <= MAX_RESULT_BYTES { (Some(record), None) } else { (None, Some(record)) };
        let counted = self.gates.submit(key_hash, FinishedRun { id: result.id, usage, record: for_gate });
        let stored = async {
            match for_kv {
                Some(record) => store::runs::put(&*self.runs, result.id, record.as_bytes()).await,
                None => Ok(()),
            }
        };
        let (counted, stored) = join!(counted, stored);
        if let Err(error) = counted {
            log_failure(&*self.log, "A run could not be submitted to its key's gate.", result.id, &error.0);
        }
        if let Err(error) = stored {
            log_failure(&*self.log, "A result could not be stored.", result.id, &error.0);
        }
    }
}

/// Records a run whose stream broke, because the object that should record it may be gone. If that object records the run as
/// well, its record wins.
pub struct Fallback {
    gates: Rc<dyn KeyGates>,
    background: Rc<dyn Background>,
    log: Rc<dyn Log>,
    draft: RunDraft,
}

impl Fallback {
    /// The fallback for a run.
    pub fn of(app: &App, draft: RunDraft) -> Self {
        let (gates, background) = (Rc::clone(&app.gates), Rc::clone(&app.background));
        Self { gates, background, log: Rc::clone(&app.log), draft }
    }

    /// Records the result, in the background. Its output was not kept.
    pub fn record(self, result: RunResult) {
        let Self { gates, background, log, draft } = self;
        background.spawn(Box::pin(async move {
            let output = StoredOutput::Inline(Output { stdout: String::new(), stderr: SANDBOX_FAILED.to_owned() });
            let run = match FinishedRun::of(&draft, &result, &output) {
                Ok(run) => run,
                Err(error) => {
                    return log_failure(&*log, "A result could not be encoded.", draft.id, &error.to_string());
                }
            };
            if let Err(error) = gates.submit(&draft.key_hash, run).await {
                log_failure(&*log, "A run could not be submitted to its key's gate.", draft.id, &error.0);
            }
        }));
    }

    /// Reads the stream after `complete` in the background, because the run needs no fallback.
    pub fn read_rest(self, rest: EventReader) {
        self.background.spawn(Box::pin(rest.read_to_end()));
    }
}

fn log_failure(log: &dyn Log, message: &str, id: RunId, error: &str) {
    log.write(Level::Error, json!({ "message": message, "run.id": id, "error": error }));
}
