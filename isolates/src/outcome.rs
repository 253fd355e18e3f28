//! From what an isolate answers to a report. Whatever comes out of an isolate is the script's, who may have replaced
//! every part of the harness: it is held to its bounds and its types here, and believed about itself only.

use docle_protocol::isolate::{
    Finding, IsolateReport, IsolateUsage, LogEntry, LogLevel, MAX_LOG_BYTES, MAX_LOG_ENTRIES, MAX_RESULT_BYTES,
    ScriptError,
};
use docle_protocol::{RunStatus, Truncated};
use docle_script::Prepared;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Bytes of an answer that are read. JSON can make six bytes of one, and a log has a line's worth of frame per entry.
pub const MAX_ANSWER_BYTES: usize = MAX_RESULT_BYTES + 6 * MAX_LOG_BYTES + 100 * MAX_LOG_ENTRIES;

/// What only this side of an execution knows.
pub struct Observed {
    /// From handing the code over to the outcome, in milliseconds.
    pub duration_ms: f64,
    pub blocked_connections: u32,
}

/// What the harness writes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    result: Option<Box<RawValue>>,
    error: Option<Thrown>,
    #[serde(default)]
    expired: bool,
    logs: Vec<LogEntry>,
    truncated: Truncated,
}

#[derive(Deserialize)]
struct Thrown {
    name: String,
    message: String,
    stack: String,
}

/// How an execution ended, before it is written down.
enum Ending {
    Returned(Box<RawValue>),
    Failed(RunStatus, ScriptError),
}

/// The report that an isolate's answer makes.
pub fn read(answer: &[u8], timeout_ms: u32, script: &Prepared, observed: Observed) -> IsolateReport {
    // Places are digits and the name of a module, so that what is restored is JSON as before.
    let outcome = std::str::from_utf8(answer).ok().map(|answer| script.restore(answer));
    let outcome = outcome.and_then(|answer| serde_json::from_str::<Outcome>(&answer).ok());
    let Some(outcome) = outcome.filter(within_bounds) else {
        return ended_silently("its answer is none", observed);
    };
    let ending = match outcome {
        Outcome { expired: true, .. } => timed_out(timeout_ms),
        Outcome { error: Some(thrown), .. } => Ending::Failed(RunStatus::Error, error(thrown, script)),
        Outcome { result: Some(ref result), .. } => Ending::Returned(result.clone()),
        Outcome { result: None, .. } => Ending::Returned(null()),
    };
    report(ending, outcome.logs, outcome.truncated, observed)
}

fn within_bounds(outcome: &Outcome) -> bool {
    let logged: usize = outcome.logs.iter().map(|entry| entry.message.len()).sum();
    outcome.result.as_ref().is_none_or(|result| result.get().len() <= MAX_RESULT_BYTES)
        && outcome.logs.len() <= MAX_LOG_ENTRIES
        // The harness counts UTF-16 units, of which each makes three bytes at most.
        && logged <= 3 * MAX_LOG_BYTES
}

/// The report of a script that was never handed over.
pub fn refused(findings: &[Finding]) -> IsolateReport {
    let error = findings.first().map_or_else(
        || script_error("ValidationError", "The script was refused."),
        |first| {
            let is_syntax = first.rule == "syntax";
            let others = match findings.len() {
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
    let observed = Observed { duration_ms: 0.0, blocked_connections: 0 };
    report(Ending::Failed(RunStatus::Error, error), Vec::new(), Truncated::default(), observed)
}

/// The report of an isolate that did not answer in time.
pub fn overdue(timeout_ms: u32, observed: Observed) -> IsolateReport {
    report(timed_out(timeout_ms), Vec::new(), Truncated::default(), observed)
}

/// The report of an isolate whose call failed. `message` is the runtime's, or the script's where it has tampered with
/// what the harness needs; so it is looked through for what is known, and not handed on.
pub fn failed(message: &str, timeout_ms: u32, script: &Prepared, observed: Observed) -> IsolateReport {
    if let Some(complaint) = message.strip_prefix("Failed to start Worker:\nUncaught ") {
        let ending = Ending::Failed(RunStatus::Error, load_error(complaint, script));
        return report(ending, Vec::new(), Truncated::default(), observed);
    }
    let message = message.to_ascii_lowercase();
    if message.contains("cpu time limit") || message.contains("cpu limit") {
        return overdue(timeout_ms, observed);
    }
    if message.contains("memory limit") {
        let error = script_error("MemoryError", "The script needed more memory than an isolate has (128 MB).");
        return report(Ending::Failed(RunStatus::Memory, error), Vec::new(), Truncated::default(), observed);
    }
    ended_silently("its call failed", observed)
}

/// The error of a script that V8 refuses although the parser did not: `SyntaxError: message\n  at script.js:2:15`.
fn load_error(complaint: &str, script: &Prepared) -> ScriptError {
    let head = complaint.lines().next().unwrap_or_default();
    let (name, message) = head.split_once(": ").unwrap_or(("SyntaxError", head));
    let stack = script.restore(complaint);
    error(Thrown { name: name.to_owned(), message: message.to_owned(), stack }, script)
}

fn ended_silently(how: &str, observed: Observed) -> IsolateReport {
    let error = script_error(
        "IsolateError",
        &format!(
            "The script's isolate ended without an outcome ({how}): scripts that change built-in objects can do that to themselves."
        ),
    );
    report(Ending::Failed(RunStatus::Error, error), Vec::new(), Truncated::default(), observed)
}

fn timed_out(timeout_ms: u32) -> Ending {
    let message = format!("The script did not end within {timeout_ms} ms, its config.timeout.");
    Ending::Failed(RunStatus::Timeout, script_error("TimeoutError", &message))
}

fn script_error(name: &str, message: &str) -> ScriptError {
    ScriptError { name: name.to_owned(), message: message.to_owned(), stack: None, line: None, column: None }
}

fn error(thrown: Thrown, script: &Prepared) -> ScriptError {
    let place = script.first_place(&thrown.stack);
    ScriptError {
        name: thrown.name,
        message: thrown.message,
        stack: Some(thrown.stack).filter(|stack| !stack.is_empty()),
        line: place.map(|(line, _)| line),
        column: place.map(|(_, column)| column),
    }
}

fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

fn report(ending: Ending, logs: Vec<LogEntry>, truncated: Truncated, observed: Observed) -> IsolateReport {
    let (stdout, mut stderr) = streams(&logs);
    let (status, result, error) = match ending {
        Ending::Returned(result) => (RunStatus::Success, result, None),
        Ending::Failed(status, error) => (status, null(), Some(error)),
    };
    if let Some(error) = &error {
        let named = || format!("{}: {}", error.name, error.message);
        stderr.push_str(&error.stack.clone().unwrap_or_else(named));
        stderr.push('\n');
    }
    let duration_ms = (observed.duration_ms * 100.0).round() / 100.0;
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
        usage: IsolateUsage {
            duration_ms,
            blocked_connections: observed.blocked_connections,
            ..IsolateUsage::default()
        },
        success: status == RunStatus::Success,
        result,
        logs,
        error,
        execution_time: duration_ms,
    }
}

/// The log as the two streams of a program.
fn streams(logs: &[LogEntry]) -> (String, String) {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    for LogEntry { level, message, .. } in logs {
        let stream = if matches!(level, LogLevel::Warn | LogLevel::Error) { &mut stderr } else { &mut stdout };
        stream.push_str(message);
        stream.push('\n');
    }
    (stdout, stderr)
}
