//! `GET /`, `GET /openapi.json` and `GET /favicon.ico`: what this is.

use crate::app::App;
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use ::http::header::{CACHE_CONTROL, ETAG as ETAG_HEADER, HeaderValue, IF_NONE_MATCH};
use bytes::Bytes;
use docle_api::health::Index;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// The document that [`get_openapi`] responds with.
const OPENAPI: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// Name, version and where to go next.
pub async fn get_index(app: &App, call: Call) -> Result<Response, ApiError> {
    let signup = app.config.signup_url(&call.base_url(app));
    let links = [("run", "/api/run"), ("health", "/health"), ("openapi", "/openapi.json"), ("signup", &signup)];
    let index = Index {
        name: "Docle".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        links: links.map(|(name, address)| (name.to_owned(), address.to_owned())).into(),
    };
    Ok(respond::json(StatusCode::OK, &index))
}

/// `GET /favicon.ico`: nothing, which a browser that shows a page of this service then does not ask for again.
pub async fn get_favicon(_app: &App, _call: Call) -> Result<Response, ApiError> {
    let mut response = respond::empty();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    Ok(response)
}

/// The description of this API, in OpenAPI 3.1. crates/api makes it of the types and the table of operations.
/// A client that has it already, as its `If-None-Match` says, gets 304.
pub async fn get_openapi(_app: &App, call: Call) -> Result<Response, ApiError> {
    static ETAG: LazyLock<String> = LazyLock::new(|| format!("\"{}\"", &hex::encode(Sha256::digest(OPENAPI))[..32]));
    // A cache between may have made the tag a weak one; the text is the same.
    let sent = call.header(IF_NONE_MATCH).unwrap_or_default().split(',').map(|tag| tag.trim().trim_start_matches("W/"));
    let mut response = if sent.into_iter().any(|tag| tag == *ETAG || tag == "*") {
        let mut response = respond::empty();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        respond::raw_json(StatusCode::OK, Bytes::from_static(OPENAPI))
    };
    if let Ok(etag) = HeaderValue::try_from(ETAG.as_str()) {
        response.headers_mut().insert(ETAG_HEADER, etag);
    }
    response.headers_mut().insert(CACHE_CONTROL, respond::FOR_FIVE_MINUTES);
    Ok(response)
}
