//! Judging: a program, the tests that it has to pass, and the verdict on each.

use crate::compile::{CompileRequest, CompileResult};
use crate::end_users::UserContext;
use crate::runs::{Packages, Policy, RunStatus};
use crate::source_file::SourceFile;
use crate::time::Time;
use docle_languages::RunLanguage;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// A program and the tests that it has to pass. It brings either `code` or `files`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JudgeRequest {
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
    /// What the program may use in each test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// The id of a judge of the project, which has the tests and what decides on them. Send either `judge` or `tests`. With it neither
    /// `checker`, `interactor`, `stopOnFailure` nor `policy` may be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(example = &"jdg_k2v7d3q5xw4zb6yh8m2n4ptr7c"))]
    pub judge: Option<String>,
    /// The tests. Each is a run of its own. Send either `tests` or `judge`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_BATCH_RUNS)))]
    pub tests: Option<Vec<JudgeTest>>,
    /// A program that decides on the output of each test, instead of a comparison. Not with an interactor. It never shares a jail with the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checker: Option<Checker>,
    /// A program that talks to the program, and decides: each reads from standard input what the other writes to standard
    /// output. It never shares a jail with the program. It is started as a checker is, and its exit code is its verdict; with 7, the
    /// share of the points is the first line of its standard error. `stdin` of a test is its `test/input.txt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interactor: Option<Checker>,
    /// Whether the tests after the first one that fails are skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub stop_on_failure: Option<bool>,
    /// The user for whom the caller judges the program. It is kept with each run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_context: Option<UserContext>,
}

/// One test: what the program gets, and what it has to write to standard output.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JudgeTest {
    /// A name of the test, which its result has, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_TEST_NAME_BYTES), example = &"sample 1"))]
    pub name: Option<String>,
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
    /// The expected standard output; with `compare: "regex"` a regular expression. The program never sees it. Without it, a
    /// program that ends with exit code 0 passes, unless there is a checker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_BODY_BYTES), example = &"3\n"))]
    pub expected: Option<String>,
    /// How the output is compared with `expected`. Not with a checker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "trim")))]
    pub compare: Option<Comparison>,
    /// The largest difference of two numbers that are equal for `compare: "float"`, absolute or relative to the expected one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1), extend("default" = DEFAULT_EPSILON)))]
    pub epsilon: Option<f64>,
    /// What the test counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *POINTS.start(), max = *POINTS.end()), extend("default" = DEFAULT_POINTS))
    )]
    pub points: Option<u32>,
    /// Wall clock of the program in this test in milliseconds, instead of `policy.timeoutMs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = *TIMEOUT_MS.start(), max = *TIMEOUT_MS.end())))]
    pub timeout_ms: Option<u32>,
}

/// How the standard output of a program is compared with the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Comparison {
    /// Byte by byte.
    Exact,
    /// Line by line, without white space at the ends of lines and empty lines at the end.
    Trim,
    /// Word by word, whatever white space is between them.
    Tokens,
    /// As `tokens`, and words that are numbers may differ by `epsilon`.
    Float,
    /// The whole output, without white space at its end, matches the regular expression `expected`.
    Regex,
}

impl Comparison {
    /// Every comparison.
    pub const ALL: [Self; 5] = [Self::Exact, Self::Trim, Self::Tokens, Self::Float, Self::Regex];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Trim => "trim",
            Self::Tokens => "tokens",
            Self::Float => "float",
            Self::Regex => "regex",
        }
    }
}

/// A program that decides on the output of a test. It is started as `checker test/input.txt test/output.txt
/// test/expected.txt`, and its exit code is its verdict: 0 accepts, 1 and 2 refuse, 7 accepts in part. With 7, the first line
/// of its standard output is the share of the points, a number from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checker {
    /// The checker, as one file. Send either `code` or `files`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_BODY_BYTES)))]
    pub code: Option<String>,
    /// The checker, as files below `/workspace`. Send either `files` or `code`. None of them is in the directory `test`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_FILES)))]
    pub files: Option<Vec<SourceFile>>,
    /// The path of the file to start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_PATH_BYTES)))]
    pub entrypoint: Option<String>,
    /// The language of the checker, by any of its names.
    pub lang: RunLanguage,
    /// Packages to install first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Packages>,
    /// How the checker is compiled. Only for languages that are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compile: Option<CompileRequest>,
    /// What the checker may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
}

