//! `api(url, options)`: an HTTP request to an allowed host.

use crate::api_error::ApiError;
use crate::call_counters::count_blocked;
use crate::destination::{DestinationError, check};
use crate::grant::Grant;
use futures::StreamExt;
use serde_json::{Map, Value, json};
use worker::wasm_bindgen::JsValue;
use worker::{Fetch, Headers, Method, Request, RequestInit, RequestRedirect, Response, Url};

/// Bytes of a response's body.
const MAX_RESPONSE_BYTES: usize = 2 * 1_048_576;
/// Redirects that `api()` follows: as many as in the example of curl's documentation. Browsers follow 20.
const MAX_REDIRECTS: u32 = 5;
const OPTIONS: [&str; 4] = ["method", "headers", "body", "redirect"];
/// Headers that identify the client or control the connection. Cloudflare's own, `cf-…`, are reserved as well.
const RESERVED_HEADERS: [&str; 8] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-real-ip",
    "true-client-ip",
];

/// The request that a script described.
struct OutboundRequest {
    method: Method,
    headers: Vec<(String, String)>,
    body: Option<String>,
    follows_redirects: bool,
}

/// Sends the request in `argument`, `{url, options}`, and returns `status`, `ok`, `url`, `headers` and `text`.
///
/// # Errors
/// When the arguments are wrong, the host is not allowed, or no response arrives.
pub async fn request(argument: Value, grant: &Grant) -> Result<Value, ApiError> {
    let text = argument["url"].as_str().unwrap_or_default();
    let mut outbound = OutboundRequest::read(&argument["options"])?;
    let mut url = allowed(text, grant)?;
    for _ in 0..=MAX_REDIRECTS {
        let response = outbound.send(&url).await?;
        let Some(location) = outbound.follows_redirects.then(|| location(&response)).flatten() else {
            return read_response(&url, response).await;
        };
        let next = url.join(&location).map_err(|_| network("A redirect leads to no address."))?;
        let next = allowed(next.as_str(), grant)?;
        outbound.redirect(response.status_code(), next.origin() == url.origin());
        url = next;
    }
    Err(network(&format!("More than {MAX_REDIRECTS} redirects.")))
}

fn allowed(text: &str, grant: &Grant) -> Result<Url, ApiError> {
    check(text, &grant.allowed_domains).map_err(|error| match error {
        DestinationError::Invalid(message) => ApiError::argument(message),
        DestinationError::Forbidden(message) => {
            count_blocked(&grant.run);
            ApiError { name: "ForbiddenHostError", message }
        }
    })
}

