//! The usage of a project.

use crate::app::context::App;
use crate::domain::input::page::Page;
use crate::domain::project::settings::Project;
use crate::domain::usage::percentile;
use crate::domain::usage_log::name::LogName;
use crate::domain::usage_log::query::{EndUserCount, Filter, HistoryQuery, Hours, Stretch, UsageRun};
use crate::domain::usage_log::retention::hour_of;
use crate::ports::PortError;
use crate::store;
use docle_api::usage::Interval;
use futures::try_join;
use std::collections::BTreeMap;

/// The hours in one interval of a series, and the hours that the series reaches back.
const fn hours(interval: Interval) -> (i64, i64) {
    match interval {
        Interval::Hour => (1, 48),
        Interval::Day => (24, 30 * 24),
    }
}

/// How many runs a key was used for.
pub struct KeyCount {
    pub key_id: String,
    /// `None` where the key is gone.
    pub name: Option<String>,
    pub runs: i64,
}

/// Everything about a project's usage.
pub struct Usage {
    pub total: i64,
    pub successes: i64,
    pub languages: BTreeMap<String, i64>,
    pub statuses: BTreeMap<String, i64>,
    pub p50_ms: Option<u32>,
    pub p95_ms: Option<u32>,
    pub series: Vec<Stretch>,
    pub keys: Vec<KeyCount>,
    pub end_users: Vec<EndUserCount>,
    pub history: Vec<UsageRun>,
    pub next_cursor: Option<String>,
}

/// Reads the usage of a project that belongs to the user, from its log. The database has the names of its keys.
pub async fn read(app: &App, project: &Project, interval: Interval, page: &Page) -> Result<Usage, PortError> {
    let log = LogName::of_project(project.log_id);
    let (step, reach) = hours(interval);
    let now_hour = hour_of(app.clock.now());
    let recent = Hours { from: (now_hour - reach) / step * step, to: now_hour + 1, step };
    let query = HistoryQuery::of(Filter::All, page, 0);
    let (counts, rows) = try_join!(app.logs.counts(log, recent), app.logs.history(log, &query))?;
    let (mut languages, mut statuses) = (BTreeMap::new(), BTreeMap::new());
    let mut durations = Vec::with_capacity(counts.totals.len());
    for count in counts.totals {
        *languages.entry(count.language).or_default() += count.runs;
        *statuses.entry(count.status).or_default() += count.runs;
        durations.push((count.bucket, count.runs));
    }
    let ids: Vec<&str> = counts.keys.iter().map(|key| key.key_id.as_str()).collect();
    let mut names = store::keys::names(&*app.sql, &project.id, &ids).await?;
    let keys = counts.keys.into_iter();
    let keys =
        keys.map(|key| KeyCount { name: names.remove(&key.key_id), key_id: key.key_id, runs: key.runs }).collect();
    let (history, next_cursor) = page.cut(rows, UsageRun::position);
    Ok(Usage {
        total: statuses.values().sum(),
        successes: statuses.get("success").copied().unwrap_or(0),
        languages,
        statuses,
        p50_ms: percentile(&durations, 0.5),
        p95_ms: percentile(&durations, 0.95),
        series: counts.series,
        keys,
        end_users: counts.end_users,
        history,
        next_cursor,
    })
}
