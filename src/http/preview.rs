//! The hosts of exposed ports: the one entry that is no route. Programs answer here, and nothing of this service does.

use crate::app::App;
use crate::app::previews::{self, PreviewRefusal, Visit};
use crate::domain::sandbox::preview::{self, LOCAL, Meaning};
use crate::domain::sandbox::preview_headers::{Called, for_client, for_program};
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::{Call, address_of, asks_for_websocket};
use crate::http::response::preview_page;
use crate::ports::PortError;
use crate::ports::http_messages::{Body, Request, Response};
use crate::ports::previews::{PortAnswer, PortBody, PortRefusal};
use crate::ports::sandboxes::SandboxRefusal;
use ::http::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use ::http::{Method, StatusCode};
use bytes::Bytes;
use docle_protocol::sandbox::port::{PortFailureCode, PortHeaders, PortRequest};
use futures::StreamExt;

/// Seconds after which a visitor of a sandbox that starts comes again.
const START_SECONDS: i64 = 2;

/// What the host of a request means.
pub fn meaning(app: &App, request: &Request) -> Meaning {
    let Some(preview_host) = app.config.preview_host() else { return Meaning::Elsewhere };
    host_of(request).map_or(Meaning::Elsewhere, |host| preview::read(host, preview_host))
}

/// What the URLs of ports begin and end with; `None` where ports cannot be exposed. A development machine has them at the
/// port that the client calls.
pub fn origin_for(app: &App, call: &Call) -> Option<(&'static str, String)> {
    let host = app.config.preview_host()?;
    if host != LOCAL {
        return Some(("https", host.to_owned()));
    }
    let port = call.host().rsplit_once(':').map(|(_, port)| format!(":{port}")).unwrap_or_default();
    Some(("http", format!("{host}{port}")))
}

fn host_of(request: &Request) -> Option<&str> {
    let of_url = request.uri().authority().map(::http::uri::Authority::as_str);
    of_url.or_else(|| request.headers().get(HOST)?.to_str().ok())
}

/// The answer to a request whose host has this meaning. It has the headers of the program, and none of this service.
pub async fn answer(app: &App, meaning: Meaning, request: Request, request_id: &str) -> Response {
    let headers = request.headers().clone();
    let method = request.method().clone();
    match visit(app, meaning, request).await {
        Ok(answer) => encode(answer, &method),
        Err(error) => preview_page::error(app, error, &headers, request_id),
    }
}

async fn visit(app: &App, meaning: Meaning, request: Request) -> Result<PortAnswer, ApiError> {
    // An address that is too long for this service has no authority here.
    let (Meaning::Port(address), Some(authority)) = (meaning, request.uri().authority().cloned()) else {
        return Err(not_found());
    };
    let is_socket = asks_for_websocket(request.headers());
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", ::http::uri::PathAndQuery::as_str);
    let called = Called { preview_host: authority.as_str(), scheme: parts.uri.scheme_str().unwrap_or("https"), target };
    // What has no body says so before it is read.
    let has_body = !is_socket && body.size_hint().1 != Some(0);
    let mut headers = for_program(&pairs(&parts.headers), &called);
    headers.retain(|(name, value)| has_body || name != "content-length" || value == "0");
    let request =
        PortRequest { method: parts.method.as_str().to_owned(), target: target.to_owned(), headers, has_body };
    let body = body.map(|chunk| chunk.map_err(|_| PortError("The visitor has left.".to_owned()))).boxed_local();
    let ip = address_of(&parts.headers);
    let visit = Visit { address, ip, is_socket, request, body: has_body.then_some(body) };
    previews::visit(app, visit).await.map_err(refused)
}

fn refused(refusal: PreviewRefusal) -> ApiError {
    match refusal {
        PreviewRefusal::NotFound => not_found(),
        PreviewRefusal::TooManyRequests => {
            let message = "Too many requests came from your network to URLs that may not exist. Try again in a minute.";
            ApiError::new(ErrorCode::TooManyRequests, message).with_retry_after(60)
        }
        PreviewRefusal::Sandbox(SandboxRefusal::Port(PortRefusal::Starting)) => {
            let message = "The sandbox behind this URL was asleep, and starts now. Try again in a moment.";
            ApiError::new(ErrorCode::PreviewStarting, message).with_retry_after(START_SECONDS)
        }
        PreviewRefusal::Sandbox(SandboxRefusal::Port(PortRefusal::Program(error))) => match error.code {
            PortFailureCode::NotListening => ApiError::new(
                ErrorCode::PortNotListening,
                "Nothing listens on this port of the sandbox. Start a server there, and load this page again.",
            ),
            PortFailureCode::NoAnswer => ApiError::new(
                ErrorCode::PortNoAnswer,
                "The server on this port of the sandbox closed the connection, or did not answer in two minutes.",
            ),
            PortFailureCode::NotHttp => ApiError::new(
                ErrorCode::PortNoAnswer,
                "What listens on this port of the sandbox does not answer in HTTP/1.1, or with more than 64 KiB of headers.",
            ),
            PortFailureCode::TooManyConnections => ApiError::new(
                ErrorCode::TooManyConnections,
                "As many connections to the sandbox are open as there may be. Try again in a moment.",
            )
            .with_retry_after(1),
        },
        PreviewRefusal::Sandbox(refusal) => refusal.into(),
    }
}

fn not_found() -> ApiError {
    ApiError::new(ErrorCode::PreviewNotFound, "Nothing is at this address.")
}

fn encode(answer: PortAnswer, method: &Method) -> Response {
    let status = StatusCode::from_u16(answer.head.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let has_none = *method == Method::HEAD || matches!(status.as_u16(), 101 | 204 | 205 | 304);
    let body = match answer.body {
        PortBody::Socket(socket) => Body::Socket(socket),
        PortBody::Stream(_) if has_none => Body::Empty,
        PortBody::Stream(chunks) => Body::Proxied(chunks.map(|chunk| chunk.map(Bytes::from)).boxed_local()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in for_client(&answer.head.headers) {
        if let (Ok(name), Some(value)) = (HeaderName::try_from(name), header_value(&value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Names and values, each byte of which is one character.
fn pairs(headers: &HeaderMap) -> PortHeaders {
    let text = |value: &HeaderValue| value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// The runtime sends text as UTF-8. Bytes that are none are taken for Latin-1, as they mostly are.
fn header_value(text: &str) -> Option<HeaderValue> {
    let bytes: Option<Vec<u8>> = text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect();
    let sent = String::from_utf8(bytes?).unwrap_or_else(|_| text.to_owned());
    HeaderValue::from_bytes(sent.as_bytes()).ok()
}
