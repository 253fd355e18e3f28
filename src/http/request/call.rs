//! A request as its handler gets it, with the parameters of its path.

use crate::app::App;
use crate::domain::account::audit::Origin;
use crate::domain::input::page::Page;
use crate::domain::input::problem::FieldError;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::body;
use crate::ports::http_messages::RequestBody;
use ::http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use ::http::request::Parts;
use ::http::{HeaderMap, HeaderName};
use docle_api::limits::MAX_SETTINGS_BYTES;
use serde_json::Value;
use std::net::IpAddr;

/// Set by the platform itself, whatever the client sent.
const CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");

/// Enough to recognise a browser by.
const MAX_USER_AGENT_CHARS: usize = 200;

/// A request on its way to its handler.
pub struct Call {
    pub parts: Parts,
    pub body: RequestBody,
    /// The values of the segments `:name` of the route, in order.
    pub params: Vec<String>,
}

impl Call {
    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// A header as text.
    pub fn header(&self, name: impl ::http::header::AsHeaderName) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// The parameter of the path at `index`, which the route has.
    pub fn param(&self, index: usize) -> &str {
        self.params.get(index).map_or("", String::as_str)
    }

    /// The first query parameter of this name.
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.parts.uri.query()?.as_bytes();
        form_urlencoded::parse(query).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The page of a list that the client requests.
    pub fn page(&self) -> Result<Page, ApiError> {
        Page::parse(self.query("limit").as_deref(), self.query("cursor").as_deref()).map_err(ApiError::invalid)
    }

    /// The network address and the browser of the client, as the audit log may store them.
    pub fn origin(&self) -> Origin {
        // Only an address: this text goes into the database and into lists.
        let ip = self.header(CONNECTING_IP).and_then(|text| text.parse::<IpAddr>().ok()).map(|ip| ip.to_string());
        let user_agent = self.header(USER_AGENT).map(|text| text.chars().take(MAX_USER_AGENT_CHARS).collect());
        Origin { ip, user_agent }
    }

    /// The URL of this service: scheme and host.
    pub fn base_url(&self, app: &App) -> String {
        let uri = &self.parts.uri;
        app.config.public_url.clone().unwrap_or_else(|| {
            let host = uri.authority().map(::http::uri::Authority::as_str).or_else(|| self.header(HOST));
            format!("{}://{}", uri.scheme_str().unwrap_or("http"), host.unwrap_or("localhost"))
        })
    }

    /// Whether the body says that it is of this media type.
    pub fn has_media_type(&self, expected: &str) -> bool {
        let media_type = self.header(CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default();
        media_type.trim().eq_ignore_ascii_case(expected)
    }

    /// The body as JSON. It must have that content type, which pages of other sites cannot send without a preflight.
    pub async fn json(self) -> Result<Value, ApiError> {
        self.require_json()?;
        body::parse_json(body::read(self.body, MAX_SETTINGS_BYTES).await?)
    }

    /// The fields of a form.
    pub async fn form(self) -> Result<Vec<(String, String)>, ApiError> {
        let bytes = body::read(self.body, MAX_SETTINGS_BYTES).await?;
        Ok(form_urlencoded::parse(&bytes).into_owned().collect())
    }

    /// Refuses a body of another type than JSON.
    pub fn require_json(&self) -> Result<(), ApiError> {
        if self.has_media_type("application/json") {
            return Ok(());
        }
        Err(ApiError::new(ErrorCode::UnsupportedMediaType, "Send this with Content-Type: application/json."))
    }
}

/// The error for one invalid field.
pub fn invalid(field: &str, message: impl Into<String>) -> ApiError {
    ApiError::invalid(vec![FieldError { field: field.to_owned(), message: message.into() }])
}
