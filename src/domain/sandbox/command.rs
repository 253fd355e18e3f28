//! What may be executed in a sandbox.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::Reader;
use crate::domain::run::request::{read_env, wrong_c_string};
use crate::domain::sandbox::{file, session};
use docle_api::fields;
use docle_api::limits::*;
use docle_api::sandbox_commands::{ExecRequest, ExecStatus, ExecuteRequest};
use docle_protocol::sandbox::session::ExecSession;
use docle_protocol::sandbox::{ExecCommand, ExecEnd, ExecJob, ExecReport};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where commands and relative paths begin.
pub const WORKSPACE: &str = "/workspace";

/// A file to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRun {
    pub file_path: String,
    pub timeout_ms: u32,
    pub args: Vec<String>,
    pub stdin: String,
}

/// Reads the body that executes a command.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_exec(body: Value, id: String, max_timeout_ms: u32) -> Result<ExecJob, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<ExecRequest>();
    let job = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| {
        let command = read_command(&mut fields);
        let session = session::read_id(&mut fields, "session");
        // In a session, no directory is that of the session.
        let directory = if session.is_some() { "" } else { WORKSPACE };
        let (env, stdin) =
            (read_env(&mut fields, bytes_of(command.as_ref())), fields.string("stdin").unwrap_or_default());
        if session.is_some() {
            note_what_no_shell_has(&mut fields, &env, &stdin);
        }
        let job = ExecJob {
            id,
            cwd: file::read_path(&mut fields, "cwd").unwrap_or_else(|| directory.to_owned()),
            env,
            stdin,
            session: session.map(|id| ExecSession { id, cwd: String::new(), env: BTreeMap::new(), is_used: false }),
            timeout_ms: fields
                .integer("timeoutMs", &(*TIMEOUT_MS.start()..=max_timeout_ms))
                .unwrap_or(DEFAULT_EXEC_TIMEOUT_MS.min(max_timeout_ms)),
            max_output_bytes: fields.integer("maxOutputBytes", &MAX_OUTPUT_BYTES).unwrap_or(DEFAULT_MAX_OUTPUT_BYTES),
            command: command?,
        };
        Some(job)
    });
    problems.conclude(job)
}

/// Reads the body that runs a file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_execute(body: Value, max_timeout_ms: u32) -> Result<FileRun, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<ExecuteRequest>();
    let run = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| {
        let file_path = file::required_path(&mut fields, "file_path");
        let seconds = *EXECUTE_SECONDS.start()..=(max_timeout_ms / 1_000).max(1);
        let timeout = fields.integer("timeout", &seconds).unwrap_or(DEFAULT_EXECUTE_SECONDS.min(*seconds.end()));
        let args = read_words(&mut fields, "args");
        let stdin = fields.string("stdin").unwrap_or_default();
        Some(FileRun { file_path: file_path?, timeout_ms: timeout * 1_000, args, stdin })
    });
    problems.conclude(run)
}

/// The command as people read it.
pub fn written(command: &ExecCommand) -> String {
    match command {
        ExecCommand::Shell(line) => line.clone(),
        ExecCommand::Argv(argv) => argv.join(" "),
    }
}

/// What ended a command, as responses say it.
pub fn exec_status(report: &ExecReport) -> ExecStatus {
    match report.end {
        ExecEnd::Exited if report.exit_code == 0 => ExecStatus::Success,
        ExecEnd::Exited => ExecStatus::Error,
        ExecEnd::Timeout => ExecStatus::Timeout,
        ExecEnd::Memory => ExecStatus::Memory,
        ExecEnd::Killed => ExecStatus::Killed,
        ExecEnd::System => ExecStatus::System,
    }
}

fn note_what_no_shell_has(fields: &mut Reader<'_>, env: &BTreeMap<String, String>, stdin: &str) {
    if let Some(name) = env.keys().find(|name| !session::is_variable(name)) {
        fields.note(&format!("env.{name}"), "is no variable of a shell: use letters, digits and _, or no session");
    }
    if stdin.contains('\0') {
        fields.note("stdin", "must not contain NUL in a session");
    }
}

