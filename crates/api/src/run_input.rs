//! What is kept of the request of a run.

use crate::compile::UsedCompile;
use crate::repositories::UsedRepository;
use crate::source_file::SourceFile;
use crate::terminals::TerminalSize;
use docle_languages::RunLanguage;
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// What was run, with every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RunInput {
    /// The program, where the request sent `code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The program, where the request sent `files`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<SourceFile>>,
    /// The repository that the request named; absent where it named none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<UsedRepository>,
    /// The language of the program.
    pub lang: RunLanguage,
    /// The path of the file that was started.
    pub entrypoint: String,
    /// The packages that were installed first.
    pub packages: Vec<String>,
    /// Standard input.
    pub stdin: String,
    /// The size of the terminal when the program started; absent where it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<TerminalSize>,
    /// Arguments of the program.
    pub args: Vec<String>,
    /// Names of the variables in `env`. Their values are not kept.
    pub env_names: Vec<String>,
    /// How the program was compiled; absent where it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compile: Option<UsedCompile>,
    /// What the program was allowed to use.
    pub policy: UsedPolicy,
    /// Whether the source and the standard input were too large to keep.
    pub truncated: bool,
    /// What a client of another code runner's protocol has sent beside the program, in its words; absent for other runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission: Option<serde_json::Value>,
}

/// What a program was allowed to use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsedPolicy {
    /// Wall clock of the program, in milliseconds.
    #[cfg_attr(feature = "schema", schemars(range(min = *TIMEOUT_MS.start(), max = *TIMEOUT_MS.end())))]
    pub timeout_ms: u32,
    /// Processor time of all processes, in milliseconds; absent where the request set no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = *CPU_MS.start(), max = *CPU_MS.end())))]
    pub cpu_ms: Option<u32>,
    /// Size of one file, in MiB; absent where the request set no limit.
    #[serde(rename = "maxFileMB", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = *MAX_FILE_MB.start(), max = *MAX_FILE_MB.end())))]
    pub max_file_mb: Option<u32>,
    /// Memory of all processes together with the files they write, in MiB.
    #[serde(rename = "memoryMB")]
    #[cfg_attr(feature = "schema", schemars(range(min = *MEMORY_MB.start(), max = *MEMORY_MB.end())))]
    pub memory_mb: u32,
    /// Bytes of each output stream.
    #[cfg_attr(feature = "schema", schemars(range(min = *MAX_OUTPUT_BYTES.start(), max = *MAX_OUTPUT_BYTES.end())))]
    pub max_output_bytes: u32,
    /// Whether the program could reach public addresses.
    pub allow_network: bool,
    /// The only hosts that it could reach; empty where there was no such list.
    pub allowed_hosts: Vec<String>,
}
