//! `GET /languages`, `GET /docs` and `GET /docs/errors`: what programs and scripts may be made of, and what errors mean.

use crate::app::{App, languages};
use crate::http::error::ApiError;
use crate::http::request::accept;
use crate::http::request::call::Call;
use crate::http::response::pages;
use crate::http::response::respond;
use crate::http::routes::scripts::runtime_apis::{EXAMPLE, LIMITS, RUNTIME_APIS};
use crate::ports::exchange::Response;
use ::http::StatusCode;
use ::http::header::{CACHE_CONTROL, HeaderValue, VARY};
use serde_json::{Value, json};

/// As it is read in this repository.
const ERRORS: &str = include_str!("../../../../docs/errors.md");

/// `GET /languages`: every tier's languages, in the versions that they say themselves.
pub async fn list_languages(app: &App, _call: Call) -> Result<Response, ApiError> {
    let languages = languages::list(app).await;
    let mut response = respond::json(StatusCode::OK, &json!({ "languages": languages }));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    Ok(response)
}

/// `GET /docs`: the runtime APIs of scripts, as a page for whoever reads pages.
pub async fn get_docs(_app: &App, call: Call) -> Result<Response, ApiError> {
    let mut response =
        if accept::wants_page(call.headers()) { pages::runtime_apis() } else { respond::json(StatusCode::OK, &docs()) };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// `GET /docs/errors`: what each code means and what to do then, with a heading for each; for browsers as a page.
pub async fn get_errors(_app: &App, call: Call) -> Result<Response, ApiError> {
    let mut response = if accept::wants_page(call.headers()) { pages::errors() } else { respond::markdown(ERRORS) };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

fn docs() -> Value {
    let apis: Vec<Value> = RUNTIME_APIS
        .iter()
        .map(|api| {
            json!({
                "name": api.name, "signature": api.signature, "description": api.description, "example": api.example,
            })
        })
        .collect();
    let limits: Vec<Value> = LIMITS.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    json!({ "runtimeApis": apis, "limits": limits, "example": EXAMPLE })
}
