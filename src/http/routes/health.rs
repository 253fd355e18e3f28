//! `GET /health`: whether this deployment works, and on what.

use crate::app::{App, health};
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use docle_api::health::{Backend, Health, HealthStatus};

/// 200 whenever the Worker lives; `status` says whether the runner does, too.
pub async fn get_health(app: &App, _call: Call) -> Result<Response, ApiError> {
    let runner = health::runner_health(app).await;
    let reachable = runner.is_some();
    let body = Health {
        status: if reachable { HealthStatus::Ok } else { HealthStatus::Degraded },
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: docle_protocol::VERSION,
        environment: app.config.environment.clone(),
        backend: Backend { kind: app.config.backend, reachable, runner: runner.flatten() },
    };
    Ok(respond::json(StatusCode::OK, &body))
}
