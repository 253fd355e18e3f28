//! `/api/v1/sandboxes/:id/processes`: start, list, read, feed, signal, wait, end.

use crate::app::App;
use crate::domain::sandbox::process::{parse_input, parse_signal, parse_start, parse_wait};
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::body;
use crate::http::request::call::{Call, invalid};
use crate::http::response::{late, respond};
use crate::http::routes::sandboxes::exec::read_body;
use crate::http::routes::sandboxes::files::flag;
use crate::http::routes::sandboxes::process_events::{decode, encode};
use crate::http::routes::sandboxes::refusal::with_restored_from;
use crate::ports::http_messages::Response;
use crate::ports::sandboxes::{ByteStream, Given, SandboxOf};
use ::http::StatusCode;
use docle_api::sandbox_processes::{Process, ProcessList, ProcessStatus, WaitOutcome, WaitResult};
use docle_protocol::event::Piece;
use docle_protocol::sandbox::process::{self as protocol, ProcessEvent, ProcessRequest, ProcessResponse, ProcessWatch};
use futures::StreamExt;

/// `POST /api/v1/sandboxes/:id/processes`.
pub async fn start_sandbox_process(app: &App, mut call: Call) -> Result<Response, ApiError> {
    body::check_declared_size(&call.parts.headers, &mut call.body).await?;
    let caller = SandboxCaller::extract(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let id = format!("proc_{}", hex::encode(app.random::<12>()));
    let job = parse_start(read_body(call).await?, id).map_err(ApiError::invalid)?;
    let Given { value, restored_from } = app.sandboxes.processes(&sandbox, &ProcessRequest::Start { job }).await?;
    Ok(with_restored_from(respond::json(StatusCode::CREATED, &one(value)?), restored_from))
}

/// `GET /api/v1/sandboxes/:id/processes`. It wakes nothing.
pub async fn list_sandbox_processes(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_uncounted(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let status = match call.query("status") {
        None => None,
        Some(name) => Some(ProcessStatus::ALL.into_iter().find(|status| status.name() == name).ok_or_else(|| {
            invalid("status", format!("must be one of {}", ProcessStatus::ALL.map(ProcessStatus::name).join(", ")))
        })?),
    };
    let mut list = list(app, &sandbox, &ProcessRequest::List).await?;
    list.processes.retain(|process| status.is_none_or(|status| process.status == status));
    Ok(respond::json(StatusCode::OK, &list))
}

/// `DELETE /api/v1/sandboxes/:id/processes`.
pub async fn kill_sandbox_processes(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_uncounted(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    Ok(respond::json(StatusCode::OK, &list(app, &sandbox, &ProcessRequest::KillAll).await?))
}

/// `GET /api/v1/sandboxes/:id/processes/:process`.
pub async fn get_sandbox_process(app: &App, call: Call) -> Result<Response, ApiError> {
    let (sandbox, process) = named(app, &call).await?;
    answer(app, &sandbox, &ProcessRequest::Get { process }).await
}

/// `DELETE /api/v1/sandboxes/:id/processes/:process`.
pub async fn kill_sandbox_process(app: &App, call: Call) -> Result<Response, ApiError> {
    let (sandbox, process) = named(app, &call).await?;
    let forget = flag(&call, "forget", false)?;
    answer(app, &sandbox, &ProcessRequest::Kill { process, forget }).await
}

/// `POST /api/v1/sandboxes/:id/processes/:process/stdin`.
pub async fn write_sandbox_process_stdin(app: &App, mut call: Call) -> Result<Response, ApiError> {
    body::check_declared_size(&call.parts.headers, &mut call.body).await?;
    let (sandbox, process) = named(app, &call).await?;
    let input = parse_input(read_body(call).await?).map_err(ApiError::invalid)?;
    let data = Piece(input.data.into_bytes());
    answer(app, &sandbox, &ProcessRequest::Stdin { process, data, close: input.close }).await
}

/// `POST /api/v1/sandboxes/:id/processes/:process/signal`.
pub async fn signal_sandbox_process(app: &App, call: Call) -> Result<Response, ApiError> {
    let (sandbox, process) = named(app, &call).await?;
    let signal = parse_signal(call.json().await?).map_err(ApiError::invalid)?;
    answer(app, &sandbox, &ProcessRequest::Signal { process, signal }).await
}

/// `POST /api/v1/sandboxes/:id/processes/:process/wait`.
pub async fn wait_for_sandbox_process(app: &App, call: Call) -> Result<Response, ApiError> {
    let sandbox = SandboxCaller::extract(app, &call).await?.sandbox(app, &call).await?;
    let process = call.param(1).to_owned();
    let (condition, timeout_ms) = parse_wait(call.optional_json().await?).map_err(ApiError::invalid)?;
    let events = app.sandboxes.watch(&sandbox, &ProcessWatch::Wait { process, condition, timeout_ms }).await?;
    late::json(app, Box::pin(waited(events))).await
}

/// What came of waiting; an error comes with what stands for it.
async fn waited(events: ByteStream) -> Result<WaitResult, (ApiError, WaitResult)> {
    let result = |outcome, line, groups, process| WaitResult { outcome, line, groups, process };
    let lost = |error| (error, result(WaitOutcome::Lost, None, None, None));
    match decode(events).next().await {
        Some(Ok(ProcessEvent::Waited { result: found, process })) => {
            let process = Some(encode(process));
            Ok(match found {
                protocol::WaitResult::Line { line, groups } => {
                    result(WaitOutcome::Line, Some(line), Some(groups), process)
                }
                protocol::WaitResult::Listening => result(WaitOutcome::Listening, None, None, process),
                protocol::WaitResult::Exited => result(WaitOutcome::Exited, None, None, process),
                protocol::WaitResult::Timeout => result(WaitOutcome::Timeout, None, None, process),
            })
        }
        Some(Err(refusal)) => Err(lost(refusal.into())),
        _ => Err(lost(unexpected())),
    }
}

/// The sandbox of a call, and the process that its path names.
pub async fn named(app: &App, call: &Call) -> Result<(SandboxOf, String), ApiError> {
    let caller = SandboxCaller::extract_uncounted(app, call).await?;
    Ok((caller.sandbox(app, call).await?, call.param(1).to_owned()))
}

async fn answer(app: &App, sandbox: &SandboxOf, request: &ProcessRequest) -> Result<Response, ApiError> {
    let Given { value, .. } = app.sandboxes.processes(sandbox, request).await?;
    Ok(respond::json(StatusCode::OK, &one(value)?))
}

fn one(response: ProcessResponse) -> Result<Process, ApiError> {
    match response {
        ProcessResponse::Process { process } => Ok(encode(process)),
        ProcessResponse::Processes { .. } => Err(unexpected()),
    }
}

async fn list(app: &App, sandbox: &SandboxOf, request: &ProcessRequest) -> Result<ProcessList, ApiError> {
    match app.sandboxes.processes(sandbox, request).await?.value {
        ProcessResponse::Processes { processes } => {
            Ok(ProcessList { processes: processes.into_iter().map(encode).collect() })
        }
        ProcessResponse::Process { .. } => Err(unexpected()),
    }
}

fn unexpected() -> ApiError {
    ApiError::new(ErrorCode::Internal, "The runner gave another answer than that of a process.")
}
