//! Responses of JSON, streams of events, and refusals.

use crate::sandbox::{Sandbox, Sandboxes};
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use docle_protocol::headers::EVENT_STREAM;
use docle_protocol::sandbox::FileError;
use docle_protocol::sandbox::checkout::CheckoutRefused;
use docle_protocol::sandbox::process::ProcessError;
use docle_protocol::{Refusal, RefusalCode};
use serde::de::DeserializeOwned;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// A refusal as a response.
pub fn refuse(code: RefusalCode, message: impl Into<String>) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(status, &Refusal { code, message: message.into() })
}

pub fn json<T: serde::Serialize>(status: StatusCode, body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, "application/json")], Body::from(bytes)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// A silent stream of events says that it lives this often, by an empty line.
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// A response with a stream of events.
pub fn event_stream(body: Body) -> Response {
    ([(header::CONTENT_TYPE, EVENT_STREAM), (header::CACHE_CONTROL, "no-store")], body).into_response()
}

/// A body that is there as a whole, or why it is not.
pub type Posted = Result<Bytes, BytesRejection>;
/// What a request is answered with.
pub type Answer = Result<Response, Denied>;

/// Why a request is not carried out.
pub enum Denied {
    Refused(RefusalCode, String),
    File(FileError),
    Process(ProcessError),
    Checkout(CheckoutRefused),
}

impl Denied {
    /// A refusal with a message for the log.
    pub fn of(code: RefusalCode, message: impl Into<String>) -> Self {
        Self::Refused(code, message.into())
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(code, message) => refuse(code, message),
            Self::File(error) => json(StatusCode::UNPROCESSABLE_ENTITY, &error),
            Self::Process(error) => json(StatusCode::UNPROCESSABLE_ENTITY, &error),
            Self::Checkout(refused) => json(StatusCode::UNPROCESSABLE_ENTITY, &refused),
        }
    }
}

/// The sandbox that a request is about.
pub fn find(sandboxes: &Sandboxes, id: &str) -> Result<Arc<Sandbox>, Denied> {
    sandboxes.find(id).ok_or_else(unknown)
}

fn unknown() -> Denied {
    Denied::of(RefusalCode::UnknownSandbox, "this runner has no such sandbox")
}

/// A sandbox that does not do what it is asked for: it may have ended meanwhile.
pub fn broken(sandbox: &Sandbox, error: &io::Error) -> Denied {
    if sandbox.end.is_cancelled() {
        return unknown();
    }
    eprintln!("sandbox.request_failed error={:?}", error.to_string());
    Denied::of(RefusalCode::Internal, error.to_string())
}

/// A request that is not as the protocol has it.
pub fn invalid(message: impl Into<String>) -> Denied {
    Denied::of(RefusalCode::InvalidJob, message)
}

/// A body of JSON.
pub fn read_body<T: DeserializeOwned>(body: Posted) -> Result<T, Denied> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Denied::of(RefusalCode::TooLarge, "the body is too large"),
        _ => invalid(rejection.body_text()),
    })?;
    serde_json::from_slice(&body).map_err(|error| invalid(error.to_string()))
}
