//! `POST /api/v1/code`: runs one cell of code as a run, in an interpreter that nothing else uses.

use crate::app::App;
use crate::app::runs::progress::{Progress, StartedRun};
use crate::app::runs::start::start_run;
use crate::domain::run::cell;
use crate::domain::run::result::RunResult;
use crate::domain::sandbox::cell::result_of;
use crate::http::auth::caller::ApiClient;
use crate::http::error::ApiError;
use crate::http::middleware::log::About;
use crate::http::request::accept::wants_event_stream;
use crate::http::request::body;
use crate::http::request::call::{Call, invalid};
use crate::http::request::idempotency::idempotency_key;
use crate::http::response::rate;
use crate::http::routes::runs::answer::name_run;
use crate::http::routes::sandboxes::cell_answer::{StartedCell, answer};
use crate::http::routes::sandboxes::cell_output::CellProgress;
use crate::ports::http_messages::Response;
use crate::ports::sandboxes::SandboxRefusal;
use docle_api::contexts::CodeError;
use docle_protocol::context::{CellError, CellEvent, CellReport};
use docle_protocol::limits::MAX_BODY_BYTES;
use docle_protocol::sandbox::{ExecEnd, ExecReport};
use docle_protocol::{RunReport, RunStatus, Stream};
use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};

/// The context of a cell that has none: its interpreter is started for it and ends with it.
const NO_CONTEXT: &str = "fresh";

/// `POST /api/v1/code`.
pub async fn run_cell(app: &App, mut call: Call) -> Result<Response, ApiError> {
    body::check_declared_size(&call.parts.headers, &mut call.body).await?;
    let client = ApiClient::extract_for_run(app, &call).await?;
    let rate = client.rate;
    rate::with_headers(run_for(app, call, client).await, &rate, app.clock.now())
}

async fn run_for(app: &App, Call { parts, body, .. }: Call, client: ApiClient) -> Result<Response, ApiError> {
    if idempotency_key(&parts.headers)?.is_some() {
        let message =
            "is not available here, because results are not kept: leave it out, or send the code to POST /api/run";
        return Err(invalid("Idempotency-Key", message));
    }
    let wants_events = wants_event_stream(&parts.headers);
    let body = body::parse_json(&parts.headers, body::read(body, MAX_BODY_BYTES).await?)?;
    let id = app.new_run_id(client.owner.log_id);
    let mut request = cell::parse(body, id, app.config.max_timeout_ms).map_err(ApiError::invalid)?;
    if let Some(token) = &client.token {
        token.restrict_run(&mut request).map_err(|refused| ApiError::invalid(cell::renamed(refused)))?;
    }
    let about = About { run_id: Some(id), project_id: Some(client.owner.project_id.clone()) };
    let run = start_run(app, id, client.into(), request, None).await?;
    let mut response = answer(app, started(run), wants_events).await?;
    name_run(&mut response, id);
    response.extensions_mut().insert(about);
    Ok(response)
}

fn started(StartedRun { id, created_at, progress, .. }: StartedRun) -> StartedCell {
    StartedCell {
        id: id.to_string(),
        context: NO_CONTEXT.to_owned(),
        at: created_at,
        start_ms: None,
        restored_from: None,
        progress: cell_progress(progress),
    }
}

/// What has come of a cell so far.
#[derive(Default)]
struct Seen {
    has_started: bool,
    has_failed: bool,
    results_truncated: bool,
}

/// What a run does, as what its cell does.
fn cell_progress(
    run: LocalBoxStream<'static, Progress>,
) -> LocalBoxStream<'static, Result<CellProgress, SandboxRefusal>> {
    let mut seen = Seen::default();
    run.flat_map(move |progress| stream::iter(seen.steps(progress))).map(Ok).boxed_local()
}

impl Seen {
    fn steps(&mut self, progress: Progress) -> Vec<CellProgress> {
        let step = match progress {
            Progress::Heartbeat | Progress::Stage(_) => return Vec::new(),
            Progress::Complete(result) => return self.end(&result),
            // What was written before the interpreter has started belongs to its start.
            Progress::Output(stream, text) => CellProgress::Output(stream, text),
            Progress::Cell(event) => match *event {
                CellEvent::Start { start_ms } => {
                    self.has_started = true;
                    CellProgress::Started { start_ms }
                }
                CellEvent::Result { data, is_main } => CellProgress::Result(Box::new(result_of(data, is_main))),
                CellEvent::Error { error: CellError { name, message, traceback } } => {
                    self.has_failed = true;
                    CellProgress::Error(CodeError { name, message, traceback })
                }
                CellEvent::ResultsTruncated => {
                    self.results_truncated = true;
                    return Vec::new();
                }
                CellEvent::Stdout { .. } | CellEvent::Stderr { .. } | CellEvent::Complete { .. } => return Vec::new(),
            },
        };
        self.after_start(step)
    }

    /// A step of a cell, whose first one is its start.
    fn after_start(&mut self, step: CellProgress) -> Vec<CellProgress> {
        if std::mem::replace(&mut self.has_started, true) || matches!(step, CellProgress::Started { .. }) {
            return vec![step];
        }
        vec![CellProgress::Started { start_ms: None }, step]
    }

    fn end(&mut self, result: &RunResult) -> Vec<CellProgress> {
        let Some(report) = result.report() else { return Vec::new() };
        let mut steps = Vec::new();
        if let Some(error) = failure(report.status).filter(|_| !self.has_failed) {
            steps.extend(self.after_start(CellProgress::Error(error)));
        }
        steps.extend(self.after_start(CellProgress::Complete(self.report(report))));
        steps
    }

    fn report(&self, report: &RunReport) -> CellReport {
        let end = match report.status {
            RunStatus::Success => ExecEnd::Exited,
            RunStatus::Timeout => ExecEnd::Timeout,
            RunStatus::Memory => ExecEnd::Memory,
            RunStatus::Cancelled => ExecEnd::Killed,
            RunStatus::System => ExecEnd::System,
            _ => ExecEnd::Exited,
        };
        let exec = ExecReport {
            end,
            exit_code: report.exit_code,
            signal: report.signal.clone(),
            duration_ms: report.usage.duration_ms,
            cpu_ms: report.usage.cpu_ms,
            mem_mb: report.usage.mem_mb,
            stdout_truncated: Stream::Stdout.is_cut(report.truncated),
            stderr_truncated: Stream::Stderr.is_cut(report.truncated),
            session: None,
        };
        CellReport { exec, count: 1, context_lost: false, results_truncated: self.results_truncated }
    }
}

/// What a run has failed with whose cell has said nothing of it.
fn failure(status: RunStatus) -> Option<CodeError> {
    let (name, message) = match status {
        RunStatus::Success => return None,
        RunStatus::InstallFailed => ("InstallFailed", "The packages could not be installed; stderr says why."),
        RunStatus::System => ("System", "The sandbox failed; the code is not to blame. The call may be repeated."),
        RunStatus::Cancelled => (CellError::INTERRUPTED, "The cell was cancelled."),
        _ => (CellError::EXITED, "The interpreter has ended while the cell ran."),
    };
    Some(CodeError { name: name.to_owned(), message: message.to_owned(), traceback: Vec::new() })
}
