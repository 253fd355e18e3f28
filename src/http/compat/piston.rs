//! Piston, version 2 of its API: <https://github.com/engineer-man/piston>.
//!
//! `-1`, `0` and a missing limit mean the default, a missing final newline of the standard input is added, any version means the
//! one that is here, and any content type is JSON: its clients rely on each of these.

use crate::app::App;
use crate::http::compat::foreign_call::{ForeignCall, program};
use crate::http::compat::installed::installed;
use crate::http::compat::outcome::Outcome;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use docle_api::compile::{CompileRequest, CompileResult};
use docle_api::limits::{COMPILE_MEMORY_MB, COMPILE_TIMEOUT_MS, CPU_MS, MEMORY_MB, TIMEOUT_MS};
use docle_api::runs::{FileEncoding, RunRequest, RunStatus, SourceFile};
use docle_languages::RunLanguage;
use serde_json::{Value, json};
use std::ops::RangeInclusive;

/// Languages that Piston calls differently: its clients look for exactly these names.
const OWN_NAMES: [(&str, &str); 1] = [("cpp", "c++")];
/// Bytes of one MiB.
const MIB: f64 = 1_048_576.0;

/// `GET /compat/piston/api/v2/runtimes`.
pub async fn list_piston_runtimes(app: &App, _call: Call) -> Result<Response, ApiError> {
    let runtimes: Vec<Value> = installed(app)
        .await
        .into_iter()
        .map(|(language, version)| {
            let name = name_of(language);
            let others = [language.id].into_iter().chain(language.aliases.iter().copied());
            let aliases: Vec<&str> = others.filter(|other| *other != name).collect();
            let mut runtime = json!({ "language": name, "version": version, "aliases": aliases });
            if language.program_names.contains(&name) {
                runtime["runtime"] = json!(language.id);
            }
            runtime
        })
        .collect();
    Ok(respond::json(StatusCode::OK, &runtimes))
}

/// `GET /compat/piston/api/v2/packages`: what is installed.
pub async fn list_piston_packages(app: &App, _call: Call) -> Result<Response, ApiError> {
    let package = |(language, version): (RunLanguage, String)| json!({ "language": name_of(language), "language_version": version, "installed": true });
    let packages: Vec<Value> = installed(app).await.into_iter().map(package).collect();
    Ok(respond::json(StatusCode::OK, &packages))
}

/// `POST` and `DELETE /compat/piston/api/v2/packages`: clients install no languages.
pub async fn refuse_piston_packages(_app: &App, _call: Call) -> Result<Response, ApiError> {
    let message = "Languages are installed by the operator of this service. Packages of a language come with a run: POST /api/run.";
    Ok(respond::json(StatusCode::FORBIDDEN, &json!({ "message": message })))
}

/// `POST /compat/piston/api/v2/execute`.
pub async fn execute_piston(app: &App, call: Call) -> Result<Response, ApiError> {
    execute(app, call).await.map_err(|error| error.shaped(|status, message| (status, json!({ "message": message }))))
}

async fn execute(app: &App, call: Call) -> Result<Response, ApiError> {
    let call = ForeignCall::open(app, call).await?;
    let invalid = |message| ApiError::new(ErrorCode::InvalidRequest, message);
    let request = read(&call.body, app.config.max_timeout_ms).map_err(invalid)?;
    let language = request.lang;
    // The versions are asked for while the program starts.
    let (versions, response) = futures::join!(installed(app), async {
        let (version, mut told) = futures::channel::oneshot::channel();
        let response = call
            .run(app, &request, move |outcome| {
                let version: Option<String> = told.try_recv().ok().flatten();
                tell(language, version.unwrap_or_default(), outcome)
            })
            .await;
        response.map(|response| (version, response))
    });
    let (version, response) = response?;
    if let Some((_, here)) = versions.into_iter().find(|(one, _)| *one == language) {
        let _ = version.send(here);
    }
    Ok(response)
}

/// What Piston calls a language.
fn name_of(language: RunLanguage) -> &'static str {
    let own = OWN_NAMES.iter().find(|(id, _)| *id == language.id).map(|(_, own)| *own);
    own.or_else(|| language.program_names.first().copied()).unwrap_or(language.id)
}

/// Reads a request. The error is the sentence that Piston would say.
fn read(body: &Value, max_timeout_ms: u32) -> Result<RunRequest, String> {
    let name = body["language"].as_str().ok_or("language is required as a string")?;
    let version = body["version"].as_str().ok_or("version is required as a string")?;
    let language = RunLanguage::meant_by(name).ok_or_else(|| format!("{name}-{version} runtime is unknown"))?;
    let files = body["files"].as_array().ok_or("files is required as an array")?;
    let mut files =
        files.iter().enumerate().map(|(index, file)| read_file(index, file)).collect::<Result<Vec<_>, _>>()?;
    // The first file of text is the program.
    let main = files.iter().position(|(file, _)| file.encoding == FileEncoding::Utf8);
    let main = main.ok_or("files must include at least one utf8 encoded file")?;
    files[..=main].rotate_right(1);
    if let Some((file, true)) = files.first_mut().map(|(file, is_unnamed)| (file, *is_unnamed)) {
        file.path = language.default_entrypoint().to_owned();
    }
    let mut request = program(language, files.into_iter().map(|(file, _)| file).collect());
    request.stdin = optional(body, "stdin", "string", Value::as_str)?.filter(|text| !text.is_empty()).map(|text| {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        format!("{text}{end}")
    });
    request.args = optional(body, "args", "array", Value::as_array)?.map(|args| args.iter().map(text_of).collect());
    let policy = request.policy.get_or_insert_default();
    let timeout_ms = *TIMEOUT_MS.start()..=max_timeout_ms;
    policy.timeout_ms = limit(body, "run_timeout", &timeout_ms, 1.0)?;
    policy.cpu_ms = limit(body, "run_cpu_time", &CPU_MS, 1.0)?;
    policy.memory_mb = limit(body, "run_memory_limit", &MEMORY_MB, MIB)?;
    let compile = CompileRequest {
        options: None,
        timeout_ms: limit(body, "compile_timeout", &COMPILE_TIMEOUT_MS, 1.0)?,
        memory_mb: limit(body, "compile_memory_limit", &COMPILE_MEMORY_MB, MIB)?,
    };
    limit(body, "compile_cpu_time", &CPU_MS, 1.0)?;
    // Clients name limits of a compilation whatever the language is.
    request.compile = Some(compile).filter(|_| language.runner().compile.is_some());
    Ok(request)
}

