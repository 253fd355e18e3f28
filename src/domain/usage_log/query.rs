//! What a log of runs is asked, and what it answers.

use crate::domain::input::page::{Page, Position};
use crate::domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// Which runs of a project are listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Filter {
    All,
    /// Scripts of the isolate tier.
    Scripts,
    /// The runs for this end user.
    EndUser(String),
    /// The runs that have all of this in common.
    Runs(RunFilter),
}

/// What listed runs have in common; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The id of the language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_user: Option<String>,
    /// The id of the run token that started them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The id of the key that they were asked for with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// They were asked for then or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// They were asked for before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

/// A part of a list of runs, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryQuery {
    pub filter: Filter,
    /// The list begins after the run with this time and id.
    pub after_at: Timestamp,
    pub after_id: String,
    /// How many of the newest ones to leave out.
    pub offset: u32,
    pub rows: u32,
}

impl HistoryQuery {
    /// The rows that `page` needs.
    pub fn of(filter: Filter, page: &Page, offset: u32) -> Self {
        let Position { at, id } = page.after();
        Self { filter, after_at: at, after_id: id, offset, rows: page.rows() }
    }
}

/// One run in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageRun {
    pub run_id: String,
    pub key_id: String,
    pub created_at: Timestamp,
    pub language: String,
    pub snippet: String,
    pub status: String,
    pub exit_code: i64,
    pub duration_ms: i64,
    /// JSON as the caller sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_context: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
}

impl UsageRun {
    /// Where it stands in a list.
    pub fn position(&self) -> Position {
        Position { at: self.created_at, id: self.run_id.clone() }
    }
}

/// The hours that are asked about: from the first to before the last, counted since 1970, in stretches of `step` hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    pub from: i64,
    pub to: i64,
    pub step: i64,
}

/// The counts of a project's runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageCounts {
    /// Since the beginning.
    pub totals: Vec<Count>,
    /// In the hours that were asked about; stretches without any are left out.
    pub series: Vec<Stretch>,
    /// Since the beginning, those with the most runs first.
    pub keys: Vec<KeyCount>,
    /// Since the beginning, those with the most runs first.
    pub end_users: Vec<EndUserCount>,
}

/// How many runs there were of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    pub language: String,
    pub status: String,
    /// See [`crate::domain::usage::bucket_of`].
    pub bucket: u32,
    pub runs: i64,
}

/// How many runs began in a stretch of hours, and how many of them succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// The first hour.
    pub hour: i64,
    pub runs: i64,
    pub successes: i64,
}

/// How many runs a key was used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyCount {
    pub key_id: String,
    pub runs: i64,
}

/// How many runs were made for an end user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndUserCount {
    pub id: String,
    pub runs: i64,
    pub last_run_at: Timestamp,
}

/// How many runs of a kind began in an hour, as the log writes it into the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourCount {
    pub hour: i64,
    pub tier: String,
    pub language: String,
    pub status: String,
    pub runs: i64,
}

/// What was deleted for an end user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    pub runs: usize,
    /// Whether no more are left.
    pub complete: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn log_query_format_unchanged() {
        let query = HistoryQuery::of(Filter::EndUser("u".into()), &Page::of(50, None), 2);
        let expected = json!({
            "filter": { "endUser": "u" }, "afterAt": i64::MAX >> 11, "afterId": "", "offset": 2, "rows": 51,
        });
        assert_eq!(serde_json::to_value(&query).unwrap(), expected);
        let run = UsageRun {
            run_id: "r".into(),
            key_id: "k".into(),
            created_at: Timestamp(1),
            language: "python".into(),
            snippet: "x".into(),
            status: "success".into(),
            exit_code: 0,
            duration_ms: 2,
            user_context: None,
            ip: None,
        };
        let expected = json!({
            "runId": "r", "keyId": "k", "createdAt": 1, "language": "python", "snippet": "x", "status": "success",
            "exitCode": 0, "durationMs": 2,
        });
        assert_eq!(serde_json::to_value(run).unwrap(), expected);
    }
}
