//! A request as its handler gets it, with the parameters of its path.

use crate::app::App;
use crate::domain::account::audit::Origin;
use crate::domain::input::page::Page;
use crate::domain::input::problem::FieldError;
use crate::domain::input::reader::shown;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::body;
use crate::ports::http_messages::RequestBody;
use ::http::header::{CONTENT_TYPE, HOST, HeaderValue, SET_COOKIE, UPGRADE, USER_AGENT};
use ::http::request::Parts;
use ::http::{HeaderMap, HeaderName};
use docle_api::limits::MAX_SETTINGS_BYTES;
use serde_json::{Map, Value};
use std::cell::OnceCell;
use std::net::IpAddr;
use std::rc::Rc;

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
    /// The API key in front of the path, which only foreign protocols read.
    pub key_in_path: Option<String>,
    /// The cookie that the response sets again, if this call has extended its session.
    pub renewal: Renewal,
}

/// A `Set-Cookie` header that authentication leaves for the response, whatever the handler responds with.
#[derive(Clone, Default)]
pub struct Renewal(Rc<OnceCell<HeaderValue>>);

impl Renewal {
    /// Leaves a cookie; the first one stays.
    pub fn set(&self, cookie: HeaderValue) {
        let _ = self.0.set(cookie);
    }

    /// Adds the cookie to the headers of a response, unless they set one already.
    pub fn add_to(&self, headers: &mut HeaderMap) {
        if let Some(cookie) = self.0.get() {
            headers.entry(SET_COOKIE).or_insert_with(|| cookie.clone());
        }
    }
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
        let ip = address_of(&self.parts.headers);
        let user_agent = self.header(USER_AGENT).map(|text| text.chars().take(MAX_USER_AGENT_CHARS).collect());
        Origin { ip, user_agent }
    }

    /// The URL of this service: scheme and host.
    pub fn base_url(&self, app: &App) -> String {
        let scheme = self.parts.uri.scheme_str().unwrap_or("http");
        app.config.public_url.clone().unwrap_or_else(|| format!("{scheme}://{}", self.host()))
    }

    /// Host and port that the client called.
    pub fn host(&self) -> &str {
        let host = self.parts.uri.authority().map(::http::uri::Authority::as_str).or_else(|| self.header(HOST));
        host.unwrap_or("localhost")
    }

    /// Whether the client called a name of its own machine. On the Workers platform no such name leads to a deployment.
    pub fn is_local(&self) -> bool {
        is_local_host(self.host())
    }

    /// Whether the client asks for a WebSocket.
    pub fn asks_for_websocket(&self) -> bool {
        asks_for_websocket(&self.parts.headers)
    }

    /// Whether the body says that it is of this media type.
    pub fn has_media_type(&self, expected: &str) -> bool {
        let media_type = self.header(CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default();
        media_type.trim().eq_ignore_ascii_case(expected)
    }

    /// The body as JSON. It must have that content type, which pages of other sites cannot send without a preflight.
    pub async fn json(self) -> Result<Value, ApiError> {
        self.require_json()?;
        body::parse_json(&self.parts.headers, body::read(self.body, MAX_SETTINGS_BYTES).await?)
    }

    /// The same where every field is optional: no body is an empty object.
    pub async fn optional_json(self) -> Result<Value, ApiError> {
        let is_json = self.require_json();
        let bytes = body::read(self.body, MAX_SETTINGS_BYTES).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Value::Object(Map::new()));
        }
        is_json?;
        body::parse_json(&self.parts.headers, bytes)
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
        let sent = self.header(CONTENT_TYPE).and_then(|value| value.split(';').next()).map(str::trim);
        let message = match sent.filter(|sent| !sent.is_empty()) {
            Some(sent) => {
                format!("Send JSON with the header Content-Type: application/json; this was {}.", shown(sent))
            }
            None => {
                "Send JSON with the header Content-Type: application/json; this request has no Content-Type.".to_owned()
            }
        };
        Err(ApiError::new(ErrorCode::UnsupportedMediaType, message))
    }
}

/// The network address of a client. Only an address: this text goes into the database and into lists.
pub fn address_of(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONNECTING_IP)?.to_str().ok()?;
    text.parse::<IpAddr>().ok().map(|ip| ip.to_string())
}

/// Whether a client asks for a WebSocket.
pub fn asks_for_websocket(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Whether a host, with or without a port, is a name of the machine that calls it.
pub fn is_local_host(host: &str) -> bool {
    let is_port = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) && !name.is_empty() => name,
        _ => host,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

/// The error for one invalid field.
pub fn invalid(field: &str, message: impl Into<String>) -> ApiError {
    ApiError::invalid(vec![FieldError { field: field.to_owned(), message: message.into() }])
}
