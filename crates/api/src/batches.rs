//! Batches: several runs that one call asks for.

use crate::compile::CompileRequest;
use crate::end_users::UserContext;
use crate::errors::ErrorCode;
use crate::runs::{Packages, Policy, RunRequest, RunResult};
use crate::source_file::SourceFile;
use docle_languages::RunLanguage;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// Different programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BatchRequest {
    /// The programs, each as in `POST /api/run`, without `detach`, `webhook`, `artifactsInline` and `tty`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_BATCH_RUNS)))]
    pub runs: Vec<RunRequest>,
}

/// One program, which is run once for each input. It brings either `code` or `files`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InputsRequest {
    /// The program, as one file. Send either `code` or `files`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_BODY_BYTES)))]
    pub code: Option<String>,
    /// The program, as files below `/workspace`. Send either `files` or `code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_FILES)))]
    pub files: Option<Vec<SourceFile>>,
    /// The path of the file to start, as in `POST /api/run`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_PATH_BYTES), example = &"main.py"))]
    pub entrypoint: Option<String>,
    /// The language of the program, by any of its names.
    pub lang: RunLanguage,
    /// Packages to install first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Packages>,
    /// How the program is compiled. Only for languages that are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compile: Option<CompileRequest>,
    /// What the program may use in each run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// What the program gets in each run.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_BATCH_RUNS)))]
    pub inputs: Vec<RunInputs>,
    /// The user for whom the caller runs the program. It is kept with each run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_context: Option<UserContext>,
}

/// What a program gets in one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunInputs {
    /// Standard input. The program reads its end after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_BODY_BYTES)))]
    pub stdin: Option<String>,
    /// Arguments that follow the program on its command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_ARGS), inner(length(max = MAX_ARG_BYTES))))]
    pub args: Option<Vec<String>>,
    /// Variables that are added to the program's environment.
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
}

/// How the runs of a batch ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BatchResult {
    /// The runs, in the order of the request.
    pub results: Vec<BatchRun>,
}

/// One run of a batch. It has either `result` or `error`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BatchRun {
    /// Its place in the request, from 0.
    pub index: u32,
    /// How it ended. `stdout` and `stderr` are the first 64 KiB of each; `GET /api/run/:id` has all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RunResult>>,
    /// Which streams of `result` are not whole here; absent where both are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortened: Option<Shortened>,
    /// Why it was not started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<BatchError>,
}

/// Why a run of a batch was not started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct BatchError {
    /// What went wrong, for programs.
    pub code: ErrorCode,
    /// What went wrong, in a sentence.
    pub message: String,
}

/// Which streams are not whole in the result of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Shortened {
    /// Standard output is not.
    pub stdout: bool,
    /// Standard error is not.
    pub stderr: bool,
}

/// An event of a batch: `run` for each run as it ends, then exactly one `complete`. Its `type` is also the name of the
/// server-sent event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BatchEvent {
    /// A run has ended, or was not started.
    Run {
        #[serde(flatten)]
        run: BatchRun,
    },
    /// All runs have ended.
    Complete {
        /// How many runs have ended with status `success`.
        succeeded: u32,
        /// How many runs have ended with another status.
        failed: u32,
        /// How many runs were not started.
        refused: u32,
    },
}
