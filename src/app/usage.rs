//! The usage of a project.

use crate::app::context::App;
use crate::app::projects;
use crate::domain::input::page::Page;
use crate::domain::project::settings::Project;
use crate::domain::usage::percentile;
use crate::domain::usage_log::name::LogName;
use crate::domain::usage_log::query::{Count, EndUserCount, Filter, HistoryQuery, Hours, Stretch, UsageRun};
use crate::domain::usage_log::retention::hour_of;
use crate::ports::PortError;
use crate::store;
use docle_api::usage::Interval;
use futures::{StreamExt, stream, try_join};
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

/// Projects that one query lists.
const PAGE: u32 = 100;
/// Logs that are asked side by side. Each costs a call of an object.
const SIDE_BY_SIDE: usize = 16;

/// The usage of all projects of a user.
pub struct TotalUsage {
    pub languages: BTreeMap<String, i64>,
    pub statuses: BTreeMap<String, i64>,
    pub p50_ms: Option<u32>,
    pub p95_ms: Option<u32>,
    pub series: Vec<Stretch>,
    /// The id and the name of each project with its runs in the time of the series, those with the most runs first.
    pub projects: Vec<(String, String, i64)>,
    /// The projects whose logs did not answer.
    pub unavailable: Vec<String>,
}

/// The runs of one or more logs, by language, by status and by duration.
#[derive(Default)]
struct Totals {
    languages: BTreeMap<String, i64>,
    statuses: BTreeMap<String, i64>,
    durations: Vec<(u32, i64)>,
}

impl Totals {
    fn add(&mut self, counts: Vec<Count>) {
        for Count { language, status, bucket, runs } in counts {
            *self.languages.entry(language).or_default() += runs;
            *self.statuses.entry(status).or_default() += runs;
            self.durations.push((bucket, runs));
        }
    }

    /// The duration that this share of the runs did not exceed.
    fn percentile(&self, share: f64) -> Option<u32> {
        percentile(&self.durations, share)
    }
}

/// The hours that a series is made of.
fn recent(app: &App, interval: Interval) -> Hours {
    let (step, reach) = hours(interval);
    let now_hour = hour_of(app.clock.now());
    Hours { from: (now_hour - reach) / step * step, to: now_hour + 1, step }
}

/// Reads the usage of all projects of a user from their logs. A log that does not answer is named, and the others count.
///
/// # Errors
/// The projects cannot be listed, or no log answers.
pub async fn read_total(app: &App, user_id: &str, interval: Interval) -> Result<TotalUsage, PortError> {
    let hours = recent(app, interval);
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let page = Page::of(PAGE, cursor.as_deref());
        let (some, next) = projects::list(app, user_id, &page).await?;
        all.extend(some);
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    let count = async |project: Project| {
        let counts = app.logs.counts(LogName::of_project(project.log_id), hours).await;
        (project, counts)
    };
    let counted: Vec<_> = stream::iter(all).map(count).buffer_unordered(SIDE_BY_SIDE).collect().await;
    let (mut totals, mut series) = (Totals::default(), BTreeMap::new());
    let (mut by_project, mut unavailable, mut failure) = (Vec::new(), Vec::new(), None);
    for (project, counts) in counted {
        let counts = match counts {
            Ok(counts) => counts,
            Err(error) => {
                unavailable.push(project.id);
                failure = Some(error);
                continue;
            }
        };
        totals.add(counts.totals);
        let runs: i64 = counts.series.iter().map(|stretch| stretch.runs).sum();
        by_project.push((project.id, project.settings.name, runs));
        for Stretch { hour, runs, successes } in counts.series {
            let sum = series.entry(hour).or_insert(Stretch { hour, runs: 0, successes: 0 });
            sum.runs += runs;
            sum.successes += successes;
        }
    }
    if let Some(error) = failure.filter(|_| by_project.is_empty()) {
        return Err(error);
    }
    by_project.sort_by(|(id, _, runs), (other_id, _, other)| other.cmp(runs).then_with(|| id.cmp(other_id)));
    unavailable.sort();
    Ok(TotalUsage {
        p50_ms: totals.percentile(0.5),
        p95_ms: totals.percentile(0.95),
        languages: totals.languages,
        statuses: totals.statuses,
        series: series.into_values().collect(),
        projects: by_project,
        unavailable,
    })
}

/// Reads the usage of a project that belongs to the user, from its log. The database has the names of its keys.
pub async fn read(app: &App, project: &Project, interval: Interval, page: &Page) -> Result<Usage, PortError> {
    let log = LogName::of_project(project.log_id);
    let recent = recent(app, interval);
    let query = HistoryQuery::of(Filter::All, page, 0);
    let (counts, rows) = try_join!(app.logs.counts(log, recent), app.logs.history(log, &query))?;
    let mut totals = Totals::default();
    totals.add(counts.totals);
    let ids: Vec<&str> = counts.keys.iter().map(|key| key.key_id.as_str()).collect();
    let mut names = store::keys::names(&*app.sql, &project.id, &ids).await?;
    let keys = counts.keys.into_iter();
    let keys =
        keys.map(|key| KeyCount { name: names.remove(&key.key_id), key_id: key.key_id, runs: key.runs }).collect();
    let (history, next_cursor) = page.cut(rows, UsageRun::position);
    Ok(Usage {
        total: totals.statuses.values().sum(),
        successes: totals.statuses.get("success").copied().unwrap_or(0),
        p50_ms: totals.percentile(0.5),
        p95_ms: totals.percentile(0.95),
        languages: totals.languages,
        statuses: totals.statuses,
        series: counts.series,
        keys,
        end_users: counts.end_users,
        history,
        next_cursor,
    })
}
