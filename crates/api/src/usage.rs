//! Usage: what a project was used for.

use crate::time::Time;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a project was used for: totals since its beginning, a series of the last days or hours, and a page of runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Usage {
    /// All runs.
    pub total_runs: i64,
    /// Runs in Python.
    pub python_runs: i64,
    /// Runs in Node.
    pub nodejs_runs: i64,
    /// Per cent of the runs whose status is `success`.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub success_rate: f64,
    /// The latest runs, one page.
    pub history: Vec<UsageRun>,
    /// The `cursor` of the next page of `history`; null on the last one.
    pub next_cursor: Option<String>,
    /// Runs by language.
    pub languages: BTreeMap<String, i64>,
    /// Runs by status.
    pub statuses: BTreeMap<String, i64>,
    /// Wall clock of the runs, in milliseconds.
    pub duration_ms: Percentiles,
    /// How long each stretch of `series` is.
    pub interval: Interval,
    /// Runs by day for 30 days, or by hour for 48 hours. Stretches without runs are left out.
    pub series: Vec<Stretch>,
    /// The keys with the most runs.
    pub api_keys: Vec<KeyCount>,
    /// The end users with the most runs.
    pub end_users: Vec<EndUserCount>,
}

/// What all projects of an account were used for together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct TotalUsage {
    /// All runs since the projects exist.
    pub total_runs: i64,
    /// Per cent of the runs whose status is `success`.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub success_rate: f64,
    /// Runs by language.
    pub languages: BTreeMap<String, i64>,
    /// Runs by status.
    pub statuses: BTreeMap<String, i64>,
    /// Wall clock of the runs of all projects, in milliseconds.
    pub duration_ms: Percentiles,
    /// How long each stretch of `series` is.
    pub interval: Interval,
    /// Runs by day for 30 days, or by hour for 48 hours. Stretches without runs are left out.
    pub series: Vec<Stretch>,
    /// Every project that was counted, those with the most runs in `series` first.
    pub projects: Vec<ProjectCount>,
    /// The ids of projects whose log did not answer: their runs are not counted.
    pub unavailable: Vec<String>,
}

/// The runs of one project in the time of a series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ProjectCount {
    /// The id of the project.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its runs.
    pub runs: i64,
}

/// A run, as its project sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct UsageRun {
    /// The id of the run.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    pub id: String,
    /// The language.
    #[cfg_attr(feature = "schema", schemars(with = "docle_languages::Language"))]
    pub language: String,
    /// The first 200 characters of the code.
    pub code_snippet: String,
    /// Why the run ended.
    #[cfg_attr(feature = "schema", schemars(with = "crate::runs::RunStatus"))]
    pub status: String,
    /// The exit code.
    pub exit_code: i64,
    /// Wall clock of the program, in whole milliseconds.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub execution_time_ms: i64,
    /// When the run was asked for.
    pub created_at: Time,
    /// The id of the key that it was asked for with.
    pub api_key_id: String,
    /// The user for whom the caller ran it, as it was sent; null where none was named.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::end_users::UserContext>"))]
    pub user_context: Option<Value>,
    /// The caller's network address; null unless the project keeps addresses.
    pub ip_address: Option<String>,
}

/// Durations that a share of the runs did not exceed, within 4 per cent; null where there are no runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Percentiles {
    /// Half of the runs.
    pub p50: Option<u32>,
    /// 95 per cent of the runs.
    pub p95: Option<u32>,
}

/// How long each stretch of a series is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum Interval {
    Hour,
    #[default]
    Day,
}

impl Interval {
    /// Every interval.
    pub const ALL: [Self; 2] = [Self::Hour, Self::Day];

    /// The name in queries and responses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

/// The runs of one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Stretch {
    /// When the stretch begins.
    pub start: Time,
    /// Its runs.
    pub runs: i64,
    /// Those whose status is `success`.
    pub successes: i64,
}

/// The runs with one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct KeyCount {
    /// The id of the key.
    pub id: String,
    /// The name of the key; null where the key is gone.
    pub name: Option<String>,
    /// Its runs.
    pub runs: i64,
}

/// The runs for one end user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct EndUserCount {
    /// The `userContext.id`.
    pub id: String,
    /// Its runs.
    pub runs: i64,
    /// When the last one was asked for.
    pub last_run_at: Time,
}