impl OutboundRequest {
    fn read(options: &Value) -> Result<Self, ApiError> {
        let none = Map::new();
        let options = match options {
            Value::Null => &none,
            Value::Object(options) => options,
            _ => return Err(ApiError::argument("The options of api() are an object.")),
        };
        if let Some(unknown) = options.keys().find(|name| !OPTIONS.contains(&name.as_str())) {
            let known = OPTIONS.join(", ");
            return Err(ApiError::argument(format!("api() has no option \"{unknown}\"; it has {known}.")));
        }
        let text = |name: &str| match options.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(ApiError::argument(format!("options.{name} must be a string."))),
        };
        let method = match text("method")?.unwrap_or("GET").to_ascii_uppercase().as_str() {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            _ => return Err(ApiError::argument("options.method must be GET, HEAD, POST, PUT, PATCH or DELETE.")),
        };
        let follows_redirects = match text("redirect")?.unwrap_or("follow") {
            "follow" => true,
            "manual" => false,
            _ => return Err(ApiError::argument("options.redirect must be \"follow\" or \"manual\".")),
        };
        let mut headers = read_headers(options.get("headers").unwrap_or(&Value::Null))?;
        let body = match options.get("body") {
            None | Some(Value::Null) => None,
            Some(_) if matches!(method, Method::Get | Method::Head) => {
                return Err(ApiError::argument("A GET or HEAD request has no body: name another options.method."));
            }
            Some(Value::String(text)) => Some(text.clone()),
            Some(data) => {
                if !headers.iter().any(|(name, _)| name == "content-type") {
                    headers.push(("content-type".to_owned(), "application/json".to_owned()));
                }
                Some(data.to_string())
            }
        };
        Ok(Self { method, headers, body, follows_redirects })
    }

    async fn send(&self, url: &Url) -> Result<Response, ApiError> {
        let headers = Headers::new();
        for (name, value) in &self.headers {
            headers
                .append(name, value)
                .map_err(|_| ApiError::argument(format!("options.headers.{name} is no header.")))?;
        }
        let init = RequestInit {
            method: self.method.clone(),
            headers,
            body: self.body.as_deref().map(JsValue::from),
            redirect: RequestRedirect::Manual,
            ..RequestInit::default()
        };
        let request = Request::new_with_init(url.as_str(), &init);
        let request = request.map_err(|_| ApiError::argument("The request cannot be sent like this."))?;
        let unreachable = || network(&format!("{} could not be reached.", url.host_str().unwrap_or_default()));
        Fetch::Request(request).send().await.map_err(|_| unreachable())
    }

    /// Rewrites the request for a redirect: <https://fetch.spec.whatwg.org/#http-redirect-fetch>.
    fn redirect(&mut self, status: u16, same_origin: bool) {
        let becomes_get =
            status == 303 && self.method != Method::Head || matches!(status, 301 | 302) && self.method == Method::Post;
        if becomes_get {
            self.method = Method::Get;
            self.body = None;
            self.headers.retain(|(name, _)| !name.starts_with("content-"));
        }
        if !same_origin {
            self.headers
                .retain(|(name, _)| !matches!(name.as_str(), "authorization" | "cookie" | "proxy-authorization"));
        }
    }
}

fn read_headers(headers: &Value) -> Result<Vec<(String, String)>, ApiError> {
    let headers = match headers {
        Value::Null => return Ok(Vec::new()),
        Value::Object(headers) => headers,
        _ => return Err(ApiError::argument("options.headers must be an object of strings.")),
    };
    let read = |(name, value): (&String, &Value)| {
        let name = name.to_ascii_lowercase();
        if RESERVED_HEADERS.contains(&name.as_str()) || name.starts_with("cf-") {
            return Err(ApiError::argument(format!("options.headers.{name} cannot be set by a script.")));
        }
        match value {
            Value::String(value) => Ok((name, value.clone())),
            _ => Err(ApiError::argument(format!("options.headers.{name} must be a string."))),
        }
    };
    headers.iter().map(read).collect()
}

fn location(response: &Response) -> Option<String> {
    let redirects = matches!(response.status_code(), 301 | 302 | 303 | 307 | 308);
    redirects.then(|| response.headers().get("location").ok().flatten()).flatten()
}

async fn read_response(url: &Url, mut response: Response) -> Result<Value, ApiError> {
    let status = response.status_code();
    let headers: Map<String, Value> =
        response.headers().entries().map(|(name, value)| (name, Value::String(value))).collect();
    let mut bytes = Vec::new();
    if !matches!(status, 101 | 204 | 205 | 304)
        && let Ok(mut chunks) = response.stream()
    {
        while let Some(chunk) = chunks.next().await {
            bytes.extend(chunk.map_err(|_| network("The response broke off."))?);
            if bytes.len() > MAX_RESPONSE_BYTES {
                return Err(ApiError::limit(format!("The response has more than {MAX_RESPONSE_BYTES} bytes.")));
            }
        }
    }
    Ok(json!({
        "status": status,
        "ok": (200..300).contains(&status),
        "url": url.as_str(),
        "headers": headers,
        "text": String::from_utf8_lossy(&bytes),
    }))
}

fn network(message: &str) -> ApiError {
    ApiError { name: "NetworkError", message: message.to_owned() }
}
