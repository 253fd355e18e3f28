//! Scripts: JavaScript or TypeScript to run once in an isolate, and how it ended.

use crate::end_users::UserContext;
use crate::runs::{RunStatus, Truncated};
use crate::time::Time;
use docle_languages::ScriptLanguage;
use serde::{Deserialize, Serialize};
use serde_json::Value;
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// A script to run in an isolate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScriptRequest {
    /// The body of an asynchronous function: it may `return` and `await`.
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_CODE_BYTES)))]
    pub code: String,
    /// The language of the script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = ScriptLanguage::default_one().name())))]
    pub language: Option<ScriptLanguage>,
    /// Any JSON. The script sees it as `context`. It has at most 262,144 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = {})))]
    pub context: Option<Value>,
    /// What the script may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ScriptConfig>,
    /// The user for whom the caller runs the script. It is kept with the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_context: Option<UserContext>,
}

/// What a script may use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScriptConfig {
    /// Wall clock of the script, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = *SCRIPT_TIMEOUT_MS.start(), max = *SCRIPT_TIMEOUT_MS.end()),
            extend("default" = DEFAULT_SCRIPT_TIMEOUT_MS)
        )
    )]
    pub timeout: Option<u32>,
    /// The runtime APIs that the script has; all where the field is absent.
    #[serde(rename = "allowedAPIs", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = RuntimeApi::ALL.len())))]
    pub allowed_apis: Option<Vec<RuntimeApi>>,
    /// Hosts that `api()` may reach: `api.example.com`, or `*.example.com` for its subdomains. The project's own list
    /// holds, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_SCRIPT_DOMAINS), extend("examples" = [["api.example.com"]])))]
    pub allowed_domains: Option<Vec<String>>,
}

/// A script to run in an isolate, in the words of runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IsolateRunRequest {
    /// Runs the code as a script in an isolate.
    pub tier: IsolateTier,
    /// The body of an asynchronous function: it may `return` and `await`.
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_CODE_BYTES)))]
    pub code: String,
    /// The language of the script.
    pub lang: ScriptLanguage,
    /// Any JSON. The script sees it as `context`. It has at most 262,144 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = {})))]
    pub context: Option<Value>,
    /// What the script may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<IsolatePolicy>,
    /// The runtime APIs that the script has; all where the field is absent.
    #[serde(rename = "allowedAPIs", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = RuntimeApi::ALL.len())))]
    pub allowed_apis: Option<Vec<RuntimeApi>>,
    /// The user for whom the caller runs the script. It is kept with the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_context: Option<UserContext>,
}

/// The tier of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum IsolateTier {
    Isolate,
}

/// What a script may use, in the words of runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IsolatePolicy {
    /// Wall clock of the script, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = *SCRIPT_TIMEOUT_MS.start(), max = *SCRIPT_TIMEOUT_MS.end()),
            extend("default" = DEFAULT_SCRIPT_TIMEOUT_MS)
        )
    )]
    pub timeout_ms: Option<u32>,
    /// Whether `api()` may reach the hosts in `allowedHosts`. `false` lets it reach none, whatever that list says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_network: Option<bool>,
    /// Hosts that `api()` may reach: `api.example.com`, or `*.example.com` for its subdomains. Required where
    /// `allowNetwork` is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_SCRIPT_DOMAINS), extend("examples" = [["api.example.com"]])))]
    pub allowed_hosts: Option<Vec<String>>,
}

/// A runtime API, which a script has only where its request lets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum RuntimeApi {
    /// Captured log lines.
    Console,
    /// HTTP requests to allowed hosts.
    Api,
    /// Reading the project's database.
    Db,
    /// Models.
    Ai,
}

impl RuntimeApi {
    /// Every runtime API, in the order in which they are listed to users.
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

/// A script to check without running it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The body of an asynchronous function. More than 102,400 bytes are a finding.
    pub code: String,
    /// The language of the script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = ScriptLanguage::default_one().name())))]
    pub language: Option<ScriptLanguage>,
}

/// What is wrong with a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Validation {
    /// Whether nothing is.
    pub valid: bool,
    /// The findings, in the order of the text.
    pub errors: Vec<Diagnostic>,
}