/// The bytes of the words of a command.
pub(super) fn bytes_of(command: Option<&ExecCommand>) -> usize {
    match command {
        Some(ExecCommand::Argv(argv)) => argv.iter().map(String::len).sum(),
        Some(ExecCommand::Shell(line)) => line.len(),
        None => 0,
    }
}

/// Reads `command` or `argv`.
pub(super) fn read_command(fields: &mut Reader<'_>) -> Option<ExecCommand> {
    let (has_command, has_argv) = (fields.has("command"), fields.has("argv"));
    match (has_command, has_argv) {
        (true, true) => fields.note("argv", "must not be sent together with command: send one of the two"),
        (false, false) => {
            fields.note("command", "is required: a line for bash -c; or send argv, a program and its arguments");
        }
        _ => {}
    }
    let line = fields.string("command");
    let argv = has_argv.then(|| read_words(fields, "argv"));
    if let Some(argv) = argv {
        match argv.first().map(String::as_str) {
            None | Some("") => fields.note("argv", "must begin with a program"),
            Some(_) => {}
        }
        return (!has_command).then_some(ExecCommand::Argv(argv));
    }
    let line = line?;
    if line.trim().is_empty() {
        fields.note("command", "must not be empty");
    } else if let Some(clause) = wrong_c_string(&line, line.len()) {
        fields.note("command", clause);
    }
    Some(ExecCommand::Shell(line))
}

/// A list of words for a command line.
fn read_words(fields: &mut Reader<'_>, name: &str) -> Vec<String> {
    let words = fields.strings(name, MAX_ARGS).unwrap_or_default();
    for (index, word) in words.iter().enumerate() {
        if let Some(clause) = wrong_c_string(word, word.len()) {
            fields.note(&format!("{name}[{index}]"), clause);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn exec(body: Value) -> Result<ExecJob, Vec<FieldError>> {
        parse_exec(body, "e".into(), 300_000)
    }

    #[test]
    fn a_line_and_a_program_are_told_apart() {
        let job = exec(json!({ "command": "ls | wc" })).unwrap();
        assert_eq!(job.command, ExecCommand::Shell("ls | wc".into()));
        assert_eq!((job.cwd.as_str(), job.timeout_ms), ("/workspace", 30_000));
        let job = exec(json!({ "argv": ["ls", "-l"], "env": { "A": null, "B": "1" } })).unwrap();
        assert_eq!(written(&job.command), "ls -l");
        assert_eq!(job.env.len(), 1, "a variable that is null is not set");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, field) in [
            (json!({}), "command"),
            (json!({ "command": " " }), "command"),
            (json!({ "command": "a\u{0}" }), "command"),
            (json!({ "command": "ls", "argv": ["ls"] }), "argv"),
            (json!({ "argv": [] }), "argv"),
            (json!({ "argv": ["ls", 1] }), "argv[1]"),
            (json!({ "command": "ls", "timeoutMs": 300_001 }), "timeoutMs"),
            (json!({ "command": "ls", "cwd": "" }), "cwd"),
            (json!({ "command": "ls", "user": "root" }), "user"),
        ] {
            assert_eq!(exec(body.clone()).unwrap_err()[0].field, field, "{body}");
        }
    }

    #[test]
    fn a_deployment_may_lower_the_highest_time_limit() {
        assert_eq!(parse_exec(json!({ "command": "ls" }), "e".into(), 1_000).unwrap().timeout_ms, 1_000);
        assert_eq!(parse_execute(json!({ "file_path": "a.py" }), 5_000).unwrap().timeout_ms, 5_000);
        assert_eq!(parse_execute(json!({ "file_path": "a.py", "timeout": 6 }), 5_000).unwrap_err()[0].field, "timeout");
    }
}
