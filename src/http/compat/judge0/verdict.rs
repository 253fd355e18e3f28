//! A run as a submission with its verdict.

use crate::http::response::time;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// The statuses, whose ids begin with 1.
pub const STATUSES: [&str; 14] = [
    "In Queue",
    "Processing",
    "Accepted",
    "Wrong Answer",
    "Time Limit Exceeded",
    "Compilation Error",
    "Runtime Error (SIGSEGV)",
    "Runtime Error (SIGXFSZ)",
    "Runtime Error (SIGFPE)",
    "Runtime Error (SIGABRT)",
    "Runtime Error (NZEC)",
    "Runtime Error (Other)",
    "Internal Error",
    "Exec Format Error",
];
/// Signals with a status of their own, and their numbers.
const SIGNALS: [(&str, u8, usize); 4] = [("SIGSEGV", 11, 7), ("SIGXFSZ", 25, 8), ("SIGFPE", 8, 9), ("SIGABRT", 6, 10)];
const SIGKILL: u8 = 9;
/// The id of the status of what the service cannot judge.
const INTERNAL_ERROR: usize = 13;

/// Fields whose text is in base64 where the client asks for that.
const ENCODED: [&str; 7] = ["source_code", "stdin", "expected_output", "stdout", "stderr", "compile_output", "message"];
/// The fields of an answer to a client that names none.
pub const DEFAULT_FIELDS: [&str; 8] =
    ["stdout", "time", "memory", "stderr", "token", "compile_output", "message", "status"];
/// All other fields.
const OTHER_FIELDS: [&str; 26] = [
    "source_code",
    "language_id",
    "compiler_options",
    "command_line_arguments",
    "stdin",
    "expected_output",
    "cpu_time_limit",
    "cpu_extra_time",
    "wall_time_limit",
    "memory_limit",
    "stack_limit",
    "max_processes_and_or_threads",
    "enable_per_process_and_thread_time_limit",
    "enable_per_process_and_thread_memory_limit",
    "max_file_size",
    "enable_network",
    "redirect_stderr_to_stdout",
    "number_of_runs",
    "exit_code",
    "exit_signal",
    "status_id",
    "created_at",
    "finished_at",
    "wall_time",
    "callback_url",
    "additional_files",
];

/// Which fields a client wants, and how.
pub struct Wanted {
    /// All of them if `None`.
    pub fields: Option<Vec<String>>,
    pub is_base64: bool,
}

/// The first of these names that is no field.
pub fn unknown_field(names: &[String]) -> Option<&String> {
    names.iter().find(|name| !DEFAULT_FIELDS.iter().chain(&OTHER_FIELDS).any(|known| known == name))
}

/// Whether a run that has ended has what was submitted with it. Without that nothing can be said of its output.
pub fn is_whole(run: &Value) -> bool {
    run["exitCode"].is_null() || run["input"]["submission"].is_object()
}

/// A run, as `GET /api/run/:id` has it, as a submission.
pub fn tell(run: &Value, wanted: &Wanted) -> Value {
    let mut all = match run["exitCode"].is_null() {
        true => pending(run),
        false => ended(run),
    };
    all.insert("token".to_owned(), run["id"].clone());
    all.insert("created_at".to_owned(), run["createdAt"].clone());
    if let Some(fields) = &wanted.fields {
        all = fields.iter().map(|name| (name.clone(), all.remove(name).unwrap_or_default())).collect();
    }
    for (name, value) in &mut all {
        if let Some(text) = value.as_str().filter(|_| wanted.is_base64 && ENCODED.contains(&name.as_str())) {
            *value = json!(STANDARD.encode(text));
        }
    }
    Value::Object(all)
}

fn pending(run: &Value) -> Map<String, Value> {
    let id = if run["status"] == "queued" { 1 } else { 2 };
    Map::from_iter([("status".to_owned(), status(id)), ("status_id".to_owned(), json!(id))])
}

fn ended(run: &Value) -> Map<String, Value> {
    let input = &run["input"];
    let mut all: Map<String, Value> = input["submission"].as_object().cloned().unwrap_or_default();
    let signal = run["signal"].as_str();
    let number =
        signal.map(|name| SIGNALS.iter().find(|(known, ..)| *known == name).map_or(SIGKILL, |(_, number, _)| *number));
    let (stdout, stderr) = (run["stdout"].as_str().unwrap_or_default(), run["stderr"].as_str().unwrap_or_default());
    let is_one_stream = all.get("redirect_stderr_to_stdout") == Some(&json!(true));
    let (stdout, stderr) = if is_one_stream { (format!("{stdout}{stderr}"), "") } else { (stdout.to_owned(), stderr) };
    let expected = all.get("expected_output").and_then(Value::as_str);
    let id = if is_whole(run) { verdict(run, &stdout, expected) } else { INTERNAL_ERROR };
    let usage = &run["usage"];
    let ms = |name: &str| usage[name].as_f64().unwrap_or_default();
    let compile = ["stdout", "stderr"].map(|stream| run["compile"][stream].as_str().unwrap_or_default()).concat();
    let source = input["files"][0]["content"].as_str().or(input["code"].as_str());
    let total_ms =
        ms("queueMs") + ms("installMs") + ms("durationMs") + run["compile"]["durationMs"].as_f64().unwrap_or_default();
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let own = [
        ("stdout", json!(text(&stdout))),
        ("stderr", json!(text(stderr))),
        ("compile_output", json!(text(&compile))),
        ("message", json!(message(run, id, number))),
        ("time", json!(format!("{:.3}", ms("cpuMs") / 1_000.0))),
        ("wall_time", json!(format!("{:.3}", ms("durationMs") / 1_000.0))),
        ("memory", json!((usage["memMB"].as_f64().unwrap_or_default() * 1_024.0).round() as u64)),
        ("exit_code", if number.is_some() { Value::Null } else { run["exitCode"].clone() }),
        ("exit_signal", json!(number)),
        ("status", status(id)),
        ("status_id", json!(id)),
        ("finished_at", json!(time::later(run["createdAt"].as_str().unwrap_or_default(), total_ms))),
        ("source_code", json!(source)),
        ("stdin", json!(input["stdin"].as_str())),
    ];
    all.extend(own.map(|(name, value)| (name.to_owned(), value)));
    all
}

