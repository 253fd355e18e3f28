//! `GET /` and `GET /openapi.json`: what this is.

use crate::app::App;
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::ports::exchange::Response;
use ::http::StatusCode;
use bytes::Bytes;
use serde_json::json;

/// Name, version and where to go next.
pub async fn get_index(app: &App, _call: Call) -> Result<Response, ApiError> {
    let index = json!({
        "name": "Docle",
        "version": env!("CARGO_PKG_VERSION"),
        "links": { "run": "/api/run", "health": "/health", "openapi": "/openapi.json", "signup": app.config.signup_url() },
    });
    Ok(respond::json(StatusCode::OK, &index))
}

/// The description of this API, in OpenAPI 3.1. A test makes it from the table of routes and compares it with this.
pub async fn get_openapi(_app: &App, _call: Call) -> Result<Response, ApiError> {
    let document = include_bytes!("../openapi.json");
    Ok(respond::raw_json(StatusCode::OK, Bytes::from_static(document)))
}
