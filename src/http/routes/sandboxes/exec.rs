//! `POST /api/v1/sandboxes/:id/exec`: executes a command.

use crate::app::App;
use crate::app::sandboxes;
use crate::domain::run::output::Output;
use crate::domain::sandbox::command::{exec_status, parse_exec, written};
use crate::domain::timestamp::Timestamp;
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::accept::wants_event_stream;
use crate::http::request::body;
use crate::http::request::call::Call;
use crate::http::response::{event_stream, late, respond};
use crate::http::routes::sandboxes::exec_output::{Progress, decode};
use crate::http::routes::sandboxes::refusal::with_restored_from;
use crate::ports::http_messages::Response;
use crate::ports::sandboxes::{Given, SandboxOf, SandboxRefusal};
use ::http::StatusCode;
use bytes::Bytes;
use docle_api::limits::MAX_BODY_BYTES;
use docle_api::sandbox_commands::{ExecResult, ExecStatus, ExecStreamEvent, ExecUsage, Execution, ExecutionPage};
use docle_api::sandbox_sessions::ExecSession;
use docle_protocol::sandbox::{ExecJob, ExecReport};
use docle_protocol::{Stream, Truncated};
use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};
use serde::Serialize;
use std::rc::Rc;

/// A command that was started.
pub struct Started {
    /// The id of the execution.
    pub id: String,
    /// The command as people read it.
    pub command: String,
    pub at: Timestamp,
    /// The id of its session.
    pub session: Option<String>,
    pub restored_from: Option<Timestamp>,
    pub progress: LocalBoxStream<'static, Result<Progress, SandboxRefusal>>,
}

