//! Turns the response of an isolate into a report.
//!
//! A script can replace every part of the harness, so the whole response is untrusted: this file checks its types and its
//! sizes, and uses it for the report of this script only.

use docle_protocol::isolate::{
    AiUsage, Diagnostic, IsolateReport, LogEntry, LogLevel, MAX_LOG_BYTES, MAX_LOG_ENTRIES, MAX_RESULT_BYTES,
    ScriptError, ScriptUsage,
};
use docle_protocol::{RunStatus, Truncated};
use docle_script::ScriptModule;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Bytes of UTF-8 that one UTF-16 unit takes at most. The harness counts UTF-16 units.
const BYTES_PER_UNIT: usize = 3;
/// Bytes of a response that are read. JSON escapes one byte as up to six, and each log entry adds up to 100 bytes of JSON.
pub const MAX_RESPONSE_BYTES: usize = BYTES_PER_UNIT * MAX_RESULT_BYTES + 6 * MAX_LOG_BYTES + 100 * MAX_LOG_ENTRIES;

/// Bytes of an error's name in a report.
const MAX_NAME_BYTES: usize = 1_024;
/// Bytes of an error's message in a report, and of its stack, which begins with the message.
const MAX_MESSAGE_BYTES: usize = 16_384;

/// The figures of an execution that this Worker measures itself.
pub struct Measurements {
    /// From loading the isolate to the end of its response, in milliseconds.
    pub duration_ms: f64,
    pub blocked_connections: u32,
    pub ai: AiUsage,
}

/// The response body that the harness writes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    result: Option<Box<RawValue>>,
    error: Option<ThrownError>,
    #[serde(default)]
    expired: bool,
    logs: Vec<LogEntry>,
    truncated: Truncated,
}

#[derive(Deserialize)]
struct ThrownError {
    name: String,
    message: String,
    stack: String,
}

/// How a script ended.
enum Completion {
    Returned(Box<RawValue>),
    Failed(RunStatus, ScriptError),
}

/// The report of an isolate that responded with `response`.
pub fn read(response: &[u8], timeout_ms: u32, script: &ScriptModule, measured: Measurements) -> IsolateReport {
    // A position consists of a module's name and digits, so replacing positions keeps the JSON valid.
    let outcome = std::str::from_utf8(response).ok().map(|response| script.restore_positions(response));
    let outcome = outcome.and_then(|response| serde_json::from_str::<Outcome>(&response).ok());
    let Some(outcome) = outcome.filter(within_bounds) else {
        return without_outcome("its response is invalid", measured);
    };
    let completion = match outcome {
        Outcome { expired: true, .. } => timeout(timeout_ms),
        Outcome { error: Some(thrown), .. } => Completion::Failed(RunStatus::Error, error(thrown, script)),
        Outcome { result: Some(ref result), .. } if result.get().len() > MAX_RESULT_BYTES => too_large(result),
        Outcome { result: Some(ref result), .. } => Completion::Returned(result.clone()),
        Outcome { result: None, .. } => Completion::Returned(null()),
    };
    report(completion, outcome.logs, outcome.truncated, measured)
}

fn within_bounds(outcome: &Outcome) -> bool {
    let logged: usize = outcome.logs.iter().map(|entry| entry.message.len()).sum();
    outcome.logs.len() <= MAX_LOG_ENTRIES && logged <= BYTES_PER_UNIT * MAX_LOG_BYTES
}

/// The report of a script with errors that the parser or the rules found. No isolate ran.
pub fn invalid_script(diagnostics: &[Diagnostic]) -> IsolateReport {
    let error = diagnostics.first().map_or_else(
        || script_error("ValidationError", "The script is invalid."),
        |first| {
            let is_syntax = first.rule == "syntax";
            let others = match diagnostics.len() {
                1 => String::new(),
                count => format!(" ({} more; POST /validate lists them.)", count - 1),
            };
            ScriptError {
                line: Some(first.line),
                column: Some(first.column),
                ..script_error(
                    if is_syntax { "SyntaxError" } else { "ValidationError" },
                    &format!("{}{others}", first.message),
                )
            }
        },
    );
    let measured = Measurements { duration_ms: 0.0, blocked_connections: 0, ai: AiUsage::default() };
    report(Completion::Failed(RunStatus::Error, error), Vec::new(), Truncated::default(), measured)
}

/// The report of an isolate that did not respond in time.
pub fn timed_out(timeout_ms: u32, measured: Measurements) -> IsolateReport {
    report(timeout(timeout_ms), Vec::new(), Truncated::default(), measured)
}

