//! What may be asked of the processes of a sandbox.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::Reader;
use crate::domain::run::request::read_env;
use crate::domain::sandbox::command::{bytes_of, read_command};
use crate::domain::sandbox::file;
use docle_api::fields;
use docle_api::limits::*;
use docle_api::sandbox_processes::{ProcessInput, ProcessSignal, ProcessStart, ProcessStatus, ProcessWait, SIGNALS};
use docle_protocol::sandbox::ExecEnd;
use docle_protocol::sandbox::process::{ProcessEnd, ProcessJob, WaitCondition};
use serde_json::Value;

/// Text for standard input, and whether it ends there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    pub data: String,
    pub close: bool,
}

/// Reads the body that starts a process.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_start(body: Value, id: String) -> Result<ProcessJob, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<ProcessStart>();
    let job = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| {
        let command = read_command(&mut fields);
        let env = read_env(&mut fields, bytes_of(command.as_ref()));
        let name = fields.string("name");
        if name.as_ref().is_some_and(|name| name.is_empty() || name.chars().count() > MAX_PROCESS_NAME_CHARS) {
            fields.note("name", format!("must have 1 to {MAX_PROCESS_NAME_CHARS} characters"));
        }
        Some(ProcessJob {
            id,
            name,
            cwd: file::read_path(&mut fields, "cwd").unwrap_or_default(),
            env,
            stdin: fields.boolean("stdin").unwrap_or(false),
            timeout_ms: fields.integer("timeoutMs", &PROCESS_TIMEOUT_MS),
            command: command?,
        })
    });
    problems.conclude(job)
}

/// Reads the body that writes to standard input.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_input(body: Value) -> Result<Input, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<ProcessInput>();
    let input = Reader::open(body, String::new(), known, &mut problems).map(|mut fields| {
        let data = fields.string("data").unwrap_or_default();
        let close = fields.boolean("close").unwrap_or(false);
        if data.len() > MAX_STDIN_BYTES {
            fields.note("data", format!("must have at most {MAX_STDIN_BYTES} bytes: send the rest in further calls"));
        } else if data.is_empty() && !close {
            fields.note("data", "is required, unless close is true");
        }
        Input { data, close }
    });
    problems.conclude(input)
}

/// Reads the body that sends a signal, whose number is returned. The name may lack its `SIG`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_signal(body: Value) -> Result<i32, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<ProcessSignal>();
    let signal = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| {
        let is_sent = fields.has("signal");
        let name = fields.string("signal");
        let upper = name.as_deref().unwrap_or_default().to_ascii_uppercase();
        let found = SIGNALS.iter().find(|(name, _)| *name == upper || name.strip_prefix("SIG") == Some(&upper));
        if found.is_none() && (name.is_some() || !is_sent) {
            let names: Vec<_> = SIGNALS.iter().map(|(name, _)| *name).collect();
            fields.note("signal", format!("must be one of {}", names.join(", ")));
        }
        found.map(|(_, number)| *number)
    });
    problems.conclude(signal)
}

/// Reads the body that waits: what for, and how long in milliseconds.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_wait(body: Value) -> Result<(WaitCondition, u32), Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<ProcessWait>();
    let wait = Reader::open(body, String::new(), known, &mut problems).map(|mut fields| {
        let sent: Vec<_> = ["log", "regex", "port"].into_iter().filter(|name| fields.has(name)).collect();
        if let [_, second, ..] = sent[..] {
            fields.note(second, "must not be sent together with another condition: send one of log, regex and port");
        }
        let pattern = |fields: &mut Reader<'_>, name: &str| {
            let text = fields.string(name)?;
            if text.is_empty() || text.len() > MAX_LOG_PATTERN_BYTES {
                fields.note(name, format!("must have 1 to {MAX_LOG_PATTERN_BYTES} bytes"));
            }
            Some(text)
        };
        let (log, regex) = (pattern(&mut fields, "log"), pattern(&mut fields, "regex"));
        let port = fields.integer("port", &(1..=u16::MAX.into())).and_then(|port| u16::try_from(port).ok());
        let timeout_ms = fields.integer("timeoutMs", &WAIT_TIMEOUT_MS).unwrap_or(DEFAULT_WAIT_TIMEOUT_MS);
        let condition = match (log, regex, port) {
            (Some(pattern), ..) => WaitCondition::Log { pattern, regex: false },
            (_, Some(pattern), _) => WaitCondition::Log { pattern, regex: true },
            (.., Some(port)) => WaitCondition::Port { port },
            (None, None, None) => WaitCondition::Exit,
        };
        (condition, timeout_ms)
    });
    problems.conclude(wait)
}

