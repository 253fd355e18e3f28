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

/// Bytes that UTF-8 makes of one UTF-16 unit, which is what the harness counts, at most.
const BYTES_PER_UNIT: usize = 3;
/// Bytes of an answer that are read. JSON can make six bytes of one, and a log has a line's worth of frame per entry.
pub const MAX_ANSWER_BYTES: usize = BYTES_PER_UNIT * MAX_RESULT_BYTES + 6 * MAX_LOG_BYTES + 100 * MAX_LOG_ENTRIES;

/// Bytes of an error's name that are handed on.
const MAX_NAME_BYTES: usize = 1_024;
/// Bytes of an error's message that are handed on, and of its stack, which begins with the message.
const MAX_MESSAGE_BYTES: usize = 16_384;

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
        Outcome { result: Some(ref result), .. } if result.get().len() > MAX_RESULT_BYTES => too_large(result),
        Outcome { result: Some(ref result), .. } => Ending::Returned(result.clone()),
        Outcome { result: None, .. } => Ending::Returned(null()),
    };
    report(ending, outcome.logs, outcome.truncated, observed)
}

fn within_bounds(outcome: &Outcome) -> bool {
    let logged: usize = outcome.logs.iter().map(|entry| entry.message.len()).sum();
    outcome.logs.len() <= MAX_LOG_ENTRIES && logged <= BYTES_PER_UNIT * MAX_LOG_BYTES
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

fn too_large(result: &RawValue) -> Ending {
    let message = format!(
        "The result has {} bytes as JSON; at most {MAX_RESULT_BYTES} are handed over. Return less.",
        result.get().len()
    );
    Ending::Failed(RunStatus::Error, script_error("ResultError", &message))
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
        name: cut(thrown.name, MAX_NAME_BYTES),
        message: cut(thrown.message, MAX_MESSAGE_BYTES),
        stack: Some(cut(thrown.stack, MAX_MESSAGE_BYTES)).filter(|stack| !stack.is_empty()),
        line: place.map(|(line, _)| line),
        column: place.map(|(_, column)| column),
    }
}

/// The beginning of `text`, in at most `max` bytes and a mark where something is missing.
fn cut(mut text: String, max: usize) -> String {
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max));
        text.push('…');
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;
    use docle_protocol::isolate::{Script, ScriptLanguage};

    fn script() -> Prepared {
        let script = Script { code: "return 1".to_owned(), language: ScriptLanguage::TypeScript };
        docle_script::prepare(&script, "t", false).unwrap_or_else(|findings| panic!("{findings:?}"))
    }

    fn observed() -> Observed {
        Observed { duration_ms: 1.005, blocked_connections: 2 }
    }

    fn outcome(answer: &str) -> String {
        let report = read(answer.as_bytes(), 100, &script(), observed());
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
    fn an_answer_makes_a_report() {
        for (fields, expected) in [
            (r#""result":{"a":1}"#, r#"success 0 - {"a":1}"#),
            (r#""result":null"#, "success 0 - null"),
            (r#""error":{"name":"E","message":"m","stack":""}"#, "error 1 E null"),
            (r#""expired":true"#, "timeout 124 TimeoutError null"),
            (r#""result":1,"expired":true"#, "timeout 124 TimeoutError null"),
        ] {
            assert_eq!(outcome(&format!("{{{fields},{REST}}}")), expected);
        }
        let answer = format!(
            r#"{{"result":"at script_t.js:2:8","logs":[{{"level":"warn","message":"a","timeMs":1}},{{"level":"debug","message":"b","timeMs":2}}],{}"#,
            &REST[10..]
        );
        let report = read((answer + "}").as_bytes(), 100, &script(), observed());
        assert_eq!((report.stdout.as_str(), report.stderr.as_str()), ("b\n", "a\n"));
        assert_eq!(report.result.get(), r#""at code.ts:1:8""#);
        assert_eq!((report.usage.duration_ms, report.usage.blocked_connections), (1.0, 2));
    }

    #[test]
    fn an_answer_that_is_none_is_the_scripts_own_fault() {
        let many = format!(r#"{{"level":"log","message":"{}","timeMs":1}},"#, "x".repeat(10_000)).repeat(400);
        for answer in [
            String::new(),
            "null".to_owned(),
            "{}".to_owned(),
            format!("{{\"error\":1,{REST}}}"),
            format!("{{{REST}}} and more"),
            format!(r#"{{"logs":[{}],"truncated":{{"stdout":false,"stderr":false}}}}"#, many.trim_end_matches(',')),
            format!(r#"{{"logs":[{{"level":"fatal","message":"","timeMs":0}}],{}}}"#, &REST[10..]),
        ] {
            assert_eq!(outcome(&answer), "error 1 IsolateError null", "{}", &answer[..answer.len().min(80)]);
        }
        assert_eq!(
            outcome(&format!("{{\"result\":\"{}\",{REST}}}", "x".repeat(MAX_RESULT_BYTES))),
            "error 1 ResultError null"
        );
        assert_eq!(read(&[0xff, 0xfe], 100, &script(), observed()).exit_code, 1);
    }

    #[test]
    fn an_error_is_cut_whatever_the_harness_was_made_to_say() {
        // Three bytes each, so that no bound is where a character ends.
        let long = "€".repeat(100_000);
        let thrown = format!(r#"{{"name":"{long}","message":"{long}","stack":"{long} at script_t.js:2:8"}}"#);
        let report = read(format!(r#"{{"error":{thrown},{REST}}}"#).as_bytes(), 100, &script(), observed());
        let error = report.error.unwrap_or_else(|| panic!("no error"));
        let stack = error.stack.unwrap_or_default();
        let kept = [&error.name, &error.message, &stack].map(|text| (text.len(), text.ends_with("€…")));
        assert_eq!(kept, [(1_026, true), (16_386, true), (16_386, true)]);
        assert_eq!(report.stderr, format!("{stack}\n"));
        assert_eq!((error.line, error.column), (Some(1), Some(8)), "the place is looked for before anything is cut");
    }

    #[test]
    fn failures_of_the_runtime_are_told_apart() {
        let name = |message: &str| {
            let report = failed(message, 100, &script(), observed());
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
        let report = failed("secret of the script", 100, &script(), observed());
        assert!(!report.stderr.contains("secret"), "{}", report.stderr);
    }
}
