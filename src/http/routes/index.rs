//! `GET /` and `GET /openapi.json`: what this is.

use crate::app::App;
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use bytes::Bytes;
use docle_api::health::Index;

/// Name, version and where to go next.
pub async fn get_index(app: &App, _call: Call) -> Result<Response, ApiError> {
    let signup = app.config.signup_url();
    let links = [("run", "/api/run"), ("health", "/health"), ("openapi", "/openapi.json"), ("signup", &signup)];
    let index = Index {
        name: "Docle".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        links: links.map(|(name, address)| (name.to_owned(), address.to_owned())).into(),
    };
    Ok(respond::json(StatusCode::OK, &index))
}

/// The description of this API, in OpenAPI 3.1. crates/api makes it of the types and the table of operations.
pub async fn get_openapi(_app: &App, _call: Call) -> Result<Response, ApiError> {
    let document = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json"));
    Ok(respond::raw_json(StatusCode::OK, Bytes::from_static(document)))
}
