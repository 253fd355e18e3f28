//! Which pages belong to this deployment: only they may use the session cookie.

use crate::app::App;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::Call;
use ::http::HeaderName;
use ::http::header::ORIGIN;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether pages of `origin` belong to this deployment: it is the origin of this API, or of the website in front of it.
pub fn is_own(app: &App, call: &Call, origin: &str) -> bool {
    let app_origin = app.config.app_url.as_deref().map(origin_of);
    origin == origin_of(&call.base_url(app)) || app_origin == Some(origin)
}

/// Refuses a request from a page of another site. A caller that sends neither `Origin` nor `Sec-Fetch-Site` is no
/// browser, because every browser sends `Origin` with a request that changes something. Only browsers can be made to
/// send the cookies of their user.
pub fn require_own(app: &App, call: &Call) -> Result<(), ApiError> {
    let own = match call.parts.headers.get(ORIGIN) {
        Some(origin) => origin.to_str().is_ok_and(|origin| is_own(app, call, origin)),
        None => call.header(SEC_FETCH_SITE).is_none_or(|site| site == "same-origin"),
    };
    if own {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::ForeignOrigin, "Pages of other sites cannot do this; use a page of this deployment."))
}

/// Scheme, host and port of an address.
fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or(url, |end| &url[..host + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_an_address_without_its_path() {
        for (url, origin) in [
            ("https://a.com", "https://a.com"),
            ("https://a.com:8443/b/c", "https://a.com:8443"),
            ("http://localhost:8787/", "http://localhost:8787"),
        ] {
            assert_eq!(origin_of(url), origin);
        }
    }
}
