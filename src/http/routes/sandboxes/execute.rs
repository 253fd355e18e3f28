//! `POST /api/v1/sandboxes/:id/execute`: runs a file of the sandbox.

use crate::app::App;
use crate::app::sandboxes;
use crate::domain::sandbox::command::parse_execute;
use crate::domain::sandbox::program;
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::error::ApiError;
use crate::http::request::body;
use crate::http::request::call::Call;
use crate::http::routes::sandboxes::exec::{new_id, read_body, result, start};
use crate::http::routes::sandboxes::refusal::with_restored_from;
use crate::ports::http_messages::Response;
use docle_api::sandbox_commands::{ExecResult, ExecuteResult};
use docle_protocol::sandbox::FileRequest;

/// Runs a file in the language of its ending, or else in that of the sandbox.
pub async fn execute_in_sandbox(app: &App, mut call: Call) -> Result<Response, ApiError> {
    body::check_declared_size(&call.parts.headers, &mut call.body).await?;
    let caller = SandboxCaller::extract(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let run = parse_execute(read_body(call).await?, app.config.max_timeout_ms).map_err(ApiError::invalid)?;
    let (language, memory_mb) = sandboxes::program_settings(app, &sandbox).await?;
    // A file that is not there is an error of the request, and not one of the program.
    let stat = app.sandboxes.files(&sandbox, &FileRequest::Stat { path: run.file_path.clone() }).await?;
    let job = program::job(&run, new_id(app), language, memory_mb);
    let mut started = start(app, &sandbox, job, Some(&run.file_path)).await?;
    let restored_from = started.restored_from.or(stat.restored_from);
    started.restored_from = restored_from;
    let file_path = run.file_path;
    let response = result(app, started, |result| encode(file_path, result)).await?;
    Ok(with_restored_from(response, restored_from))
}

fn encode(file_path: String, result: ExecResult) -> ExecuteResult {
    ExecuteResult {
        id: result.id,
        ok: result.success,
        status: result.status,
        run_exit_code: result.exit_code,
        signal: result.signal,
        stdout: result.stdout.clone(),
        stderr: result.stderr.clone(),
        truncated: result.truncated,
        usage: result.usage,
        created_at: result.timestamp.clone(),
        file_path,
        output: result.stdout,
        error: result.stderr,
        exit_code: result.exit_code,
        duration_ms: result.duration_ms,
        timestamp: result.timestamp,
        restored_from: result.restored_from,
    }
}
