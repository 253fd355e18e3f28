//! The compilation of a program: what a request asks for, what was used, and how it went.

use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// How a program is compiled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CompileRequest {
    /// Options for the compiler, after those of the service: `-O2`, `-std=c11`, `-Wall`. Each begins with `-`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            length(max = MAX_COMPILE_OPTIONS),
            inner(length(min = 2, max = MAX_COMPILE_OPTION_BYTES)),
            extend("examples" = [["-O2", "-Wall"]])
        )
    )]
    pub options: Option<Vec<String>>,
    /// Wall clock of the compilation, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = *COMPILE_TIMEOUT_MS.start(), max = *COMPILE_TIMEOUT_MS.end()),
            extend("default" = DEFAULT_COMPILE_TIMEOUT_MS)
        )
    )]
    pub timeout_ms: Option<u32>,
    /// Memory of all processes of the compilation together with the files they write, in MiB.
    #[serde(rename = "memoryMB", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = *COMPILE_MEMORY_MB.start(), max = *COMPILE_MEMORY_MB.end()),
            extend("default" = DEFAULT_COMPILE_MEMORY_MB)
        )
    )]
    pub memory_mb: Option<u32>,
}

/// How a program was compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsedCompile {
    /// Options for the compiler.
    pub options: Vec<String>,
    /// Wall clock of the compilation, in milliseconds.
    #[cfg_attr(feature = "schema", schemars(range(min = *COMPILE_TIMEOUT_MS.start(), max = *COMPILE_TIMEOUT_MS.end())))]
    pub timeout_ms: u32,
    /// Memory of the compilation, in MiB.
    #[serde(rename = "memoryMB")]
    #[cfg_attr(feature = "schema", schemars(range(min = *COMPILE_MEMORY_MB.start(), max = *COMPILE_MEMORY_MB.end())))]
    pub memory_mb: u32,
}

/// How a program was compiled.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CompileResult {
    /// What the compiler wrote to standard output: the first 8 KiB.
    pub stdout: String,
    /// What the compiler wrote to standard error, and which limit ended it, if one did: the first 8 KiB.
    #[cfg_attr(feature = "schema", schemars(example = &"main.c:3:5: warning: unused variable \u{2018}x\u{2019} [-Wunused-variable]\n"))]
    pub stderr: String,
    /// The exit code of the compiler; 124 after `compile.timeoutMs`, 128 and the signal's number where a signal ended it.
    pub exit_code: i32,
    /// Wall clock of the compilation in milliseconds, with two decimals.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub duration_ms: f64,
    /// Processor time of the compilation in milliseconds, with two decimals, which is a part of `usage.cpuMs`; 0 where an
    /// earlier run of the same batch has compiled the program.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub cpu_ms: f64,
}
