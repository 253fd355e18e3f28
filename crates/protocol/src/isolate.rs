//! The requests and responses of the isolate Worker, which runs JavaScript and TypeScript.
//!
//! A script that fails is a report with HTTP 200. The body of any other status is a [`crate::Refusal`].

use crate::report::{RunStatus, Truncated};
pub use docle_api::limits::{
    DEFAULT_SCRIPT_TIMEOUT_MS as DEFAULT_TIMEOUT_MS, MAX_CODE_BYTES, MAX_CONTEXT_BYTES,
    MAX_SCRIPT_DOMAINS as MAX_ALLOWED_DOMAINS, SCRIPT_TIMEOUT_MS as TIMEOUT_MS,
};
pub use docle_api::scripts::{AiUsage, Diagnostic, LogEntry, LogLevel, RuntimeApi, ScriptError, ScriptUsage};
pub use docle_languages::{Dialect, ScriptLanguage};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// `POST` an [`IsolateJob`]; the response is an [`IsolateReport`].
pub const EXECUTIONS_PATH: &str = "/v1/executions";
/// `POST` a [`Script`]; the response is [`Diagnostics`].
pub const VALIDATIONS_PATH: &str = "/v1/validations";
/// `GET`; the response is [`IsolateLanguages`].
pub const LANGUAGES_PATH: &str = "/v1/languages";

/// Bytes of a result as JSON.
pub const MAX_RESULT_BYTES: usize = 1_048_576;
/// Log entries in a report. Later entries are dropped.
pub const MAX_LOG_ENTRIES: usize = 1_000;
/// Bytes of all log messages in a report.
pub const MAX_LOG_BYTES: usize = 1_048_576;

/// The code of a script and its language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Script {
    /// The body of an asynchronous function: it may `return` and `await`. At most [`MAX_CODE_BYTES`].
    pub code: String,
    pub language: ScriptLanguage,
}

/// One script to run once, validated, with all defaults filled in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IsolateJob {
    /// The run's id, a UUIDv4 in its 36-character form.
    pub id: String,
    /// The project of the script. The deployment grants its databases to projects by this id.
    pub project_id: String,
    pub script: Script,
    /// Any JSON, at most [`MAX_CONTEXT_BYTES`]; the script sees it as `context`.
    pub context: Box<RawValue>,
    /// Within [`TIMEOUT_MS`].
    pub timeout_ms: u32,
    pub apis: Vec<RuntimeApi>,
    /// Lists of hosts (`api.example.com`, `*.example.com`). `api()` reaches a host if every list covers it. Without a list it
    /// reaches no host.
    pub allowed_domains: Vec<Vec<String>>,
    /// The name of the database that the project has configured.
    pub database: Option<String>,
}

/// The report of an execution: the fields of a run's report and those of a script.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IsolateReport {
    /// One of `success`, `error`, `timeout`, `memory`, `output`, `system`.
    pub status: RunStatus,
    /// 0 for a success, 124 for a timeout, 137 for memory, otherwise 1.
    pub exit_code: i32,
    /// Always `null`.
    pub signal: Option<String>,
    /// The log messages of the levels `debug`, `log` and `info`, one per line.
    pub stdout: String,
    /// The log messages of the levels `warn` and `error`, and then the error that ended the script, as Node prints it.
    pub stderr: String,
    /// Whether log entries of those levels were dropped.
    pub truncated: Truncated,
    pub usage: ScriptUsage,
    /// The script returned a value that has a JSON form.
    pub success: bool,
    /// The returned value as `JSON.stringify` writes it; `null` for `undefined` and after an error.
    pub result: Box<RawValue>,
    pub logs: Vec<LogEntry>,
    pub error: Option<ScriptError>,
    /// Wall-clock time from loading the isolate to the end of its response, in milliseconds with two decimals; the same as
    /// `usage.durationMs`.
    pub execution_time: f64,
}

/// The errors of a script, in the order of its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostics {
    pub errors: Vec<Diagnostic>,
}

/// Language → component → version, as the isolate Worker reports them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IsolateLanguages {
    pub languages: BTreeMap<String, BTreeMap<String, String>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, value::to_raw_value};

    #[test]
    fn isolate_job_format_unchanged() {
        let job = IsolateJob {
            id: "550e8400-e29b-41d4-a716-446655440000".into(),
            project_id: "proj_1".into(),
            script: Script { code: "return 1".into(), language: ScriptLanguage::named("typescript") },
            context: to_raw_value(&json!({ "user": "john" })).unwrap(),
            timeout_ms: 30_000,
            apis: RuntimeApi::ALL.to_vec(),
            allowed_domains: vec![vec!["*.example.com".into()]],
            database: Some("wiki".into()),
        };
        let wire = json!({
            "id": "550e8400-e29b-41d4-a716-446655440000",
            "projectId": "proj_1",
            "script": { "code": "return 1", "language": "typescript" },
            "context": { "user": "john" },
            "timeoutMs": 30_000,
            "apis": ["console", "api", "db", "ai"],
            "allowedDomains": [["*.example.com"]],
            "database": "wiki",
        });
        assert_eq!(serde_json::to_value(&job).unwrap(), wire);
        let read: IsolateJob = serde_json::from_str(&wire.to_string()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), wire);
    }

    #[test]
    fn isolate_report_format_unchanged() {
        let report = IsolateReport {
            status: RunStatus::Error,
            exit_code: 1,
            signal: None,
            stdout: "a\n".into(),
            stderr: "TypeError: b\n".into(),
            truncated: Truncated::default(),
            usage: ScriptUsage { duration_ms: 1.5, blocked_connections: 1, ..ScriptUsage::default() },
            success: false,
            result: to_raw_value(&json!(null)).unwrap(),
            logs: vec![LogEntry { level: LogLevel::Log, message: "a".into(), time_ms: 0.5 }],
            error: Some(ScriptError {
                name: "TypeError".into(),
                message: "b".into(),
                stack: Some("TypeError: b\n    at code.js:1:7".into()),
                line: Some(1),
                column: Some(7),
            }),
            execution_time: 1.5,
        };
        let wire = json!({
            "status": "error",
            "exitCode": 1,
            "signal": null,
            "stdout": "a\n",
            "stderr": "TypeError: b\n",
            "truncated": { "stdout": false, "stderr": false },
            "usage": { "cpuMs": null, "memMB": null, "durationMs": 1.5, "queueMs": 0.0, "installMs": 0.0, "blockedConnections": 1 },
            "success": false,
            "result": null,
            "logs": [{ "level": "log", "message": "a", "timeMs": 0.5 }],
            "error": { "name": "TypeError", "message": "b", "stack": "TypeError: b\n    at code.js:1:7", "line": 1, "column": 7 },
            "executionTime": 1.5,
        });
        assert_eq!(serde_json::to_value(&report).unwrap(), wire);
    }

    #[test]
    fn diagnostics_format_unchanged() {
        let diagnostics = Diagnostics {
            errors: vec![Diagnostic {
                rule: "require".into(),
                message: "m".into(),
                line: 1,
                column: 2,
                end_line: 1,
                end_column: 9,
            }],
        };
        let wire = json!({
            "errors": [{ "rule": "require", "message": "m", "line": 1, "column": 2, "endLine": 1, "endColumn": 9 }],
        });
        assert_eq!(serde_json::to_value(&diagnostics).unwrap(), wire);
        assert_eq!(serde_json::from_value::<Diagnostics>(wire).unwrap(), diagnostics);
    }
}
