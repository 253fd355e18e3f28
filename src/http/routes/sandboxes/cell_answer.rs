//! The response for a cell: its result, or its events as they come.

use crate::app::App;
use crate::domain::run::output::Output;
use crate::domain::sandbox::command::exec_status;
use crate::domain::timestamp::Timestamp;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::response::{event_stream, late};
use crate::http::routes::sandboxes::cell_output::CellProgress;
use crate::ports::http_messages::Response;
use crate::ports::sandboxes::SandboxRefusal;
use bytes::Bytes;
use docle_api::contexts::{CodeError, CodeExecution, CodeResult, CodeStreamEvent, CodeTruncated};
use docle_api::sandbox_commands::{ExecStatus, ExecUsage};
use docle_protocol::Stream;
use docle_protocol::context::CellReport;
use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};
use std::rc::Rc;

/// A cell that was started, or waits for another one.
pub struct StartedCell {
    pub id: String,
    pub context: String,
    pub at: Timestamp,
    pub start_ms: Option<f64>,
    pub restored_from: Option<Timestamp>,
    pub progress: LocalBoxStream<'static, Result<CellProgress, SandboxRefusal>>,
}

/// What a cell has written and shown.
#[derive(Default)]
struct Shown {
    output: Output,
    results: Vec<CodeResult>,
    error: Option<CodeError>,
}

/// Responds with the events of a cell, or with its result.
///
/// # Errors
/// The machine was lost before anything was sent.
pub async fn answer(app: &App, started: StartedCell, wants_events: bool) -> Result<Response, ApiError> {
    if wants_events { Ok(events(app, started)) } else { late::json(app, Box::pin(collect(started))).await }
}

/// The result; an error comes with the result of a cell that was lost.
async fn collect(mut started: StartedCell) -> Result<CodeExecution, (ApiError, CodeExecution)> {
    let mut shown = Shown::default();
    loop {
        match started.progress.next().await {
            Some(Ok(CellProgress::Started { start_ms })) => started.start_ms = start_ms,
            Some(Ok(CellProgress::Output(stream, text))) => shown.output.push(stream, &text),
            Some(Ok(CellProgress::Result(result))) => shown.results.push(*result),
            Some(Ok(CellProgress::Error(error))) => shown.error = Some(error),
            Some(Ok(CellProgress::Complete(report))) => return Ok(started.execution(Some(&report), shown)),
            Some(Err(refusal)) => return Err(lost(ApiError::from(refusal), &started, shown)),
            None => {
                let error = ApiError::new(ErrorCode::Internal, "The cell ended without a result.");
                return Err(lost(error, &started, shown));
            }
        }
    }
}

fn lost(error: ApiError, started: &StartedCell, shown: Shown) -> (ApiError, CodeExecution) {
    let shown = Shown { error: Some(code_error(&error)), ..shown };
    (error, started.execution(None, shown))
}

/// The error of a machine that was lost, in the place of that of the cell.
fn code_error(error: &ApiError) -> CodeError {
    CodeError { name: error.code().name().to_owned(), message: error.message().to_owned(), traceback: Vec::new() }
}

impl StartedCell {
    fn execution(&self, report: Option<&CellReport>, shown: Shown) -> CodeExecution {
        let exec = report.map(|report| &report.exec);
        let status = exec.map_or(ExecStatus::System, exec_status);
        let Shown { output, results, error } = shown;
        CodeExecution {
            id: self.id.clone(),
            context_id: self.context.clone(),
            status,
            success: status == ExecStatus::Success,
            execution_count: report.map_or(0, |report| report.count),
            stdout: output.stdout,
            stderr: output.stderr,
            results,
            error,
            context_lost: report.is_none_or(|report| report.context_lost),
            start_ms: self.start_ms,
            timestamp: self.at.into(),
            duration_ms: exec.map_or(0.0, |exec| exec.duration_ms),
            timed_out: status == ExecStatus::Timeout,
            truncated: report.map_or_else(CodeTruncated::default, |report| CodeTruncated {
                stdout: report.exec.stdout_truncated,
                stderr: report.exec.stderr_truncated,
                results: report.results_truncated,
            }),
            usage: ExecUsage {
                cpu_ms: exec.map_or(0.0, |exec| exec.cpu_ms),
                mem_mb: exec.map_or(0.0, |exec| exec.mem_mb),
                duration_ms: exec.map_or(0.0, |exec| exec.duration_ms),
            },
            restored_from: self.restored_from.map(Into::into),
        }
    }

    /// The events that one step of the cell is: after the loss of the machine an error and the end.
    fn events(&mut self, progress: Result<CellProgress, SandboxRefusal>, now: Timestamp) -> Vec<CodeStreamEvent> {
        let timestamp = now.into();
        let complete = |execution| CodeStreamEvent::Complete { execution: Box::new(execution) };
        vec![match progress {
            Ok(CellProgress::Started { start_ms }) => {
                self.start_ms = start_ms;
                let (id, context_id) = (self.id.clone(), self.context.clone());
                CodeStreamEvent::Start { id, context_id, timestamp: self.at.into(), start_ms }
            }
            Ok(CellProgress::Output(Stream::Stdout, data)) => CodeStreamEvent::Stdout { data, timestamp },
            Ok(CellProgress::Output(Stream::Stderr, data)) => CodeStreamEvent::Stderr { data, timestamp },
            Ok(CellProgress::Result(result)) => CodeStreamEvent::Result { result, timestamp },
            Ok(CellProgress::Error(error)) => CodeStreamEvent::Error { error, timestamp },
            Ok(CellProgress::Complete(report)) => complete(self.execution(Some(&report), Shown::default())),
            Err(refusal) => {
                let error = code_error(&ApiError::from(refusal));
                let end = complete(self.execution(None, Shown::default()));
                return vec![CodeStreamEvent::Error { error, timestamp }, end];
            }
        }]
    }
}

fn events(app: &App, mut started: StartedCell) -> Response {
    let progress = std::mem::replace(&mut started.progress, stream::empty().boxed_local());
    let clock = Rc::clone(&app.clock);
    let all = progress.flat_map(move |progress| stream::iter(started.events(progress, clock.now())));
    let named = all.map(|event| {
        let name = match &event {
            CodeStreamEvent::Start { .. } => "start",
            CodeStreamEvent::Stdout { .. } => "stdout",
            CodeStreamEvent::Stderr { .. } => "stderr",
            CodeStreamEvent::Result { .. } => "result",
            CodeStreamEvent::Error { .. } => "error",
            CodeStreamEvent::Complete { .. } => "complete",
        };
        let json = serde_json::to_string(&event).expect("events are plain data, which always encodes");
        Bytes::from(format!("event: {name}\ndata: {json}\n\n"))
    });
    event_stream::of(app, named.boxed_local())
}
