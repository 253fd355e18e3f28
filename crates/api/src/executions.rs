//! Executions: the scripts that a project has run.

use crate::scripts::{RuntimeApi, ScriptResult};
use crate::time::Time;
use docle_languages::ScriptLanguage;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A script's result that is read again, with its input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Execution {
    #[serde(flatten)]
    pub result: ScriptResult,
    /// What was run, with every default filled in.
    pub input: ScriptInput,
}

/// A script that was run, with every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ScriptInput<C = Value> {
    /// The tier: `isolate`.
    pub tier: String,
    /// The code of the script.
    pub code: String,
    /// The language of the script.
    pub language: ScriptLanguage,
    /// What the script saw as `context`.
    pub context: C,
    /// What the script was allowed to use.
    pub config: UsedConfig,
    /// Whether the code and the context were too large to keep.
    pub truncated: bool,
}

/// What a script was allowed to use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsedConfig {
    /// Wall clock of the script, in milliseconds.
    pub timeout: u32,
    /// The runtime APIs that the script had.
    #[serde(rename = "allowedAPIs")]
    pub allowed_apis: Vec<RuntimeApi>,
    /// Hosts that the request named for `api()`; null where it left them to the project.
    pub allowed_domains: Option<Vec<String>>,
}

/// A script in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ListedExecution {
    /// The id of the execution.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    pub id: String,
    /// The language of the script.
    pub language: String,
    /// Why the script ended.
    #[cfg_attr(feature = "schema", schemars(with = "crate::runs::RunStatus"))]
    pub status: String,
    /// Whether `status` is `success`.
    pub success: bool,
    /// Wall clock of the script, in whole milliseconds.
    pub execution_time: i64,
    /// The first 200 characters of the code.
    pub snippet: String,
    /// When the script was asked for.
    pub created_at: Time,
}

/// A page of a project's scripts, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ExecutionPage {
    /// The scripts.
    pub executions: Vec<ListedExecution>,
    /// The `cursor` of the next page; null on the last one.
    pub next_cursor: Option<String>,
}
