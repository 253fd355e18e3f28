//! Runs: a program to run once, and how it ended.

use crate::compile::CompileRequest;
use crate::end_users::UserContext;
pub use crate::packages::{PackageList, Packages};
use crate::repositories::Repository;
use crate::run_details::RunDetails;
use crate::run_input::RunInput;
pub use crate::source_file::{FileEncoding, SourceFile};
use crate::terminals::TerminalSize;
use crate::time::Time;
use crate::webhooks::Webhook;
use docle_languages::RunLanguage;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// A program to run. It brings either `code` or `files`, or has its files in `repo`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunRequest {
    /// Runs the code as a program in a jail, which is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<RunTier>,
    /// The program, as one file. Send either `code` or `files`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_BODY_BYTES)))]
    pub code: Option<String>,
    /// The program, as files below `/workspace`. Send either `files` or `code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_FILES)))]
    pub files: Option<Vec<SourceFile>>,
    /// A git repository with files of the program. Those of `code` and `files` take the place of files with the same path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<Repository>,
    /// The path of the file to start, one of `files` or of `repo`; with `code`, the path that the code is written to. The default is
    /// `main.` and the language's ending, for example `main.py`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_PATH_BYTES), example = &"main.py"))]
    pub entrypoint: Option<String>,
    /// The language of the program. Other usual names are understood, too, in any case: `py`, `python3`, `js`,
    /// `javascript`, `nodejs`, `c++`, `rs`. `GET /languages` lists the languages that this installation has.
    pub lang: RunLanguage,
    /// Packages to install first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Packages>,
    /// Standard input. The program reads its end after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_BODY_BYTES)))]
    pub stdin: Option<String>,
    /// Arguments that follow the program on its command line. `args` and `env` have at most 1,048,576 bytes together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_ARGS), inner(length(max = MAX_ARG_BYTES))))]
    pub args: Option<Vec<String>>,
    /// Variables that are added to the program's environment. A name has no `=`; a name, `=` and its value have at
    /// most 65,536 bytes together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            extend(
                "maxProperties" = MAX_ENV,
                "propertyNames" = { "pattern": "^[^=\\x00]+$" },
                "additionalProperties" = { "type": "string", "maxLength": MAX_ARG_BYTES - "=".len() - 1 },
            )
        )
    )]
    pub env: Option<BTreeMap<String, String>>,
    /// How the program is compiled. Only for languages that are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compile: Option<CompileRequest>,
    /// What the program may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// Files of the program to hand back, as patterns of paths below `/workspace`: `*` and `?` stand for characters of one
    /// name, `**` for any directories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            length(max = MAX_ARTIFACT_PATTERNS),
            inner(length(min = 1, max = MAX_PATH_BYTES)),
            extend("examples" = [["out/*.png"]])
        )
    )]
    pub artifacts: Option<Vec<String>>,
    /// Whether the result contains these files, in base64: up to 256 KiB of each and 1 MiB of all. Needs `artifacts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub artifacts_inline: Option<bool>,
    /// Whether the call answers at once, with status 202 and the id of the run, which then goes on without its caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub detach: Option<bool>,
    /// How long a detached run waits for a slot, in milliseconds, before it ends with `system` and nothing was run. Needs `detach`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *QUEUE_TIMEOUT_MS.start(), max = *QUEUE_TIMEOUT_MS.end()), extend("default" = DETACHED_QUEUE_MS))
    )]
    pub queue_timeout_ms: Option<u32>,
    /// Where the end of the run is reported. Needs `detach`, and a webhook secret of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// Gives the program a terminal of this size. Only for interactive runs, `GET /api/run`. Standard output and standard
    /// error are then one stream, `stdout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<TerminalSize>,
    /// The user for whom the caller runs the program. It is kept with the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_context: Option<UserContext>,
}

/// The tier of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum RunTier {
    Run,
}

