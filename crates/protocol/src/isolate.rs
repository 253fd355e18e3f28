//! The requests and responses of the isolate Worker, which runs JavaScript and TypeScript.
//!
//! A script that fails is a report with HTTP 200. The body of any other status is a [`crate::Refusal`].

use crate::report::{RunStatus, Truncated};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// `POST` an [`IsolateJob`]; the response is an [`IsolateReport`].
pub const EXECUTIONS_PATH: &str = "/v1/executions";
/// `POST` a [`Script`]; the response is [`Diagnostics`].
pub const VALIDATIONS_PATH: &str = "/v1/validations";
/// `GET`; the response is [`IsolateLanguages`].
pub const LANGUAGES_PATH: &str = "/v1/languages";

/// Bytes of code: 100 KB, the limit of the product.
pub const MAX_CODE_BYTES: usize = 102_400;
/// Bytes of `context` as JSON. The environment of an isolate holds 1 MiB at most; a quarter is enough for arguments.
pub const MAX_CONTEXT_BYTES: usize = 262_144;
/// Wall-clock limit of an execution, in milliseconds.
pub const TIMEOUT_MS: RangeInclusive<u32> = 10..=60_000;
/// Used when a request names no `config.timeout`; the product's default.
pub const DEFAULT_TIMEOUT_MS: u32 = 30_000;
/// Entries in each list of `allowedDomains`.
pub const MAX_ALLOWED_DOMAINS: usize = 100;
/// Bytes of a result as JSON.
pub const MAX_RESULT_BYTES: usize = 1_048_576;
/// Log entries in a report. Later entries are dropped.
pub const MAX_LOG_ENTRIES: usize = 1_000;
/// Bytes of all log messages in a report.
pub const MAX_LOG_BYTES: usize = 1_048_576;

/// The language of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScriptLanguage {
    JavaScript,
    TypeScript,
}

impl ScriptLanguage {
    /// Every language of isolates, in the order of the API's list.
    pub const ALL: [Self; 2] = [Self::JavaScript, Self::TypeScript];

    /// The name on the wire and in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
        }
    }
}

/// A runtime API. A script can call it only if the job lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuntimeApi {
    /// Captured log lines.
    Console,
    /// HTTP requests to allowed hosts.
    Api,
    /// Queries of the project's database.
    Db,
    /// Inference with AI models.
    Ai,
}

impl RuntimeApi {
    /// Every runtime API, in the order of the API's list.
    pub const ALL: [Self; 4] = [Self::Console, Self::Api, Self::Db, Self::Ai];

    /// The name on the wire, in requests and in scripts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Api => "api",
            Self::Db => "db",
            Self::Ai => "ai",
        }
    }
}

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
    pub usage: IsolateUsage,
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

/// The resources that an execution used. The platform reports neither the CPU time nor the memory of one isolate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IsolateUsage {
    pub cpu_ms: Option<f64>,
    #[serde(rename = "memMB")]
    pub mem_mb: Option<f64>,
    pub duration_ms: f64,
    pub queue_ms: f64,
    pub install_ms: f64,
    /// Calls of `api()` that the allow-lists or the address rules blocked.
    pub blocked_connections: u32,
}

/// One call of a console method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    pub level: LogLevel,
    pub message: String,
    /// Time since the start of the script, in milliseconds.
    pub time_ms: f64,
}

/// The level of a log entry: the console method that printed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Debug,
    Log,
    Info,
    Warn,
    Error,
}

/// The error that ended a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScriptError {
    /// The error's class, such as `TypeError`; `TimeoutError`, `MemoryError`, `ResultError`, `ValidationError` and
    /// `SystemError` come from the service.
    pub name: String,
    pub message: String,
    /// The stack with positions in the author's text, `code.js` or `code.ts`.
    pub stack: Option<String>,
    /// The position in the author's text, counted from 1; columns in UTF-16 units.
    pub line: Option<u32>,
    pub column: Option<u32>,
}

/// The errors of a script, in the order of its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostics {
    pub errors: Vec<Diagnostic>,
}

/// One error of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// `syntax`, `too-large`, or the name of what scripts do not have: `require`, `import`, `eval`, `Function`, `process`,
    /// `__dirname`, `__filename`.
    pub rule: String,
    /// A sentence that says what to do.
    pub message: String,
    /// Counted from 1; columns in UTF-16 units.
    pub line: u32,
    pub column: u32,
    /// The end of the error: the column after its last character.
    pub end_line: u32,
    pub end_column: u32,
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
            script: Script { code: "return 1".into(), language: ScriptLanguage::TypeScript },
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
            usage: IsolateUsage { duration_ms: 1.5, blocked_connections: 1, ..IsolateUsage::default() },
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

    #[test]
    fn names_are_those_of_the_wire() {
        for language in ScriptLanguage::ALL {
            assert_eq!(serde_json::to_value(language).unwrap(), json!(language.name()));
        }
        for api in RuntimeApi::ALL {
            assert_eq!(serde_json::to_value(api).unwrap(), json!(api.name()));
        }
    }
}
