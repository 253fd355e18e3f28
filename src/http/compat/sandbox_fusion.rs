//! SandboxFusion, which judges code while models are trained: <https://github.com/bytedance/SandboxFusion>.

use crate::app::App;
use crate::http::compat::foreign_call::{ForeignCall, program};
use crate::http::compat::outcome::Outcome;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::Call;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use docle_api::compile::{CompileRequest, CompileResult};
use docle_api::limits::{COMPILE_TIMEOUT_MS, MEMORY_MB, TIMEOUT_MS};
use docle_api::runs::{FileEncoding, RunRequest, RunStatus, SourceFile};
use docle_languages::RunLanguage;
use serde_json::{Map, Value, json};
use std::ops::RangeInclusive;

/// Wall clock of a stage that names none, in milliseconds.
const DEFAULT_STAGE_MS: u32 = 10_000;
/// The exit code after a time limit.
const TIMED_OUT: i32 = 124;

/// `POST /compat/sandbox-fusion/run_code`.
pub async fn run_code_of_fusion(app: &App, call: Call) -> Result<Response, ApiError> {
    run(app, call).await.map_err(|error| error.shaped(refused))
}

async fn run(app: &App, call: Call) -> Result<Response, ApiError> {
    let call = ForeignCall::open(app, call).await?;
    let invalid = |message| ApiError::new(ErrorCode::InvalidRequest, message);
    let request = read(&call.body, app.config.max_timeout_ms).map_err(invalid)?;
    call.run(app, &request, tell).await
}

/// Its framework answers with 422 to what is wrong with a request.
fn refused(status: StatusCode, message: &str) -> (StatusCode, Value) {
    match status {
        StatusCode::BAD_REQUEST => {
            let problem = json!({ "type": "value_error", "loc": ["body"], "msg": message });
            (StatusCode::UNPROCESSABLE_ENTITY, json!({ "detail": [problem] }))
        }
        _ => (status, json!({ "detail": message })),
    }
}

/// Reads a request.
fn read(body: &Value, max_timeout_ms: u32) -> Result<RunRequest, String> {
    let code = body["code"].as_str().ok_or("code must be a string")?;
    let name = body["language"].as_str().ok_or("language must be a string")?;
    let language = RunLanguage::meant_by(name).ok_or_else(|| format!("language {name:?} is not available here"))?;
    let mut files = vec![SourceFile::text(language.default_entrypoint(), code)];
    for (path, content) in body["files"].as_object().into_iter().flatten() {
        // A file without content is one that may be there already.
        let Some(content) = content.as_str() else { continue };
        let path = path.trim_start_matches("./").to_owned();
        files.push(SourceFile { path, content: content.to_owned(), encoding: FileEncoding::Base64 });
    }
    let mut request = program(language, files);
    request.stdin = body["stdin"].as_str().map(str::to_owned);
    let policy = request.policy.get_or_insert_default();
    policy.timeout_ms = Some(seconds(body, "run_timeout", &(*TIMEOUT_MS.start()..=max_timeout_ms))?);
    policy.memory_mb = memory(body)?;
    let timeout_ms = Some(seconds(body, "compile_timeout", &COMPILE_TIMEOUT_MS)?);
    let compile = CompileRequest { timeout_ms, ..CompileRequest::default() };
    request.compile = Some(compile).filter(|_| language.runner().compile.is_some());
    let fetched: Vec<String> = body["fetch_files"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|path| Some(path.as_str()?.trim_start_matches("./").to_owned()))
        .collect();
    if !fetched.is_empty() {
        (request.artifacts, request.artifacts_inline) = (Some(fetched), Some(true));
    }
    Ok(request)
}

/// A time in seconds as milliseconds.
fn seconds(body: &Value, name: &str, range: &RangeInclusive<u32>) -> Result<u32, String> {
    let asked = match &body[name] {
        Value::Null => return Ok(DEFAULT_STAGE_MS.min(*range.end())),
        value => value
            .as_f64()
            .filter(|asked| *asked > 0.0)
            .ok_or_else(|| format!("{name} must be a number of seconds above 0"))?,
    };
    let asked = (asked * 1_000.0).ceil();
    if asked > f64::from(*range.end()) {
        return Err(format!("{name} may be at most {} seconds", f64::from(*range.end()) / 1_000.0));
    }
    Ok((asked as u32).max(*range.start()))
}

/// The memory limit in MiB; -1 stands for the default.
fn memory(body: &Value) -> Result<Option<u32>, String> {
    let Some(asked) = body["memory_limit_MB"].as_f64().filter(|asked| *asked > 0.0) else { return Ok(None) };
    if asked > f64::from(*MEMORY_MB.end()) {
        return Err(format!("memory_limit_MB may be at most {}", MEMORY_MB.end()));
    }
    Ok(Some((asked.ceil() as u32).max(*MEMORY_MB.start())))
}

/// The result in SandboxFusion's words.
fn tell(outcome: Outcome) -> Value {
    let is_of_the_program = outcome.is_of_the_program();
    let reason = outcome.reason();
    let result = outcome.result;
    let status = match result.status {
        RunStatus::Success => "Success",
        _ if is_of_the_program => "Failed",
        _ => "SandboxError",
    };
    let run = json!({
        "status": if result.status == RunStatus::Timeout { "TimeLimitExceeded" } else { "Finished" },
        "execution_time": result.usage.duration_ms / 1_000.0,
        "return_code": result.exit_code,
        "stdout": result.stdout,
        "stderr": result.stderr,
    });
    let has_run = is_of_the_program && result.status != RunStatus::CompileError;
    let mut files = Map::new();
    for artifact in result.details.artifacts.into_iter().flatten() {
        if let Some(content) = artifact.base64 {
            files.insert(artifact.name, json!(content));
        }
    }
    json!({
        "status": status,
        "message": reason.unwrap_or_default(),
        "compile_result": result.details.compile.map(|compile| stage(*compile)),
        "run_result": has_run.then_some(run),
        "executor_pod_name": null,
        "files": files,
    })
}

/// A compilation in SandboxFusion's words.
fn stage(compile: CompileResult) -> Value {
    let CompileResult { stdout, stderr, exit_code, duration_ms, .. } = compile;
    json!({
        "status": if exit_code == TIMED_OUT { "TimeLimitExceeded" } else { "Finished" },
        "execution_time": duration_ms / 1_000.0,
        "return_code": exit_code,
        "stdout": stdout,
        "stderr": stderr,
    })
}
