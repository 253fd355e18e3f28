//! `GET /languages`, `GET /docs` and `GET /docs/errors`: languages, runtime APIs, and error codes.

use crate::app::{App, languages};
use crate::http::error::ApiError;
use crate::http::request::accept;
use crate::http::request::call::Call;
use crate::http::response::pages;
use crate::http::response::respond;
use crate::http::routes::scripts::runtime_apis::{EXAMPLE, LIMITS, RUNTIME_APIS};
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use ::http::header::{CACHE_CONTROL, HeaderValue, VARY};
use docle_api::languages::{Docs, Languages, Limit};

/// The page about errors, as Markdown.
const ERRORS: &str = include_str!("../../../../docs/errors.md");

/// `GET /languages`: every tier's languages, in the versions that they say themselves.
pub async fn list_languages(app: &App, _call: Call) -> Result<Response, ApiError> {
    let languages = languages::list(app).await;
    // A list without versions is that of a moment in which the interpreters could not be asked.
    let is_complete = languages.iter().all(|language| !language.versions.is_empty());
    let mut response = respond::json(StatusCode::OK, &Languages { languages });
    if is_complete {
        response.headers_mut().insert(CACHE_CONTROL, respond::FOR_FIVE_MINUTES);
    }
    Ok(response)
}

/// `GET /docs`: the runtime APIs of scripts, as a page when the request accepts HTML.
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

fn docs() -> Docs {
    let limits = LIMITS.iter().map(|(name, value)| Limit { name: (*name).to_owned(), value: (*value).to_owned() });
    let apis = RUNTIME_APIS.iter().map(|api| docle_api::languages::RuntimeApiDoc {
        name: api.name.to_owned(),
        signature: api.signature.to_owned(),
        description: api.description.to_owned(),
        example: api.example.to_owned(),
    });
    Docs { runtime_apis: apis.collect(), limits: limits.collect(), example: EXAMPLE.to_owned() }
}
