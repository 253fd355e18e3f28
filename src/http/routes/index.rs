//! `GET /`: what this is.

use crate::app::App;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::respond;
use crate::ports::exchange::Response;
use ::http::StatusCode;
use serde_json::json;

/// Name, version and where to go next.
pub async fn get_index(app: &App, _call: Call) -> Result<Response, ApiError> {
    let index = json!({
        "name": "Docle",
        "version": env!("CARGO_PKG_VERSION"),
        "links": { "run": "/api/run", "health": "/health", "signup": app.config.signup_url() },
    });
    Ok(respond::json(StatusCode::OK, &index))
}
