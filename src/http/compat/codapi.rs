//! Codapi, for runnable examples in documentation: <https://github.com/nalgeon/codapi>.

use crate::app::App;
use crate::http::compat::foreign_call::{ForeignCall, program};
use crate::http::compat::outcome::Outcome;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::Call;
use crate::ports::http_messages::Response;
use docle_api::runs::{RunRequest, SourceFile};
use docle_languages::RunLanguage;
use serde_json::{Value, json};

/// The wall clock of a program, in milliseconds: the element on the page gives up after ten seconds.
const TIMEOUT_MS: u32 = 8_000;

/// `POST /compat/codapi/v1/exec`.
pub async fn exec_codapi(app: &App, call: Call) -> Result<Response, ApiError> {
    exec(app, call).await.map_err(|error| {
        error.shaped(|status, message| {
            (status, json!({ "id": "", "ok": false, "duration": 0, "stdout": "", "stderr": message }))
        })
    })
}

async fn exec(app: &App, call: Call) -> Result<Response, ApiError> {
    let call = ForeignCall::open(app, call).await?;
    let invalid = |message| ApiError::new(ErrorCode::InvalidRequest, message);
    let request = read(&call.body, app.config.max_timeout_ms).map_err(invalid)?;
    let sandbox = call.body["sandbox"].as_str().unwrap_or_default().to_owned();
    call.run(app, &request, move |outcome| tell(&sandbox, outcome)).await
}

/// Reads a request.
fn read(body: &Value, max_timeout_ms: u32) -> Result<RunRequest, String> {
    let sandbox = body["sandbox"].as_str().ok_or("sandbox must be a string")?;
    let language = RunLanguage::meant_by(sandbox).ok_or_else(|| format!("there is no sandbox {sandbox:?}"))?;
    let command = body["command"].as_str().unwrap_or_default();
    if command != "run" {
        return Err(format!("sandbox {sandbox} has no command {command:?}; it has: run"));
    }
    let sent = body["files"].as_object().ok_or("files must be an object")?;
    let mut files = Vec::new();
    for (name, content) in sent {
        let content = content.as_str().ok_or_else(|| format!("the file {name:?} must be a string"))?;
        // The file without a name is the program.
        match name.as_str() {
            "" => files.insert(0, SourceFile::text(language.default_entrypoint(), content)),
            name => files.push(SourceFile::text(name, content)),
        }
    }
    let mut request = program(language, files);
    if !sent.contains_key("") {
        request.entrypoint = None;
    }
    request.policy.get_or_insert_default().timeout_ms = Some(TIMEOUT_MS.min(max_timeout_ms));
    Ok(request)
}

/// The result in codapi's words.
fn tell(sandbox: &str, outcome: Outcome) -> Value {
    let reason = outcome.reason().map(|reason| format!("{reason}\n"));
    let result = outcome.result;
    let short_id = result.id.get(..8).unwrap_or(&result.id);
    let stderr = result.stderr + &reason.unwrap_or_default();
    let duration = result.usage.duration_ms.round() as u64;
    json!({
        "id": format!("{sandbox}_run_{short_id}"),
        "ok": result.ok,
        "duration": duration,
        "stdout": result.stdout,
        "stderr": stderr,
    })
}
