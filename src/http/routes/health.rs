//! `GET /health`: whether this deployment works, and on what.

use crate::app::{App, health};
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::ports::exchange::Response;
use ::http::StatusCode;
use serde_json::json;

/// 200 whenever the Worker lives; `status` says whether the runner does, too.
pub async fn get_health(app: &App, _call: Call) -> Result<Response, ApiError> {
    let runner = health::ask_runner(app).await;
    let reachable = runner.is_some();
    let body = json!({
        "status": if reachable { "ok" } else { "degraded" },
        "version": env!("CARGO_PKG_VERSION"),
        "protocol": docle_protocol::VERSION,
        "environment": app.config.environment,
        "backend": { "kind": app.config.backend.name(), "reachable": reachable, "runner": runner.flatten() },
    });
    Ok(respond::json(StatusCode::OK, &body))
}