/// One thing that is wrong with a script. Columns count UTF-16 units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// `syntax`, `too-large`, or what is not there for scripts: `require`, `import`, `eval`, `Function`, `process`,
    /// `__dirname`, `__filename`.
    #[cfg_attr(feature = "schema", schemars(example = &"require"))]
    pub rule: String,
    /// A sentence, with the way out.
    pub message: String,
    /// The line in which it begins, counted from 1.
    pub line: u32,
    /// The column in which it begins, counted from 1.
    pub column: u32,
    /// The line in which it ends.
    pub end_line: u32,
    /// The column after its last character.
    pub end_column: u32,
}

/// How a script ended: the fields of a run's result, and those that only a script has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ScriptResult {
    /// The id of the execution, with which its result is read again.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    pub id: String,
    /// Whether `status` is `success`.
    pub ok: bool,
    /// Whether the script returned, and what it returned could be handed over.
    pub success: bool,
    /// Why the script ended: `success`, `error`, `timeout`, `memory`, `output` or `system`.
    pub status: RunStatus,
    /// What the script returned, as `JSON.stringify` gives it; null for `undefined` and after an error.
    pub result: Value,
    /// What the script logged, in order.
    pub logs: Vec<LogEntry>,
    /// What ended the script, where something did.
    pub error: Option<ScriptError>,
    /// Wall clock of the script in milliseconds; the same as `usage.durationMs`.
    pub execution_time: f64,
    /// 0 after a success, 124 after a timeout, 137 where memory was short, else 1.
    pub exit_code: i32,
    /// Always null.
    pub signal: Option<String>,
    /// What was logged at the levels `debug`, `log` and `info`, a line each.
    pub stdout: String,
    /// What was logged at the levels `warn` and `error`, and then the error that ended the script.
    pub stderr: String,
    /// Whether log entries of those levels were left out.
    pub truncated: Truncated,
    /// What the script used.
    pub usage: ScriptUsage,
    /// When the script was asked for.
    pub created_at: Time,
}

/// One call of a console method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// The console method, of those that print.
    pub level: LogLevel,
    /// The text, as Node would print it.
    pub message: String,
    /// Milliseconds since the script's start.
    pub time_ms: f64,
}

/// The level of a log entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Debug,
    Log,
    Info,
    Warn,
    Error,
}

/// What ended a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ScriptError {
    /// The error's class, such as `TypeError`. `TimeoutError`, `MemoryError`, `ResultError`, `ValidationError` and
    /// `SystemError` are the service's own.
    #[cfg_attr(feature = "schema", schemars(example = &"TypeError"))]
    pub name: String,
    /// The error's message.
    pub message: String,
    /// The stack, with the author's own lines and columns, in `code.js` or `code.ts`.
    pub stack: Option<String>,
    /// The line in the author's text, counted from 1.
    pub line: Option<u32>,
    /// The column in that line, counted from 1 in UTF-16 units.
    pub column: Option<u32>,
}

/// What a script used. The platform tells neither the processor time nor the memory of one isolate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ScriptUsage {
    /// Processor time in milliseconds; null where it is unknown.
    pub cpu_ms: Option<f64>,
    /// Memory in MiB; null where it is unknown.
    #[serde(rename = "memMB")]
    pub mem_mb: Option<f64>,
    /// Wall clock in milliseconds.
    pub duration_ms: f64,
    /// Milliseconds spent waiting for a slot.
    pub queue_ms: f64,
    /// Always 0: scripts have no packages.
    pub install_ms: f64,
    /// Calls of `api()` that the allow-lists or the address rules refused.
    pub blocked_connections: u32,
    /// What the script used of models; absent if it called none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ai: Option<AiUsage>,
}

/// What a script used of models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AiUsage {
    /// Calls of `ai()` that reached a model.
    pub calls: u32,
    /// Tokens of all inputs, as the models report them, or else estimated.
    pub input_tokens: u32,
    /// Tokens of all responses, as the models report them, or else estimated.
    pub output_tokens: u32,
    /// The price, in neurons of Cloudflare, estimated from its price list.
    pub neurons: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtime_apis_are_named_as_they_are_written() {
        for api in RuntimeApi::ALL {
            assert_eq!(serde_json::to_value(api).unwrap(), api.name());
        }
    }
}
