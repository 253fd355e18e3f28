//! Requests to what listens on a port of a sandbox: HTTP/1.1 to the program, whose answer goes back as it comes.
//!
//! Each request has a connection of its own, which ends with it. What the program sends is bounded: a head of 64 KiB and 128
//! headers, and a body that is read as fast as the client reads.

use super::answers::{Answer, Denied, broken, find, invalid, json};
use super::socket_tunnel::copy_socket;
use crate::sandbox::{PortConnection, Sandbox, Sandboxes};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{self, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use docle_protocol::ascii_json;
use docle_protocol::sandbox::port::{
    MAX_PORT_HEAD_BYTES, PORT_HEAD, PortFailure, PortFailureCode, PortRequest, PortResponse, port_path,
};
use futures_util::StreamExt;
use hyper::client::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::DropGuard;

/// Bytes of the head of an answer, and of what waits to be read of it.
const MAX_HEAD: usize = 64 << 10;
/// Headers of an answer.
const MAX_HEADERS: usize = 128;
/// How long a program may take to begin its answer, after the last byte of the request.
const PATIENCE: Duration = Duration::from_secs(120);
/// The headers of a WebSocket handshake that both ends of the connection must see as they are. Extensions are not among them:
/// without compression no message is larger than what has come.
const HANDSHAKE: [HeaderName; 2] = [header::SEC_WEBSOCKET_KEY, header::SEC_WEBSOCKET_VERSION];

pub fn routes() -> Router<Arc<Sandboxes>> {
    Router::new().route(&port_path("{id}", "{port}"), any(forward))
}

async fn forward(
    State(sandboxes): State<Arc<Sandboxes>>,
    Path((id, port)): Path<(String, u16)>,
    request: Request,
) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    let is_socket = request.headers().get(header::UPGRADE).is_some_and(|value| value.as_bytes() == b"websocket");
    let (to_program, client) = read(request, is_socket)?;
    let connection = sandbox.connect(port).await.map_err(|error| broken(&sandbox, &error))?;
    let answered = match connection {
        Ok(connection) => send(&sandbox, connection, to_program).await,
        Err(error) => Err(error),
    };
    let answer = answered.and_then(|answer| respond(&sandbox, answer, client));
    Ok(answer.unwrap_or_else(|error| json(StatusCode::UNPROCESSABLE_ENTITY, &error)))
}

