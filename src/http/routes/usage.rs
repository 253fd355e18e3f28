//! `/api/projects/:id/usage` and `/api/usage`: what a project was used for, and all of an account together.

use crate::app::App;
use crate::app::usage;
use crate::domain::timestamp::{HOUR_MS, Timestamp};
use crate::domain::usage_log::query;
use crate::domain::usage_log::query::UsageRun;
use crate::http::auth::caller::SignedIn;
use crate::http::error::ApiError;
use crate::http::request::call::{Call, invalid};
use crate::http::response::respond;
use crate::http::routes::projects;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use docle_api::usage::{EndUserCount, Interval, KeyCount, Percentiles, ProjectCount, Stretch, TotalUsage, Usage};

/// Totals since the beginning, a series of the last days or hours, and a page of runs.
pub async fn get_usage(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let project = projects::find(app, &caller, call.param(0)).await?;
    let interval = interval(&call)?;
    let usage = usage::read(app, &project, interval, &call.page()?).await?;
    let language = |name| usage.languages.get(name).copied().unwrap_or(0);
    let body = Usage {
        total_runs: usage.total,
        python_runs: language("python"),
        nodejs_runs: language("node"),
        success_rate: percent(usage.successes, usage.total),
        history: usage.history.into_iter().map(encode_run).collect(),
        next_cursor: usage.next_cursor,
        duration_ms: Percentiles { p50: usage.p50_ms, p95: usage.p95_ms },
        interval,
        series: usage.series.into_iter().map(encode_stretch).collect(),
        api_keys: usage
            .keys
            .into_iter()
            .map(|key| KeyCount { id: key.key_id, name: key.name, runs: key.runs })
            .collect(),
        end_users: usage
            .end_users
            .into_iter()
            .map(|user| EndUserCount { id: user.id, runs: user.runs, last_run_at: user.last_run_at.into() })
            .collect(),
        languages: usage.languages,
        statuses: usage.statuses,
    };
    Ok(respond::json(StatusCode::OK, &body))
}

/// The same over all projects of the account, without runs.
pub async fn get_total_usage(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract(app, &call).await?;
    let interval = interval(&call)?;
    let usage::TotalUsage { languages, statuses, p50_ms, p95_ms, series, projects, unavailable } =
        usage::read_total(app, &caller.session.user_id, interval).await?;
    let total = statuses.values().sum();
    let projects = projects.into_iter().map(|(id, name, runs)| ProjectCount { id, name, runs });
    let body = TotalUsage {
        total_runs: total,
        success_rate: percent(statuses.get("success").copied().unwrap_or(0), total),
        duration_ms: Percentiles { p50: p50_ms, p95: p95_ms },
        interval,
        series: series.into_iter().map(encode_stretch).collect(),
        projects: projects.collect(),
        unavailable,
        languages,
        statuses,
    };
    Ok(respond::json(StatusCode::OK, &body))
}

fn interval(call: &Call) -> Result<Interval, ApiError> {
    let Some(text) = call.query("interval") else { return Ok(Interval::default()) };
    let named = Interval::ALL.into_iter().find(|interval| interval.name() == text);
    named.ok_or_else(|| invalid("interval", "must be \"hour\" or \"day\""))
}

/// A share in per cent, with one decimal.
fn percent(part: i64, whole: i64) -> f64 {
    if whole == 0 { 0.0 } else { (part * 1_000 / whole) as f64 / 10.0 }
}

fn encode_stretch(stretch: query::Stretch) -> Stretch {
    let start = Timestamp(stretch.hour * HOUR_MS).into();
    Stretch { start, runs: stretch.runs, successes: stretch.successes }
}

/// A run as its project sees it.
pub fn encode_run(run: UsageRun) -> docle_api::usage::UsageRun {
    docle_api::usage::UsageRun {
        id: run.run_id,
        language: run.language,
        code_snippet: run.snippet,
        status: run.status,
        exit_code: run.exit_code,
        execution_time_ms: run.duration_ms,
        created_at: run.created_at.into(),
        api_key_id: run.key_id,
        user_context: run.user_context.and_then(|text| serde_json::from_str(&text).ok()),
        ip_address: run.ip,
    }
}