/// What became of the tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct JudgeResult {
    /// `accepted` where all tests are, else the verdict on the first test that is not.
    pub verdict: JudgeVerdict,
    /// The points of the tests, added.
    pub points: f64,
    /// The points that there were.
    pub max_points: f64,
    /// How many tests are accepted.
    pub passed: u32,
    /// The compilation of the program; absent where nothing was compiled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compile: Option<CompileResult>,
    /// The tests, in the order of the request.
    pub tests: Vec<JudgedTest>,
    /// When the judgement was asked for.
    pub created_at: Time,
}

/// What became of one test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct JudgedTest {
    /// Its place in the request, from 0.
    pub index: u32,
    /// The name that the request has given it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The verdict on the test.
    pub verdict: JudgeVerdict,
    /// The points of the program.
    pub points: f64,
    /// The run of the program; absent where the program was not started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<JudgedRun>,
    /// Where the output differs first; absent where it does not, and where no comparison was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
    /// The run of the checker; absent where none was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checker: Option<CheckerRun>,
    /// The run of the interactor; absent where none was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interactor: Option<CheckerRun>,
    /// Why there is no verdict on the program, with `judge_error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What the judge finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum JudgeVerdict {
    /// The output is right.
    Accepted,
    /// The checker accepts the output for a part of the points.
    Partial,
    /// The output is wrong.
    WrongAnswer,
    /// `timeoutMs` or `cpuMs` was up.
    Timeout,
    /// The program needed more than `memoryMB`.
    Memory,
    /// The program wrote more than `maxOutputBytes`.
    Output,
    /// The program crashed, or ended with another exit code than 0.
    RuntimeError,
    /// The program could not be compiled.
    CompileError,
    /// The packages could not be installed.
    InstallFailed,
    /// There is no verdict, and the program is not to blame: the service, a quota, or the checker failed. `message` says which.
    JudgeError,
    /// An earlier test failed, and `stopOnFailure` is true.
    Skipped,
}

/// The run of a program in a test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct JudgedRun {
    /// The id of the run, with which its whole result is read.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    pub id: String,
    /// Why the run ended.
    pub status: RunStatus,
    /// The exit code of the program.
    pub exit_code: i32,
    /// The name of the signal that ended the program.
    pub signal: Option<String>,
    /// Processor time of the program in milliseconds, without its compilation.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub cpu_ms: f64,
    /// The most memory that the program held at once, in MiB.
    #[serde(rename = "memMB")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub mem_mb: f64,
    /// Wall clock of the program, in milliseconds.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub duration_ms: f64,
    /// What the program wrote to standard error: the first 2 KiB.
    pub stderr: String,
}

/// The run of a checker or of an interactor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CheckerRun {
    /// The id of the run.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    pub id: String,
    /// Its exit code.
    pub exit_code: i32,
    /// What a checker wrote to standard output, and then what it or an interactor wrote to standard error: the first 2 KiB of
    /// each.
    pub message: String,
}

/// Where an output differs first from the expected one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The line of the output, from 1.
    pub line: u32,
    /// The character of the line, from 1.
    pub column: u32,
    /// What is expected there: at most 100 characters. Empty where the output should have ended.
    pub expected: String,
    /// What the output has there: at most 100 characters. Empty where it has ended.
    pub actual: String,
}

/// An event of a judgement: `test` for each test as it ends, then exactly one `complete`. Its `type` is also the name of the
/// server-sent event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum JudgeEvent {
    /// A test has ended.
    Test {
        #[serde(flatten)]
        test: JudgedTest,
    },
    /// All tests have ended.
    Complete {
        #[serde(flatten)]
        result: JudgeResult,
    },
}