/// What a program may use. A deployment may have a lower maximum for `timeoutMs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// Wall clock of the program, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *TIMEOUT_MS.start(), max = *TIMEOUT_MS.end()), extend("default" = DEFAULT_TIMEOUT_MS))
    )]
    pub timeout_ms: Option<u32>,
    /// Processor time of all processes of the program, in milliseconds. Without it only `timeoutMs` limits the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = *CPU_MS.start(), max = *CPU_MS.end())))]
    pub cpu_ms: Option<u32>,
    /// Size of one file that the program writes, in MiB. Without it only `memoryMB` limits files.
    #[serde(rename = "maxFileMB", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = *MAX_FILE_MB.start(), max = *MAX_FILE_MB.end())))]
    pub max_file_mb: Option<u32>,
    /// Memory of all processes of the program together with the files they write, in MiB.
    #[serde(rename = "memoryMB", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *MEMORY_MB.start(), max = *MEMORY_MB.end()), extend("default" = DEFAULT_MEMORY_MB))
    )]
    pub memory_mb: Option<u32>,
    /// Bytes of each output stream. A stream that passes them ends the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = *MAX_OUTPUT_BYTES.start(), max = *MAX_OUTPUT_BYTES.end()),
            extend("default" = DEFAULT_MAX_OUTPUT_BYTES)
        )
    )]
    pub max_output_bytes: Option<u32>,
    /// Whether the program may reach public addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub allow_network: Option<bool>,
    /// The only hosts that the program may reach: `api.example.com`, `*.example.com` for its subdomains, or `db.example.com:5432`
    /// for one port alone. Needs `allowNetwork`. Without it a program with network may reach every public host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_ALLOWED_HOSTS), extend("examples" = [["api.example.com"]])))]
    pub allowed_hosts: Option<Vec<String>>,
}

/// How a run ended. A program that fails is a result, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RunResult {
    /// The id of the run, with which its result is read again.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    pub id: String,
    /// Whether `status` is `success` and `exitCode` is 0.
    pub ok: bool,
    /// Why the run ended.
    pub status: RunStatus,
    /// The program's own exit code; 124 after `timeout`, 128 and the signal's number where a signal ended it.
    pub exit_code: i32,
    /// The name of the signal that ended the program.
    #[cfg_attr(feature = "schema", schemars(example = &"SIGKILL"))]
    pub signal: Option<String>,
    /// What the program wrote to standard output up to its end. Bytes that are not UTF-8 are replaced by U+FFFD.
    pub stdout: String,
    /// What the program wrote to standard error up to its end.
    pub stderr: String,
    /// Which streams lost their end to `maxOutputBytes`.
    pub truncated: Truncated,
    /// What the run used.
    pub usage: RunUsage,
    #[serde(flatten)]
    pub details: RunDetails,
    /// When the run was asked for.
    pub created_at: Time,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Exit code 0.
    Success,
    /// Another exit code.
    Error,
    /// `timeoutMs` or `cpuMs` was up; `limit` of the result says which.
    Timeout,
    /// The process tree or its files needed more than `memoryMB`.
    Memory,
    /// A stream passed `maxOutputBytes`.
    Output,
    /// A signal that none of the limits above explains: a crash, or a signal of the program to itself.
    Killed,
    /// The client disconnected, and that ended the run.
    Cancelled,
    /// The packages could not be installed or the repository could not be fetched; the program did not start.
    InstallFailed,
    /// The program could not be compiled, and did not start. `compile` of the result has what the compiler wrote, and so has
    /// `stderr`.
    CompileError,
    /// The runner failed; the program is not to blame.
    System,
}

impl RunStatus {
    /// Every status, for documents and tests.
    pub const ALL: [Self; 10] = [
        Self::Success,
        Self::Error,
        Self::Timeout,
        Self::Memory,
        Self::Output,
        Self::Killed,
        Self::Cancelled,
        Self::InstallFailed,
        Self::CompileError,
        Self::System,
    ];

    /// The name on the wire and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Memory => "memory",
            Self::Output => "output",
            Self::Killed => "killed",
            Self::Cancelled => "cancelled",
            Self::InstallFailed => "install_failed",
            Self::CompileError => "compile_error",
            Self::System => "system",
        }
    }
}

/// Which streams lost their end to `maxOutputBytes`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Truncated {
    /// Standard output did.
    pub stdout: bool,
    /// Standard error did.
    pub stderr: bool,
}

/// What a run used. Times are milliseconds with two decimals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RunUsage {
    /// User and system time of the whole process tree, and of its compilation.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub cpu_ms: f64,
    /// The most memory that the tree held at once, in MiB with two decimals.
    #[serde(rename = "memMB")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub mem_mb: f64,
    /// Wall clock from the program's start to the end of its last process.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub duration_ms: f64,
    /// Wall clock spent waiting for a slot.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub queue_ms: f64,
    /// Wall clock spent fetching the repository and installing packages; 0 when there was nothing to fetch and to install.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub install_ms: f64,
    /// Connections that the network policy refused.
    pub blocked_connections: u32,
    /// Bytes that the program sent over the network; absent where it sent none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub egress_bytes: u64,
}

fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

/// A result that is read again. Callers of the run's own project get its input, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct StoredRun {
    #[serde(flatten)]
    pub result: RunResult,
    /// What was run, with every default filled in. It is there for a key of the run's project and for the session of
    /// its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<RunInput>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn statuses_are_named_as_they_are_written() {
        for status in RunStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), json!(status.name()));
        }
    }
}
