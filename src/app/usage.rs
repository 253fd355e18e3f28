//! The usage of a project.

use crate::app::context::App;
use crate::domain::input::page::Page;
use crate::domain::timestamp::HOUR_MS;
use crate::domain::usage::percentile;
use crate::ports::PortError;
use crate::store::usage::{self, EndUserCount, Hours, KeyCount};
use docle_api::usage::Interval;
use std::collections::BTreeMap;

pub use crate::store::usage::{Stretch, UsageRun};

/// The hours in one interval of a series, and the hours that the series reaches back.
const fn hours(interval: Interval) -> (i64, i64) {
    match interval {
        Interval::Hour => (1, 48),
        Interval::Day => (24, 30 * 24),
    }
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

/// Reads the usage of a project that belongs to the user. Totals are rows of their own, and the series reads at most 30 days
/// of hours, so the cost does not grow with the age of the project.
pub async fn read(app: &App, project_id: &str, interval: Interval, page: &Page) -> Result<Usage, PortError> {
    let sql = &*app.sql;
    let counts = usage::counts(sql, project_id).await?;
    let (mut languages, mut statuses) = (BTreeMap::new(), BTreeMap::new());
    let mut durations = Vec::with_capacity(counts.len());
    for count in counts {
        *languages.entry(count.language).or_default() += count.runs;
        *statuses.entry(count.status).or_default() += count.runs;
        durations.push((count.bucket, count.runs));
    }
    let (step, reach) = hours(interval);
    let now_hour = app.clock.now().0.div_euclid(HOUR_MS);
    let recent = Hours { from: (now_hour - reach) / step * step, to: now_hour + 1 };
    let rows = usage::history(sql, project_id, page).await?;
    let (history, next_cursor) = page.cut(rows, UsageRun::position);
    Ok(Usage {
        total: statuses.values().sum(),
        successes: statuses.get("success").copied().unwrap_or(0),
        languages,
        statuses,
        p50_ms: percentile(&durations, 0.5),
        p95_ms: percentile(&durations, 0.95),
        series: usage::series(sql, project_id, recent, step).await?,
        keys: usage::by_key(sql, project_id).await?,
        end_users: usage::by_end_user(sql, project_id).await?,
        history,
        next_cursor,
    })
}