/// The request of the program, and the connection of the client where that may become a WebSocket.
fn read(mut request: Request, is_socket: bool) -> Result<(http::Request<Body>, Option<OnUpgrade>), Denied> {
    let head = request.headers().get(PORT_HEAD).ok_or_else(|| invalid(format!("{PORT_HEAD}: missing")))?;
    let head: PortRequest = serde_json::from_slice(head.as_bytes()).map_err(|error| invalid(error.to_string()))?;
    if !head.target.starts_with('/') {
        return Err(invalid("target: a path expected"));
    }
    let mut builder = http::Request::builder().method(head.method.as_str()).uri(head.target.as_str());
    let headers = builder.headers_mut().ok_or_else(|| invalid("method, target: not of a request"))?;
    for (name, value) in &head.headers {
        let name = HeaderName::try_from(name.as_str()).map_err(|_| invalid("headers: a name is none"))?;
        headers.append(name, header_value(value).ok_or_else(|| invalid("headers: a value is none"))?);
    }
    let client = is_socket.then(|| hyper::upgrade::on(&mut request));
    if client.is_some() {
        for name in HANDSHAKE {
            if let Some(value) = request.headers().get(&name) {
                headers.insert(name, value.clone());
            }
        }
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    } else {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let body = if head.has_body && client.is_none() { request.into_body() } else { Body::empty() };
    Ok((builder.body(body).map_err(|error| invalid(error.to_string()))?, client))
}

/// What a program has answered. Dropping it closes the connection.
struct Answered {
    response: http::Response<hyper::body::Incoming>,
    place: OwnedSemaphorePermit,
    open: DropGuard,
}

/// Sends a request, and waits until the answer begins.
async fn send(
    sandbox: &Sandbox,
    PortConnection { stream, place }: PortConnection,
    request: http::Request<Body>,
) -> Result<Answered, PortFailure> {
    let handshake =
        http1::Builder::new().max_buf_size(MAX_HEAD).max_headers(MAX_HEADERS).handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(failed)?;
    let close = sandbox.end.child_token();
    let open = close.clone().drop_guard();
    tokio::spawn(async move {
        tokio::select! {
            // The end of the body says what has failed.
            _ = connection.with_upgrades() => {}
            () = close.cancelled() => {}
        }
    });
    let (request, last) = watched(request);
    let response = tokio::select! {
        response = sender.send_request(request) => response.map_err(failed)?,
        () = silent(&last) => {
            return Err(PortFailure { code: PortFailureCode::NoAnswer, message: "the program has not answered in time".into() });
        }
    };
    Ok(Answered { response, place, open })
}

/// The same request, and when a part of its body was last sent.
fn watched(request: http::Request<Body>) -> (http::Request<Body>, Arc<Mutex<Instant>>) {
    let last = Arc::new(Mutex::new(Instant::now()));
    if http_body_is_empty(request.body()) {
        return (request, last);
    }
    let sent = Arc::clone(&last);
    let request = request.map(|body| {
        Body::from_stream(body.into_data_stream().inspect(move |_| {
            *sent.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }))
    });
    (request, last)
}

fn http_body_is_empty(body: &Body) -> bool {
    hyper::body::Body::is_end_stream(body)
}

/// Resolves when nothing was sent for as long as a program may think.
async fn silent(last: &Mutex<Instant>) {
    loop {
        let until = *last.lock().unwrap_or_else(PoisonError::into_inner) + PATIENCE;
        if until <= Instant::now() {
            return;
        }
        sleep_until(until).await;
    }
}

fn failed(error: hyper::Error) -> PortFailure {
    let code = if error.is_parse() { PortFailureCode::NotHttp } else { PortFailureCode::NoAnswer };
    PortFailure { code, message: error.to_string() }
}

/// The answer for the caller.
fn respond(sandbox: &Sandbox, answered: Answered, client: Option<OnUpgrade>) -> Result<Response, PortFailure> {
    let Answered { mut response, place, open } = answered;
    let head = head_of(&response)?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let (Some(client), Some(accepted)) = (client, response.headers().get(header::SEC_WEBSOCKET_ACCEPT).cloned())
        else {
            let message = "the program has switched to a protocol that nobody asked for".into();
            return Err(PortFailure { code: PortFailureCode::NotHttp, message });
        };
        let program = hyper::upgrade::on(&mut response);
        let protocol = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL).cloned();
        let end = sandbox.end.clone();
        tokio::spawn(async move {
            let _place = place;
            tokio::select! {
                () = copy_socket(program, client) => {}
                () = end.cancelled() => {}
            }
            drop(open);
        });
        let mut switched = StatusCode::SWITCHING_PROTOCOLS.into_response();
        let headers = switched.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accepted);
        if let Some(protocol) = protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        headers.insert(PORT_HEAD, head);
        return Ok(switched);
    }
    let body = Body::new(response.into_body()).into_data_stream().map(move |chunk| {
        let _open: (&DropGuard, &OwnedSemaphorePermit) = (&open, &place);
        chunk
    });
    let mut answer = Response::new(Body::from_stream(body));
    answer.headers_mut().insert(PORT_HEAD, head);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(answer)
}

fn head_of<B>(response: &http::Response<B>) -> Result<HeaderValue, PortFailure> {
    let text = |value: &HeaderValue| value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
    let headers = response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let head = PortResponse { status: response.status().as_u16(), headers };
    match HeaderValue::try_from(ascii_json(&head)) {
        Ok(value) if value.len() <= MAX_PORT_HEAD_BYTES => Ok(value),
        _ => {
            Err(PortFailure { code: PortFailureCode::NotHttp, message: "the program has sent too many headers".into() })
        }
    }
}

/// The bytes of a value, each of which came as one character.
fn header_value(text: &str) -> Option<HeaderValue> {
    let bytes: Option<Vec<u8>> = text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect();
    HeaderValue::from_maybe_shared(Bytes::from(bytes?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_header_survives() {
        let value = HeaderValue::from_bytes(b"a \"\xe9\xff\\").unwrap();
        let response = http::Response::builder().header("x", &value).body(()).unwrap();
        let head = head_of(&response).unwrap();
        assert!(head.as_bytes().is_ascii());
        let PortResponse { headers, .. } = serde_json::from_slice(head.as_bytes()).unwrap();
        assert_eq!(header_value(&headers[0].1), Some(value));
        assert_eq!(header_value("€"), None);
        assert_eq!(header_value("a\r\nb: c"), None, "a value is one line");
    }

    #[test]
    fn more_headers_than_the_platform_takes_are_refused() {
        let response = http::Response::builder().header("x", "\u{e9}".repeat(20_000)).body(()).unwrap();
        assert_eq!(head_of(&response).unwrap_err().code, PortFailureCode::NotHttp);
    }
}
