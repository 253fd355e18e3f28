//! Which pages belong to this deployment: only they may use the session cookie.

use crate::app::App;
use crate::domain::input::reader::shown;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::Call;
use ::http::HeaderName;
use ::http::header::{CONTENT_TYPE, ORIGIN};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether pages of `origin` belong to this deployment: it is the origin of this API, or of the website in front of it.
pub fn is_own(app: &App, call: &Call, origin: &str) -> bool {
    let app_origin = app.config.app_url.as_deref().map(origin_of);
    origin == origin_of(&call.base_url(app)) || app_origin == Some(origin)
}

/// Whether the client called the host of an address.
pub fn is_at(call: &Call, url: &str) -> bool {
    let host = |url| origin_of(url).rsplit("://").next().unwrap_or_default().to_ascii_lowercase();
    host(url) == call.host().to_ascii_lowercase()
}

/// Refuses a request from a page of another site. Only browsers can be made to send the cookies of their user, and a
/// browser sends `Origin` with every request that changes something. A caller without `Origin` passes only if it is
/// surely no browser: it sends no `Sec-Fetch-Site`, and a body of a type that no form has.
pub fn require_own(app: &App, call: &Call) -> Result<(), ApiError> {
    let Some(origin) = call.parts.headers.get(ORIGIN) else {
        let is_browser = call.parts.headers.contains_key(SEC_FETCH_SITE);
        // A form always names its type, also without fields.
        if !is_browser && (call.has_media_type("application/json") || call.header(CONTENT_TYPE).is_none()) {
            return Ok(());
        }
        let message = "A request with a session needs the header Origin of a page of this deployment. A program that is \
                       no browser needs none if it sends Content-Type: application/json.";
        return Err(ApiError::new(ErrorCode::ForeignOrigin, message));
    };
    let origin = String::from_utf8_lossy(origin.as_bytes());
    if is_own(app, call, &origin) {
        return Ok(());
    }
    let own = [Some(call.base_url(app)), app.config.app_url.clone()];
    let own: Vec<String> = own.into_iter().flatten().map(|url| origin_of(&url).to_owned()).collect();
    let message = format!(
        "The header Origin names {}, and only pages of {} may use a session here. A deployment names its website in \
         PUBLIC_APP_URL.",
        shown(&origin),
        own.join(" and "),
    );
    Err(ApiError::new(ErrorCode::ForeignOrigin, message))
}

/// Scheme, host and port of an address.
pub fn origin_of(url: &str) -> &str {
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
