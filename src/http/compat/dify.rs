//! The sandbox of Dify, which runs the code nodes of its workflows: <https://github.com/langgenius/dify-sandbox>.

use crate::app::App;
use crate::http::compat::foreign_call::{ForeignCall, program};
use crate::http::compat::outcome::Outcome;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use docle_api::runs::{Packages, RunRequest, SourceFile};
use docle_languages::RunLanguage;
use serde_json::{Value, json};

/// What the templates of Dify import, which its own sandbox has installed.
const TEMPLATES: &str = "jinja2";

/// `GET /compat/dify/health`.
pub async fn get_dify_health(_app: &App, _call: Call) -> Result<Response, ApiError> {
    Ok(respond::json(StatusCode::OK, &"ok"))
}

/// `/compat/dify/v1/sandbox/dependencies` and what is below it: nothing is installed for all programs. A request names what
/// it needs.
pub async fn list_dify_dependencies(_app: &App, _call: Call) -> Result<Response, ApiError> {
    Ok(respond::json(StatusCode::OK, &success(json!({ "dependencies": [] }))))
}

/// `POST /compat/dify/v1/sandbox/run`.
pub async fn run_dify(app: &App, call: Call) -> Result<Response, ApiError> {
    run(app, call).await.map_err(|error| error.shaped(refused))
}

async fn run(app: &App, call: Call) -> Result<Response, ApiError> {
    let call = ForeignCall::open(app, call).await?;
    let request = read(&call.body).map_err(|message| ApiError::new(ErrorCode::InvalidRequest, message))?;
    call.run(app, &request, tell).await
}

/// Dify reads `message` of an answer with status 200. It has sentences of its own for 401 and 503.
fn refused(status: StatusCode, message: &str) -> (StatusCode, Value) {
    let body = json!({ "code": -i32::from(status.as_u16()), "message": message, "data": null });
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::SERVICE_UNAVAILABLE => (status, body),
        _ => (StatusCode::OK, body),
    }
}

fn success(data: Value) -> Value {
    json!({ "code": 0, "message": "success", "data": data })
}

/// Reads a request.
fn read(body: &Value) -> Result<RunRequest, String> {
    let name = body["language"].as_str().ok_or("language must be a string")?;
    let language = RunLanguage::meant_by(name).ok_or_else(|| format!("unsupported language {name:?}"))?;
    let code = body["code"].as_str().ok_or("code must be a string")?;
    // Code that runs first, in the same program.
    let code = match body["preload"].as_str().filter(|preload| !preload.is_empty()) {
        Some(preload) => format!("{preload}\n{code}"),
        None => code.to_owned(),
    };
    let mut packages = Vec::new();
    for dependency in body["dependencies"].as_array().into_iter().flatten() {
        let name = dependency["name"].as_str().ok_or("dependencies must be objects with a name")?;
        let version = dependency["version"].as_str().filter(|version| !version.is_empty());
        packages.push(version.map_or_else(|| name.to_owned(), |version| format!("{name}=={version}")));
    }
    let imports_templates = [format!("import {TEMPLATES}"), format!("from {TEMPLATES}")];
    if imports_templates.iter().any(|import| code.contains(import))
        && !packages.iter().any(|one| one.starts_with(TEMPLATES))
    {
        packages.push(TEMPLATES.to_owned());
    }
    let mut request = program(language, vec![SourceFile::text(language.default_entrypoint(), code)]);
    request.packages =
        Some(Packages::List(packages)).filter(|packages| !matches!(packages, Packages::List(list) if list.is_empty()));
    request.policy.get_or_insert_default().allow_network =
        body["enable_network"].as_bool().filter(|is_allowed| *is_allowed);
    Ok(request)
}

/// The result in Dify's words. What is in `error` fails the node.
fn tell(outcome: Outcome) -> Value {
    if !outcome.is_of_the_program() {
        let message = format!("{} {}", outcome.reason().unwrap_or_default(), outcome.result.stderr);
        return json!({ "code": -500, "message": message.trim_end(), "data": null });
    }
    let reason = outcome.reason();
    let result = outcome.result;
    let mut error = result.stderr.clone();
    if let Some(reason) = reason {
        let line_end = if error.is_empty() || error.ends_with('\n') { "" } else { "\n" };
        error = format!("{error}{line_end}{reason}\n");
    } else if error.is_empty() && result.exit_code != 0 {
        error = format!("The program ended with exit code {}.\n", result.exit_code);
    }
    success(json!({ "stdout": result.stdout, "error": error, "stderr": result.stderr, "exit_code": result.exit_code }))
}