/// The report of an isolate whose call failed. `message` comes from the runtime, or from a script that tampered with the
/// harness. The report therefore never contains it: the message only selects the kind of failure.
pub fn failed(message: &str, timeout_ms: u32, script: &ScriptModule, measured: Measurements) -> IsolateReport {
    if let Some(complaint) = message.strip_prefix("Failed to start Worker:\nUncaught ") {
        let completion = Completion::Failed(RunStatus::Error, load_error(complaint, script));
        return report(completion, Vec::new(), Truncated::default(), measured);
    }
    let message = message.to_ascii_lowercase();
    if message.contains("cpu time limit") || message.contains("cpu limit") {
        return timed_out(timeout_ms, measured);
    }
    if message.contains("memory limit") {
        let error = script_error("MemoryError", "The script needed more memory than an isolate has (128 MB).");
        return report(Completion::Failed(RunStatus::Memory, error), Vec::new(), Truncated::default(), measured);
    }
    without_outcome("its call failed", measured)
}

/// The error of a script that our parser accepts and V8 rejects: `SyntaxError: message\n  at script.js:2:15`.
fn load_error(text: &str, script: &ScriptModule) -> ScriptError {
    let head = text.lines().next().unwrap_or_default();
    let (name, message) = head.split_once(": ").unwrap_or(("SyntaxError", head));
    let stack = script.restore_positions(text);
    error(ThrownError { name: name.to_owned(), message: message.to_owned(), stack }, script)
}

fn without_outcome(how: &str, measured: Measurements) -> IsolateReport {
    let error = script_error(
        "IsolateError",
        &format!(
            "The script's isolate ended without an outcome ({how}). A script that changes built-in objects can cause this."
        ),
    );
    report(Completion::Failed(RunStatus::Error, error), Vec::new(), Truncated::default(), measured)
}

fn too_large(result: &RawValue) -> Completion {
    let message =
        format!("The result has {} bytes as JSON; the limit is {MAX_RESULT_BYTES}. Return less.", result.get().len());
    Completion::Failed(RunStatus::Error, script_error("ResultError", &message))
}

fn timeout(timeout_ms: u32) -> Completion {
    let message = format!("The script did not end within {timeout_ms} ms, its config.timeout.");
    Completion::Failed(RunStatus::Timeout, script_error("TimeoutError", &message))
}

fn script_error(name: &str, message: &str) -> ScriptError {
    ScriptError { name: name.to_owned(), message: message.to_owned(), stack: None, line: None, column: None }
}

fn error(thrown: ThrownError, script: &ScriptModule) -> ScriptError {
    let position = script.first_position(&thrown.stack);
    ScriptError {
        name: truncate(thrown.name, MAX_NAME_BYTES),
        message: truncate(thrown.message, MAX_MESSAGE_BYTES),
        stack: Some(truncate(thrown.stack, MAX_MESSAGE_BYTES)).filter(|stack| !stack.is_empty()),
        line: position.map(|(line, _)| line),
        column: position.map(|(_, column)| column),
    }
}

/// `text`, or at most `max` bytes of it and an ellipsis.
fn truncate(mut text: String, max: usize) -> String {
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max));
        text.push('…');
    }
    text
}

fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

fn report(completion: Completion, logs: Vec<LogEntry>, truncated: Truncated, measured: Measurements) -> IsolateReport {
    let (stdout, mut stderr) = streams(&logs);
    let (status, result, error) = match completion {
        Completion::Returned(result) => (RunStatus::Success, result, None),
        Completion::Failed(status, error) => (status, null(), Some(error)),
    };
    if let Some(error) = &error {
        let headline = || format!("{}: {}", error.name, error.message);
        stderr.push_str(&error.stack.clone().unwrap_or_else(headline));
        stderr.push('\n');
    }
    let duration_ms = (measured.duration_ms * 100.0).round() / 100.0;
    IsolateReport {
        status,
        exit_code: match status {
            RunStatus::Success => 0,
            RunStatus::Timeout => 124,
            RunStatus::Memory => 137,
            _ => 1,
        },
        signal: None,
        stdout,
        stderr,
        truncated,
        usage: ScriptUsage {
            duration_ms,
            blocked_connections: measured.blocked_connections,
            ai: (measured.ai.calls > 0).then_some(measured.ai),
            ..ScriptUsage::default()
        },
        success: status == RunStatus::Success,
        result,
        logs,
        error,
        execution_time: duration_ms,
    }
}