/// What a process does, as responses say it.
pub fn status(ended: Option<&ProcessEnd>) -> ProcessStatus {
    match ended {
        None => ProcessStatus::Running,
        Some(ProcessEnd { end: ExecEnd::Memory | ExecEnd::System, .. }) => ProcessStatus::Failed,
        Some(ProcessEnd { end: ExecEnd::Killed | ExecEnd::Timeout, .. } | ProcessEnd { signal: Some(_), .. }) => {
            ProcessStatus::Killed
        }
        Some(ProcessEnd { end: ExecEnd::Exited, signal: None, .. }) => ProcessStatus::Exited,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use docle_protocol::sandbox::ExecCommand;
    use serde_json::json;

    #[test]
    fn a_process_needs_no_more_than_a_command() {
        let job = parse_start(json!({ "command": "npm start" }), "p".into()).unwrap();
        assert_eq!(job.command, ExecCommand::Shell("npm start".into()));
        assert_eq!((job.cwd.as_str(), job.stdin, job.timeout_ms, job.name), ("", false, None, None));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let start = |body| parse_start(body, "p".into()).map(drop);
        let input = |body| parse_input(body).map(drop);
        let signal = |body| parse_signal(body).map(drop);
        let wait = |body| parse_wait(body).map(drop);
        for (result, field) in [
            (start(json!({})), "command"),
            (start(json!({ "command": "a", "name": "" })), "name"),
            (start(json!({ "command": "a", "timeoutMs": 1 })), "timeoutMs"),
            (start(json!({ "command": "a", "tty": true })), "tty"),
            (input(json!({})), "data"),
            (input(json!({ "data": "x".repeat(MAX_STDIN_BYTES + 1) })), "data"),
            (signal(json!({})), "signal"),
            (signal(json!({ "signal": "SIGNONE" })), "signal"),
            (signal(json!({ "signal": 9 })), "signal"),
            (wait(json!({ "log": "a", "port": 80 })), "port"),
            (wait(json!({ "log": "" })), "log"),
            (wait(json!({ "port": 0 })), "port"),
            (wait(json!({ "timeoutMs": 300_001 })), "timeoutMs"),
        ] {
            assert_eq!(result.unwrap_err()[0].field, field);
        }
    }

    #[test]
    fn signals_have_their_names_with_or_without_the_prefix() {
        for name in ["SIGTERM", "TERM", "sigterm"] {
            assert_eq!(parse_signal(json!({ "signal": name })), Ok(15));
        }
    }

    #[test]
    fn the_status_says_what_ended_a_process() {
        let ended = |end, signal: Option<&str>| {
            let signal = signal.map(str::to_owned);
            status(Some(&ProcessEnd { end, exit_code: 1, signal, ended_ms: 0, cpu_ms: 0.0, mem_mb: 0.0 }))
        };
        assert_eq!(status(None), ProcessStatus::Running);
        assert_eq!(ended(ExecEnd::Exited, None), ProcessStatus::Exited);
        assert_eq!(ended(ExecEnd::Exited, Some("SIGSEGV")), ProcessStatus::Killed);
        assert_eq!(ended(ExecEnd::Killed, None), ProcessStatus::Killed);
        assert_eq!(ended(ExecEnd::Timeout, None), ProcessStatus::Killed);
        assert_eq!(ended(ExecEnd::Memory, Some("SIGKILL")), ProcessStatus::Failed);
    }
}
