//! Cross-origin calls: with an API key from any page, with the session cookie from our own pages only.

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

const EXPOSED: &str = "x-request-id, retry-after, idempotent-replay, x-ratelimit-limit, x-ratelimit-remaining, \
                       x-ratelimit-reset, ratelimit, ratelimit-policy";

/// Which pages of other origins may read an answer.
pub enum AllowedOrigin {
    None,
    /// All of them, without cookies.
    Any,
    /// The origin of the request, if it belongs to this deployment, with cookies.
    Own(Option<HeaderValue>),
}

/// The pages that may read the answer to a call.
pub fn pages(app: &App, caller: Option<Caller>, call: &Call) -> AllowedOrigin {
    match caller {
        None | Some(Caller::Anyone) => AllowedOrigin::None,
        Some(Caller::ApiClient) => AllowedOrigin::Any,
        Some(Caller::Visitor | Caller::SignedIn) => {
            let origin = call.headers().get(ORIGIN);
            let is_own =
                |origin: &&HeaderValue| origin.to_str().is_ok_and(|origin| same_origin::is_own(app, call, origin));
            AllowedOrigin::Own(origin.filter(is_own).cloned())
        }
    }
}

/// Lets these pages read the answer.
pub fn add(headers: &mut HeaderMap, pages: AllowedOrigin) {
    match pages {
        AllowedOrigin::None => return,
        AllowedOrigin::Any => drop(headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"))),
        AllowedOrigin::Own(origin) => {
            headers.insert(VARY, HeaderValue::from_static("origin"));
            let Some(origin) = origin else { return };
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
    let allowed = HeaderValue::from_static("authorization, content-type, idempotency-key");
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}
