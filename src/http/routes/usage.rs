//! `/api/projects/:id/usage`: what a project was used for.

use crate::app::App;
use crate::app::usage::{self, Interval, UsageRun};
use crate::domain::timestamp::HOUR_MS;
use crate::domain::timestamp::Timestamp;
use crate::http::auth::caller::SignedIn;
use crate::http::error::ApiError;
use crate::http::request::call::{Call, invalid};
use crate::http::response::respond;
use crate::http::routes::projects;
use crate::ports::exchange::Response;
use ::http::StatusCode;
use serde_json::{Value, json};

/// Totals since the beginning, a series of the last days or hours, and a page of runs.
pub async fn get_usage(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract(app, &call).await?;
    let project = projects::find(app, &caller, call.param(0)).await?;
    let interval = match call.query("interval").as_deref() {
        None | Some("day") => Interval::Day,
        Some("hour") => Interval::Hour,
        Some(_) => return Err(invalid("interval", "must be \"hour\" or \"day\"")),
    };
    let usage = usage::read(app, &project.id, interval, &call.page()?).await?;
    let language = |name| usage.languages.get(name).copied().unwrap_or(0);
    let percent = |part: i64, whole: i64| if whole == 0 { 0.0 } else { (part * 1_000 / whole) as f64 / 10.0 };
    let history: Vec<Value> = usage.history.iter().map(encode_run).collect();
    let start_of = |hour: i64| Timestamp(hour * HOUR_MS).to_string();
    let body = json!({
        "total_runs": usage.total,
        "python_runs": language("python"),
        "nodejs_runs": language("node"),
        "success_rate": percent(usage.successes, usage.total),
        "history": history,
        "next_cursor": usage.next_cursor,
        "languages": usage.languages,
        "statuses": usage.statuses,
        "duration_ms": { "p50": usage.p50_ms, "p95": usage.p95_ms },
        "interval": if interval == Interval::Hour { "hour" } else { "day" },
        "series": usage.series.iter().map(|stretch| json!({
            "start": start_of(stretch.hour), "runs": stretch.runs, "successes": stretch.successes,
        })).collect::<Vec<_>>(),
        "api_keys": usage.keys.iter().map(|key| json!({
            "id": key.key_id, "name": key.name, "runs": key.runs,
        })).collect::<Vec<_>>(),
        "end_users": usage.end_users.iter().map(|user| json!({
            "id": user.id, "runs": user.runs, "last_run_at": user.last_run_at.to_string(),
        })).collect::<Vec<_>>(),
    });
    Ok(respond::json(StatusCode::OK, &body))
}

/// A run as its project sees it.
pub fn encode_run(run: &UsageRun) -> Value {
    let context = run.user_context.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    json!({
        "id": run.run_id,
        "language": run.language,
        "code_snippet": run.snippet,
        "status": run.status,
        "exit_code": run.exit_code,
        "execution_time_ms": run.duration_ms,
        "created_at": run.created_at.to_string(),
        "api_key_id": run.key_id,
        "user_context": context,
        "ip_address": run.ip,
    })
}