/// `POST /api/v1/sandboxes/:id/exec`.
pub async fn exec_in_sandbox(app: &App, mut call: Call) -> Result<Response, ApiError> {
    body::check_declared_size(&call.parts.headers, &mut call.body).await?;
    let caller = SandboxCaller::extract(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let wants_events = wants_event_stream(call.headers());
    let job = job_of(app, read_body(call).await?)?;
    let started = start(app, &sandbox, job, None).await?;
    let restored_from = started.restored_from;
    let response = match wants_events {
        true => events(app, started),
        false => result(app, started, |result| result).await?,
    };
    Ok(with_restored_from(response, restored_from))
}

/// `GET /api/v1/sandboxes/:id/executions`.
pub async fn list_sandbox_executions(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_uncounted(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let (records, next_cursor) = sandboxes::executions(app, &sandbox, &call.page()?).await?;
    let executions = records.into_iter().map(|record| Execution {
        id: record.id,
        command: record.command,
        file_path: record.file_path,
        status: record.status,
        exit_code: record.exit_code,
        output: record.output,
        error: record.error,
        duration_ms: record.duration_ms,
        timestamp: record.started_at.into(),
    });
    Ok(respond::json(StatusCode::OK, &ExecutionPage { executions: executions.collect(), next_cursor }))
}

/// A body as JSON, of up to the size that a run may have.
pub async fn read_body(call: Call) -> Result<serde_json::Value, ApiError> {
    call.require_json()?;
    body::parse_json(&call.parts.headers, body::read(call.body, MAX_BODY_BYTES).await?)
}

/// The command that a body asks for.
///
/// # Errors
/// Everything that is wrong with it.
pub fn job_of(app: &App, body: serde_json::Value) -> Result<ExecJob, ApiError> {
    parse_exec(body, new_id(app), app.config.max_timeout_ms).map_err(ApiError::invalid)
}

/// The id of a new execution.
pub fn new_id(app: &App) -> String {
    format!("exec_{}", hex::encode(app.random::<12>()))
}

/// Starts a command.
///
/// # Errors
/// It was not started.
pub async fn start(app: &App, sandbox: &SandboxOf, job: ExecJob, file_path: Option<&str>) -> Result<Started, ApiError> {
    let at = app.clock.now();
    let Given { value, restored_from } = app.sandboxes.exec(sandbox, &job, file_path).await?;
    let (id, command) = (job.id, written(&job.command));
    let session = job.session.map(|session| session.id);
    Ok(Started { id, command, at, session, restored_from, progress: decode(value) })
}

/// Collects the result of a command, made into what the response has.
pub async fn result<T: Serialize + 'static>(
    app: &App,
    started: Started,
    encode: impl FnOnce(ExecResult) -> T + 'static,
) -> Result<Response, ApiError> {
    let collected = async move {
        match collect(started).await {
            Ok(result) => Ok(encode(result)),
            Err((error, result)) => Err((error, encode(result))),
        }
    };
    late::json(app, Box::pin(collected)).await
}

/// The result; an error comes with the result of a command that was lost.
async fn collect(mut started: Started) -> Result<ExecResult, (ApiError, ExecResult)> {
    let mut output = Output::default();
    loop {
        match started.progress.next().await {
            Some(Ok(Progress::Started { .. })) => {}
            Some(Ok(Progress::Output(stream, text))) => output.push(stream, &text),
            Some(Ok(Progress::Complete(report))) => return Ok(started.result(Some(&report), output)),
            Some(Err(refusal)) => {
                let error = ApiError::from(refusal);
                output.push(Stream::Stderr, error.message());
                return Err((error, started.result(None, output)));
            }
            None => {
                let error = ApiError::new(ErrorCode::Internal, "The command ended without a result.");
                return Err((error, started.result(None, output)));
            }
        }
    }
}

impl Started {
    fn result(&self, report: Option<&ExecReport>, output: Output) -> ExecResult {
        let status = report.map_or(ExecStatus::System, exec_status);
        let exit_code = report.map_or(-1, |report| report.exit_code);
        let number = |read: fn(&ExecReport) -> f64| report.map_or(0.0, read);
        ExecResult {
            id: self.id.clone(),
            exit_code,
            stdout: output.stdout,
            stderr: output.stderr,
            success: exit_code == 0,
            status,
            command: self.command.clone(),
            timestamp: self.at.into(),
            duration_ms: number(|report| report.duration_ms),
            timed_out: status == ExecStatus::Timeout,
            signal: report.and_then(|report| report.signal.clone()),
            truncated: report.map_or_else(Truncated::default, |report| Truncated {
                stdout: report.stdout_truncated,
                stderr: report.stderr_truncated,
            }),
            usage: ExecUsage {
                cpu_ms: number(|report| report.cpu_ms),
                mem_mb: number(|report| report.mem_mb),
                duration_ms: number(|report| report.duration_ms),
            },
            session: report
                .and_then(|report| report.session)
                .zip(self.session.clone())
                .map(|(report, id)| ExecSession { id, restarted: report.restarted, ended: report.ended }),
            restored_from: self.restored_from.map(Into::into),
        }
    }

    fn event(&self, progress: Result<Progress, SandboxRefusal>, now: Timestamp) -> ExecStreamEvent {
        let timestamp = now.into();
        match progress {
            Ok(Progress::Started { pid }) => ExecStreamEvent::Start {
                id: self.id.clone(),
                command: self.command.clone(),
                timestamp: self.at.into(),
                pid,
                restored_from: self.restored_from.map(Into::into),
            },
            Ok(Progress::Output(Stream::Stdout, data)) => ExecStreamEvent::Stdout { data, timestamp },
            Ok(Progress::Output(Stream::Stderr, data)) => ExecStreamEvent::Stderr { data, timestamp },
            Ok(Progress::Complete(report)) => {
                ExecStreamEvent::Complete { result: self.result(Some(&report), Output::default()) }
            }
            Err(refusal) => {
                let error = ApiError::from(refusal);
                let (message, code) = (error.message().to_owned(), error.code().name().to_owned());
                ExecStreamEvent::Error { message, code, timestamp }
            }
        }
    }
}

/// The events of a command.
fn events(app: &App, mut started: Started) -> Response {
    let progress = std::mem::replace(&mut started.progress, stream::empty().boxed_local());
    let clock = Rc::clone(&app.clock);
    let events = progress.map(move |progress| {
        let event = started.event(progress, clock.now());
        let json = serde_json::to_string(&event).expect("events are plain data, which always encodes");
        let name = match &event {
            ExecStreamEvent::Start { .. } => "start",
            ExecStreamEvent::Stdout { .. } => "stdout",
            ExecStreamEvent::Stderr { .. } => "stderr",
            ExecStreamEvent::Complete { .. } => "complete",
            ExecStreamEvent::Error { .. } => "error",
        };
        Bytes::from(format!("event: {name}\ndata: {json}\n\n"))
    });
    event_stream::of(app, events.boxed_local())
}
