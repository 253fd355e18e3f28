//! What a visitor of an exposed port gets where no program has answered: a page for browsers, a problem for programs.

use crate::app::App;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::response::pages::escape;
use crate::ports::http_messages::{Body, Response};
use ::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};

const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");

/// The response for an error.
pub fn error(app: &App, error: ApiError, asked: &HeaderMap, request_id: &str) -> Response {
    let is_page =
        asked.get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|text| text.contains("text/html"));
    let page = is_page.then(|| page(&error));
    // The path may be one of the program's, and is not repeated.
    let mut response = error.into_response(&*app.log, request_id, "/");
    if let Some(page) = page {
        *response.body_mut() = Body::Whole(page.into());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    }
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_ROBOTS_TAG, "noindex"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn page(error: &ApiError) -> String {
    let (title, message) = (escape(error.code().title()), escape(error.message()));
    let again = match error.code() {
        ErrorCode::PreviewStarting => "<meta http-equiv=\"refresh\" content=\"2\">",
        _ => "",
    };
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">{again}\
         <title>{title}</title><style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto;padding:0 1rem}}\
         @media(prefers-color-scheme:dark){{body{{background:#111;color:#eee}}}}</style><main><h1>{title}</h1><p>{message}</p></main></html>"
    )
}