/// The log as standard output and standard error.
fn streams(logs: &[LogEntry]) -> (String, String) {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    for LogEntry { level, message, .. } in logs {
        let stream = if matches!(level, LogLevel::Warn | LogLevel::Error) { &mut stderr } else { &mut stdout };
        stream.push_str(message);
        stream.push('\n');
    }
    (stdout, stderr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use docle_protocol::isolate::{Script, ScriptLanguage};

    fn script() -> ScriptModule {
        let script = Script { code: "return 1".to_owned(), language: ScriptLanguage::named("typescript") };
        docle_script::prepare(&script, "t", false).unwrap_or_else(|diagnostics| panic!("{diagnostics:?}"))
    }

    fn measured() -> Measurements {
        Measurements { duration_ms: 1.005, blocked_connections: 2, ai: AiUsage::default() }
    }

    fn outcome(response: &str) -> String {
        let report = read(response.as_bytes(), 100, &script(), measured());
        let IsolateReport { status, exit_code, error, result, .. } = report;
        format!(
            "{} {exit_code} {} {}",
            status.name(),
            error.map_or_else(|| "-".to_owned(), |error| error.name),
            result.get()
        )
    }

    const REST: &str = r#""logs":[],"truncated":{"stdout":false,"stderr":false},"timeMs":1"#;

    #[test]
    fn a_response_makes_a_report() {
        for (fields, expected) in [
            (r#""result":{"a":1}"#, r#"success 0 - {"a":1}"#),
            (r#""result":null"#, "success 0 - null"),
            (r#""error":{"name":"E","message":"m","stack":""}"#, "error 1 E null"),
            (r#""expired":true"#, "timeout 124 TimeoutError null"),
            (r#""result":1,"expired":true"#, "timeout 124 TimeoutError null"),
        ] {
            assert_eq!(outcome(&format!("{{{fields},{REST}}}")), expected);
        }
        let response = format!(
            r#"{{"result":"at script_t.js:2:8","logs":[{{"level":"warn","message":"a","timeMs":1}},{{"level":"debug","message":"b","timeMs":2}}],{}"#,
            &REST[10..]
        );
        let report = read((response + "}").as_bytes(), 100, &script(), measured());
        assert_eq!((report.stdout.as_str(), report.stderr.as_str()), ("b\n", "a\n"));
        assert_eq!(report.result.get(), r#""at code.ts:1:8""#);
        assert_eq!((report.usage.duration_ms, report.usage.blocked_connections), (1.0, 2));
    }

    #[test]
    fn an_invalid_response_is_an_error_of_the_script() {
        let many = format!(r#"{{"level":"log","message":"{}","timeMs":1}},"#, "x".repeat(10_000)).repeat(400);
        for response in [
            String::new(),
            "null".to_owned(),
            "{}".to_owned(),
            format!("{{\"error\":1,{REST}}}"),
            format!("{{{REST}}} and more"),
            format!(r#"{{"logs":[{}],"truncated":{{"stdout":false,"stderr":false}}}}"#, many.trim_end_matches(',')),
            format!(r#"{{"logs":[{{"level":"fatal","message":"","timeMs":0}}],{}}}"#, &REST[10..]),
        ] {
            assert_eq!(outcome(&response), "error 1 IsolateError null", "{}", &response[..response.len().min(80)]);
        }
        assert_eq!(
            outcome(&format!("{{\"result\":\"{}\",{REST}}}", "x".repeat(MAX_RESULT_BYTES))),
            "error 1 ResultError null"
        );
        assert_eq!(read(&[0xff, 0xfe], 100, &script(), measured()).exit_code, 1);
    }

    #[test]
    fn an_error_is_truncated_whatever_the_script_makes_of_the_harness() {
        // Three bytes each, so that no limit falls between two characters.
        let long = "€".repeat(100_000);
        let thrown = format!(r#"{{"name":"{long}","message":"{long}","stack":"{long} at script_t.js:2:8"}}"#);
        let report = read(format!(r#"{{"error":{thrown},{REST}}}"#).as_bytes(), 100, &script(), measured());
        let error = report.error.unwrap_or_else(|| panic!("no error"));
        let stack = error.stack.unwrap_or_default();
        let kept = [&error.name, &error.message, &stack].map(|text| (text.len(), text.ends_with("€…")));
        assert_eq!(kept, [(1_026, true), (16_386, true), (16_386, true)]);
        assert_eq!(report.stderr, format!("{stack}\n"));
        assert_eq!(
            (error.line, error.column),
            (Some(1), Some(8)),
            "the position is found before anything is truncated"
        );
    }

    #[test]
    fn each_failure_of_the_runtime_has_its_own_status() {
        let name = |message: &str| {
            let report = failed(message, 100, &script(), measured());
            let error = report.error.unwrap_or_else(|| panic!("no error for {message}"));
            format!("{} {} {:?}", report.status.name(), error.name, error.line)
        };
        for (message, expected) in [
            (
                "Failed to start Worker:\nUncaught SyntaxError: Duplicate\n  at script_t.js:2:15",
                "error SyntaxError Some(1)",
            ),
            ("Worker exceeded CPU time limit.", "timeout TimeoutError None"),
            ("Worker exceeded memory limit.", "memory MemoryError None"),
            ("secret of the script", "error IsolateError None"),
        ] {
            assert_eq!(name(message), expected);
        }
        let report = failed("secret of the script", 100, &script(), measured());
        assert!(!report.stderr.contains("secret"), "{}", report.stderr);
    }
}