fn status(id: usize) -> Value {
    json!({ "id": id, "description": STATUSES[id - 1] })
}

/// The id of the status of a run that has ended.
fn verdict(run: &Value, stdout: &str, expected: Option<&str>) -> usize {
    let of_signal = || {
        let name = run["signal"].as_str();
        SIGNALS.iter().find(|(known, ..)| Some(*known) == name).map(|(.., id)| *id)
    };
    match run["status"].as_str().unwrap_or_default() {
        "success" if expected.is_none_or(|expected| is_same(stdout, expected)) => 3,
        "success" => 4,
        "timeout" => 5,
        "compile_error" | "install_failed" => 6,
        "output" => 8,
        "error" | "killed" if run["signal"].is_string() => of_signal().unwrap_or(12),
        "error" => 11,
        "memory" | "killed" => 12,
        _ => INTERNAL_ERROR,
    }
}

/// Whether two outputs are the same but for blanks at the ends of lines and at the end.
fn is_same(one: &str, other: &str) -> bool {
    let lines = |text: &str| text.trim_end().lines().map(str::trim_end).map(str::to_owned).collect::<Vec<_>>();
    lines(one) == lines(other)
}

fn message(run: &Value, id: usize, signal: Option<u8>) -> Option<String> {
    Some(match (run["status"].as_str(), signal) {
        (Some("memory"), _) => "Memory limit exceeded".to_owned(),
        (Some("timeout"), _) => "Time limit exceeded".to_owned(),
        (Some("output"), _) => "Output limit exceeded".to_owned(),
        (Some("system" | "cancelled"), _) => {
            "The service failed, or the run was cancelled. The program is not to blame.".to_owned()
        }
        _ if !is_whole(run) => "What was submitted cannot be read again: submit it once more.".to_owned(),
        (_, Some(signal)) => format!("Caught fatal signal {signal}"),
        _ if id == 11 => format!("Exited with error status {}", run["exitCode"]),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(run: Value, expected: Option<&str>) -> usize {
        verdict(&run, run["stdout"].as_str().unwrap_or_default(), expected)
    }

    #[test]
    fn each_end_of_a_run_is_a_verdict() {
        for (status, signal, expected) in [
            ("success", None, 3),
            ("timeout", Some("SIGKILL"), 5),
            ("compile_error", None, 6),
            ("killed", Some("SIGSEGV"), 7),
            ("output", None, 8),
            ("killed", Some("SIGFPE"), 9),
            ("killed", Some("SIGABRT"), 10),
            ("error", None, 11),
            ("killed", Some("SIGTERM"), 12),
            ("memory", Some("SIGKILL"), 12),
            ("system", None, 13),
        ] {
            assert_eq!(id(json!({ "status": status, "signal": signal }), None), expected, "{status} {signal:?}");
        }
    }

    #[test]
    fn blanks_at_the_ends_of_lines_made_an_answer_wrong() {
        for (stdout, expected, is_right) in
            [("1 \n2\n\n", "1\n2", true), ("1\n2", "1\n\n2", false), (" 1", "1", false), ("", "", true)]
        {
            let found = id(json!({ "status": "success", "stdout": stdout }), Some(expected));
            assert_eq!(found == 3, is_right, "{stdout:?} {expected:?}");
        }
    }

    #[test]
    fn a_client_gets_the_fields_that_it_names() {
        let mut run = json!({ "id": "a", "status": "success", "exitCode": 0, "stdout": "4", "createdAt": "2026-01-01T00:00:00.000Z" });
        let wanted = Wanted { fields: Some(vec!["stdout".into(), "token".into(), "stderr".into()]), is_base64: true };
        assert_eq!(tell(&run, &wanted), json!({ "stdout": "NA==", "token": "a", "stderr": null }));
        // What is expected is not known, so no answer is right.
        assert_eq!(tell(&run, &Wanted { fields: None, is_base64: false })["status"]["id"], 13);
        run["input"] = json!({ "submission": { "expected_output": "4" } });
        assert_eq!(tell(&run, &Wanted { fields: None, is_base64: false })["status"]["id"], 3);
        let waiting = json!({ "id": "a", "status": "queued", "createdAt": "2026-01-01T00:00:00.000Z" });
        assert_eq!(tell(&waiting, &Wanted { fields: None, is_base64: false })["status"]["id"], 1);
        assert_eq!(unknown_field(&["time".into(), "x".into()]).map(String::as_str), Some("x"));
    }
}
