//! Judges that a project keeps, so that pages and their users can be judged by tests which they never see.

use crate::judging::{Checker, JudgeTest};
use crate::runs::Policy;
use crate::time::Time;
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// A judge to keep: what `POST /api/run/judge` takes, but the program. It has at most 256 KiB.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JudgeSettings {
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME_CHARS), extend("default" = DEFAULT_JUDGE_NAME)))]
    pub name: Option<String>,
    /// The tests. Each is a run of its own.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_BATCH_RUNS)))]
    pub tests: Vec<JudgeTest>,
    /// A program that decides on the output of each test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checker: Option<Checker>,
    /// A program that talks to the program, and decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interactor: Option<Checker>,
    /// Whether the tests after the first one that fails are skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub stop_on_failure: Option<bool>,
    /// What the program may use in each test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
}

/// A judge in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ListedJudge {
    /// The id, which `POST /api/run/judge` takes as `judge`.
    pub id: String,
    /// The name.
    pub name: String,
    /// How many tests it has.
    pub tests: u32,
    /// When it was made.
    pub created_at: Time,
}

/// A judge with all that its project has given it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct WholeJudge {
    /// What lists have of it.
    #[serde(flatten)]
    pub listed: ListedJudge,
    /// What made it.
    pub settings: JudgeSettings,
}

/// A page of a project's judges, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct JudgePage {
    /// The judges.
    pub judges: Vec<ListedJudge>,
    /// The `cursor` of the next page; null on the last one.
    pub next_cursor: Option<String>,
}