/// A file, and whether it has no name of its own.
fn read_file(index: usize, file: &Value) -> Result<(SourceFile, bool), String> {
    let content = file["content"].as_str().ok_or_else(|| format!("files[{index}].content is required as a string"))?;
    let name =
        optional(file, "name", "string", Value::as_str).map_err(|message| format!("files[{index}].{message}"))?;
    let name = name.filter(|name| !name.is_empty());
    let (content, encoding) = match file["encoding"].as_str().unwrap_or("utf8") {
        "utf8" => (content.to_owned(), FileEncoding::Utf8),
        "base64" => (content.to_owned(), FileEncoding::Base64),
        "hex" => {
            let bytes = hex::decode(content).map_err(|_| format!("files[{index}].content is not hexadecimal"))?;
            (STANDARD.encode(bytes), FileEncoding::Base64)
        }
        _ => return Err(format!("files[{index}].encoding must be one of utf8, base64, hex")),
    };
    let path = name.map_or_else(|| format!("file{index}.code"), str::to_owned);
    Ok((SourceFile { path, content, encoding }, name.is_none()))
}

/// A field that may be absent or null.
fn optional<'a, T>(
    body: &'a Value,
    name: &str,
    kind: &str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<Option<T>, String> {
    match &body[name] {
        Value::Null => Ok(None),
        value => read(value).map(Some).ok_or_else(|| format!("{name} is required as a {kind}")),
    }
}

/// An argument, which clients send as a number, too.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A limit in our unit, of which `size` are one. What is less than the least becomes the least.
fn limit(body: &Value, name: &str, range: &RangeInclusive<u32>, size: f64) -> Result<Option<u32>, String> {
    let Some(asked) = optional(body, name, "number", Value::as_f64)?.filter(|asked| *asked > 0.0) else {
        return Ok(None);
    };
    let asked = (asked / size).ceil();
    if asked > f64::from(*range.end()) {
        let most = f64::from(*range.end()) * size;
        return Err(format!("{name} cannot exceed the configured limit of {most}"));
    }
    Ok(Some((asked as u32).max(*range.start())))
}

/// The result in Piston's words.
fn tell(language: RunLanguage, version: String, outcome: Outcome) -> Value {
    let status = match outcome.result.status {
        RunStatus::Success | RunStatus::CompileError => None,
        RunStatus::Error => Some("RE"),
        RunStatus::Timeout => Some("TO"),
        RunStatus::Memory | RunStatus::Killed => Some("SG"),
        RunStatus::Output if outcome.result.truncated.stderr => Some("EL"),
        RunStatus::Output => Some("OL"),
        RunStatus::Cancelled | RunStatus::InstallFailed | RunStatus::System => Some("XX"),
    };
    let reason = outcome.reason();
    let Outcome { result, output } = outcome;
    let compile = result.details.compile.map(|compile| stage(*compile));
    let run = if result.status == RunStatus::CompileError {
        compile.clone().unwrap_or_default()
    } else {
        // A limit ends a program with SIGKILL; then it has no exit code.
        let is_ended = matches!(result.status, RunStatus::Timeout | RunStatus::Memory | RunStatus::Output);
        let signal = if is_ended { Some("SIGKILL".to_owned()) } else { result.signal };
        json!({
            "stdout": result.stdout,
            "stderr": result.stderr,
            "output": output,
            "code": if signal.is_some() { None } else { Some(result.exit_code) },
            "signal": signal,
            "message": reason,
            "status": status,
            "cpu_time": whole(result.usage.cpu_ms),
            "wall_time": whole(result.usage.duration_ms),
            "memory": whole(result.usage.mem_mb * MIB),
        })
    };
    let mut answer = json!({ "language": name_of(language), "version": version, "run": run });
    if let Some(compile) = compile {
        answer["compile"] = compile;
    }
    answer
}

fn whole(number: f64) -> u64 {
    number.round() as u64
}

/// A compilation in Piston's words.
fn stage(compile: CompileResult) -> Value {
    /// The exit code after the time limit of a compilation.
    const TIMED_OUT: i32 = 124;
    let CompileResult { stdout, stderr, exit_code, duration_ms, cpu_ms } = compile;
    let is_timed_out = exit_code == TIMED_OUT;
    json!({
        "output": format!("{stdout}{stderr}"),
        "stdout": stdout,
        "stderr": stderr,
        "code": if is_timed_out { None } else { Some(exit_code) },
        "signal": is_timed_out.then_some("SIGKILL"),
        "message": is_timed_out.then_some("The time limit of the compilation was reached."),
        "status": if is_timed_out { Some("TO") } else if exit_code != 0 { Some("RE") } else { None },
        "cpu_time": whole(cpu_ms),
        "wall_time": whole(duration_ms),
        "memory": null,
    })
}
