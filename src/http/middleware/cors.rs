//! Cross-origin calls: which pages may read an answer, and with or without the session cookie.
//!
//! | caller of the route | pages of other origins | own pages (this API's, and `PUBLIC_APP_URL`) |
//! |---|---|---|
//! | [`Caller::Anyone`]: health, languages, descriptions | read, without cookies | the same |
//! | [`Caller::ApiClient`]: an API key or a token decides | read, without cookies | the same |
//! | [`Caller::KeyOrSession`]: a key in a header, else the cookie | read, without cookies | read, with cookies |
//! | [`Caller::Visitor`], [`Caller::SignedIn`], [`Caller::Manager`]: the cookie, on the way to one, or a token of a server | nothing | read, with cookies |

use crate::app::App;
use crate::http::request::call::Call;
use crate::http::request::same_origin;
use crate::http::response::respond;
use crate::http::table::Caller;
use crate::ports::http_messages::Response;
use ::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, HeaderMap, HeaderValue,
    ORIGIN, VARY,
};
use docle_api::request_headers::REQUEST_HEADERS;

const EXPOSED: &str = "x-request-id, x-docle-run-id, x-docle-restored-from, content-disposition, content-range, etag, retry-after, idempotent-replay, x-ratelimit-limit, x-ratelimit-remaining, \
                       x-ratelimit-reset, ratelimit, ratelimit-policy";

/// Which pages of other origins may read an answer.
pub enum AllowedOrigin {
    /// All of them, without cookies.
    Any,
    /// All of them, without cookies; a page of this deployment would get another answer.
    AnyButOwn,
    /// The origin of the request, which belongs to this deployment, with cookies.
    Own(HeaderValue),
    /// None; a page of this deployment would get another answer.
    OnlyOwn,
}

/// The pages that may read the answer to a call.
pub fn pages(app: &App, caller: Option<Caller>, call: &Call) -> AllowedOrigin {
    match caller.map(Caller::with_the_same_pages) {
        Some(Caller::SignedIn) => own_origin(app, call).map_or(AllowedOrigin::OnlyOwn, AllowedOrigin::Own),
        Some(Caller::KeyOrSession) => own_origin(app, call).map_or(AllowedOrigin::AnyButOwn, AllowedOrigin::Own),
        // An error for a path that does not exist holds nothing that a page may not read.
        _ => AllowedOrigin::Any,
    }
}

/// The origin of the page that calls, if it is one of this deployment.
fn own_origin(app: &App, call: &Call) -> Option<HeaderValue> {
    let origin = call.headers().get(ORIGIN)?;
    origin.to_str().is_ok_and(|text| same_origin::is_own(app, call, text)).then(|| origin.clone())
}

/// Lets these pages read the answer.
pub fn add(headers: &mut HeaderMap, pages: AllowedOrigin) {
    const ANY: HeaderValue = HeaderValue::from_static("*");
    if !matches!(pages, AllowedOrigin::Any) {
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
    match pages {
        AllowedOrigin::OnlyOwn => return,
        AllowedOrigin::Any | AllowedOrigin::AnyButOwn => drop(headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY)),
        AllowedOrigin::Own(origin) => {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
}

/// The response to a CORS preflight, which a browser may cache for a day.
pub fn preflight(methods: &str) -> Response {
    let mut response = respond::empty();
    let headers = response.headers_mut();
    if let Ok(methods) = HeaderValue::try_from(methods) {
        headers.insert(ALLOW, methods.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    if let Ok(allowed) = HeaderValue::try_from(REQUEST_HEADERS.join(", ")) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}
