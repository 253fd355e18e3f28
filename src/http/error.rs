//! Errors as clients see them: RFC 9457 problem bodies with a code to act on.

use crate::app::App;
use crate::domain::input::problem::FieldError;
use crate::http::response::respond;
use crate::ports::exchange::Response;
use crate::ports::{Level, PoolFailure, PoolFailureCode, PortError};
use ::http::StatusCode;
use ::http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// What went wrong, as the machine-readable `code` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    InvalidJson,
    InvalidRequest,
    IncompleteBody,
    BodyTooLarge,
    ApiKeyRequired,
    InvalidApiKey,
    SessionRequired,
    ForeignOrigin,
    UnsupportedMediaType,
    TooManyRequests,
    InvalidLink,
    SessionNotFound,
    DomainNotAllowed,
    RateLimitExceeded,
    ProjectNotFound,
    KeyNotFound,
    KeyRevoked,
    RoomNotFound,
    RoomTokenRequired,
    RoomRoleTooLow,
    RoomBusy,
    UpgradeRequired,
    NotFound,
    RunNotFound,
    MethodNotAllowed,
    IdempotencyKeyReused,
    IdempotencyInDoubt,
    RunnerBusy,
    QueueFull,
    RunnerUnavailable,
    RunnerMismatch,
    IsolatesUnavailable,
    ServiceUnavailable,
    Internal,
}

impl ErrorCode {
    /// Every code.
    #[cfg(test)]
    pub const ALL: [Self; 34] = [
        Self::InvalidJson,
        Self::InvalidRequest,
        Self::IncompleteBody,
        Self::BodyTooLarge,
        Self::ApiKeyRequired,
        Self::InvalidApiKey,
        Self::SessionRequired,
        Self::ForeignOrigin,
        Self::UnsupportedMediaType,
        Self::TooManyRequests,
        Self::InvalidLink,
        Self::SessionNotFound,
        Self::DomainNotAllowed,
        Self::RateLimitExceeded,
        Self::ProjectNotFound,
        Self::KeyNotFound,
        Self::KeyRevoked,
        Self::RoomNotFound,
        Self::RoomTokenRequired,
        Self::RoomRoleTooLow,
        Self::RoomBusy,
        Self::UpgradeRequired,
        Self::NotFound,
        Self::RunNotFound,
        Self::MethodNotAllowed,
        Self::IdempotencyKeyReused,
        Self::IdempotencyInDoubt,
        Self::RunnerBusy,
        Self::QueueFull,
        Self::RunnerUnavailable,
        Self::RunnerMismatch,
        Self::IsolatesUnavailable,
        Self::ServiceUnavailable,
        Self::Internal,
    ];

    /// The code on the wire.
    #[cfg(test)]
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// The code on the wire, its HTTP status and its title: the one table.
    const fn row(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::InvalidJson => ("invalid_json", StatusCode::BAD_REQUEST, "Invalid JSON"),
            Self::InvalidRequest => ("invalid_request", StatusCode::BAD_REQUEST, "Invalid request"),
            Self::IncompleteBody => ("incomplete_body", StatusCode::BAD_REQUEST, "Incomplete body"),
            Self::BodyTooLarge => ("body_too_large", StatusCode::PAYLOAD_TOO_LARGE, "Body too large"),
            Self::ApiKeyRequired => ("api_key_required", StatusCode::UNAUTHORIZED, "API key required"),
            Self::InvalidApiKey => ("invalid_api_key", StatusCode::UNAUTHORIZED, "Invalid API key"),
            Self::SessionRequired => ("session_required", StatusCode::UNAUTHORIZED, "Sign-in required"),
            Self::ForeignOrigin => ("foreign_origin", StatusCode::FORBIDDEN, "Foreign origin"),
            Self::UnsupportedMediaType => {
                ("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type")
            }
            Self::TooManyRequests => ("too_many_requests", StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
            Self::InvalidLink => ("invalid_link", StatusCode::GONE, "Invalid link"),
            Self::SessionNotFound => ("session_not_found", StatusCode::NOT_FOUND, "Session not found"),
            Self::DomainNotAllowed => ("domain_not_allowed", StatusCode::FORBIDDEN, "Domain not allowed"),
            Self::RateLimitExceeded => ("rate_limit_exceeded", StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded"),
            Self::ProjectNotFound => ("project_not_found", StatusCode::NOT_FOUND, "Project not found"),
            Self::KeyNotFound => ("key_not_found", StatusCode::NOT_FOUND, "API key not found"),
            Self::KeyRevoked => ("key_revoked", StatusCode::CONFLICT, "API key revoked"),
            Self::RoomNotFound => ("room_not_found", StatusCode::NOT_FOUND, "Room not found"),
            Self::RoomTokenRequired => ("room_token_required", StatusCode::UNAUTHORIZED, "Room token required"),
            Self::RoomRoleTooLow => ("room_role_too_low", StatusCode::FORBIDDEN, "Role too low"),
            Self::RoomBusy => ("room_busy", StatusCode::CONFLICT, "Room busy"),
            Self::UpgradeRequired => ("upgrade_required", StatusCode::UPGRADE_REQUIRED, "Upgrade required"),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND, "Not found"),
            Self::RunNotFound => ("run_not_found", StatusCode::NOT_FOUND, "Run not found"),
            Self::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
            Self::IdempotencyKeyReused => {
                ("idempotency_key_reused", StatusCode::UNPROCESSABLE_ENTITY, "Idempotency key reused")
            }
            Self::IdempotencyInDoubt => ("idempotency_in_doubt", StatusCode::CONFLICT, "First run in doubt"),
            Self::RunnerBusy => ("runner_busy", StatusCode::SERVICE_UNAVAILABLE, "Runner busy"),
            Self::QueueFull => ("queue_full", StatusCode::TOO_MANY_REQUESTS, "Queue full"),
            Self::RunnerUnavailable => ("runner_unavailable", StatusCode::SERVICE_UNAVAILABLE, "Runner unavailable"),
            Self::RunnerMismatch => ("runner_mismatch", StatusCode::BAD_GATEWAY, "Runner mismatch"),
            Self::IsolatesUnavailable => {
                ("isolates_unavailable", StatusCode::SERVICE_UNAVAILABLE, "Isolate tier unavailable")
            }
            Self::ServiceUnavailable => ("service_unavailable", StatusCode::SERVICE_UNAVAILABLE, "Service unavailable"),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "Internal error"),
        }
    }
}

/// An answer that is an error.
#[derive(Debug)]
pub struct ApiError {
    code: ErrorCode,
    message: Cow<'static, str>,
    fields: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Extension members of the body beside those that every error has.
    members: Map<String, Value>,
    /// What the caller is not told.
    cause: Option<Box<str>>,
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    error: &'a str,
    message: &'a str,
    code: &'a str,
    #[serde(rename = "requestId")]
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}

impl ApiError {
    /// An error with a message for the caller.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        let retry_later =
            matches!(code, ErrorCode::RunnerBusy | ErrorCode::RunnerUnavailable | ErrorCode::ServiceUnavailable);
        let headers = match code {
            ErrorCode::ApiKeyRequired | ErrorCode::InvalidApiKey | ErrorCode::RoomTokenRequired => {
                vec![(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))]
            }
            ErrorCode::UpgradeRequired => vec![(UPGRADE, HeaderValue::from_static("websocket"))],
            _ if retry_later => vec![(RETRY_AFTER, HeaderValue::from_static("1"))],
            _ => Vec::new(),
        };
        Self { code, message: message.into(), fields: Vec::new(), headers, members: Map::new(), cause: None }
    }

    /// The same error with an extension member more.
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }

    /// The same error with these headers, too.
    pub fn with_headers(mut self, headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Fields that are wrong; the message is the first of them.
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        let message = match &fields[..] {
            [] => "The request is invalid.".to_owned(),
            [only] => sentence(only),
            [first, _] => format!("{} There is one more problem in `errors`.", sentence(first)),
            [first, others @ ..] => {
                format!("{} There are {} more problems in `errors`.", sentence(first), others.len())
            }
        };
        Self { fields, ..Self::new(ErrorCode::InvalidRequest, message) }
    }

    /// The resource exists, but not for this method.
    pub fn method_not_allowed(methods: &str) -> Self {
        let error = Self::new(ErrorCode::MethodNotAllowed, format!("This path takes {methods}."));
        error.with_headers(HeaderValue::try_from(methods).map(|methods| (ALLOW, methods)))
    }

    /// The body of the error, logged here if there is a cause that the caller is not told.
    pub fn into_response(mut self, app: &App, request_id: &str, path: &str) -> Response {
        let (code, status, title) = self.code.row();
        if let Some(cause) = &self.cause {
            let line =
                json!({ "message": "A request failed.", "code": code, "error": cause, "request.id": request_id });
            app.log.write(Level::Error, line);
        }
        if self.code == ErrorCode::ApiKeyRequired {
            self = self.with("signup_url", app.config.signup_url());
        }
        let problem = Problem {
            r#type: format!("/docs/errors#{code}"),
            title,
            status: status.as_u16(),
            detail: &self.message,
            instance: path,
            error: title,
            message: &self.message,
            code,
            request_id,
            errors: &self.fields,
            members: &self.members,
        };
        let mut response = respond::json(status, &problem);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response.headers_mut().extend(self.headers.into_iter().map(|(name, value)| (Some(name), value)));
        response
    }
}

fn sentence(error: &FieldError) -> String {
    let field = if error.field.is_empty() { "The body" } else { &error.field };
    format!("{field} {}.", error.message)
}

impl From<PortError> for ApiError {
    fn from(error: PortError) -> Self {
        let message = "A part of the service does not answer; please try again.";
        Self { cause: Some(error.0.into()), ..Self::new(ErrorCode::ServiceUnavailable, message) }
    }
}

impl From<PoolFailure> for ApiError {
    fn from(failure: PoolFailure) -> Self {
        let (code, message) = match failure.code {
            PoolFailureCode::Unavailable | PoolFailureCode::ClientLeft => (
                ErrorCode::RunnerUnavailable,
                "No sandbox is available at the moment, and nothing was run; please try again.",
            ),
            // Only calls with a key come to this: what happened to any other is found out before.
            PoolFailureCode::Lost => (
                ErrorCode::RunnerUnavailable,
                "The sandbox does not answer at the moment, and whether it runs the program is not known; please repeat \
                 the call with the same Idempotency-Key.",
            ),
            PoolFailureCode::Busy => {
                (ErrorCode::RunnerBusy, "All places are taken at the moment, and nothing was run; please try again.")
            }
            PoolFailureCode::QueueFull => (
                ErrorCode::QueueFull,
                "So many runs of this project wait for a place that no more may, and nothing was run; please try again.",
            ),
            PoolFailureCode::Mismatch => (
                ErrorCode::RunnerMismatch,
                "The sandbox is of another release than this service, and nothing was run; an update is under way.",
            ),
            PoolFailureCode::Rejected => (ErrorCode::Internal, "The sandbox did not accept the run."),
            PoolFailureCode::KeyReused => (
                ErrorCode::IdempotencyKeyReused,
                "This Idempotency-Key was used with another body within the last 24 hours; use a new key for a new run.",
            ),
            PoolFailureCode::InDoubt => (
                ErrorCode::IdempotencyInDoubt,
                "The first run with this Idempotency-Key was interrupted, and whether it finished is unknown; use a new \
                 key to run again.",
            ),
        };
        let expected =
            matches!(failure.code, PoolFailureCode::KeyReused | PoolFailureCode::InDoubt | PoolFailureCode::QueueFull);
        let mut error = Self { cause: (!expected).then(|| failure.message.into()), ..Self::new(code, message) };
        if let Some(seconds) = failure.retry_after_s {
            error.headers.retain(|(name, _)| name != RETRY_AFTER);
            error.headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_unchanged() {
        let rows: Vec<(&str, u16)> = ErrorCode::ALL.iter().map(|code| (code.row().0, code.row().1.as_u16())).collect();
        let expected = [
            ("invalid_json", 400),
            ("invalid_request", 400),
            ("incomplete_body", 400),
            ("body_too_large", 413),
            ("api_key_required", 401),
            ("invalid_api_key", 401),
            ("session_required", 401),
            ("foreign_origin", 403),
            ("unsupported_media_type", 415),
            ("too_many_requests", 429),
            ("invalid_link", 410),
            ("session_not_found", 404),
            ("domain_not_allowed", 403),
            ("rate_limit_exceeded", 429),
            ("project_not_found", 404),
            ("key_not_found", 404),
            ("key_revoked", 409),
            ("room_not_found", 404),
            ("room_token_required", 401),
            ("room_role_too_low", 403),
            ("room_busy", 409),
            ("upgrade_required", 426),
            ("not_found", 404),
            ("run_not_found", 404),
            ("method_not_allowed", 405),
            ("idempotency_key_reused", 422),
            ("idempotency_in_doubt", 409),
            ("runner_busy", 503),
            ("queue_full", 429),
            ("runner_unavailable", 503),
            ("runner_mismatch", 502),
            ("isolates_unavailable", 503),
            ("service_unavailable", 503),
            ("internal", 500),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn docs_have_every_code() {
        let page = include_str!("../../docs/errors.md");
        for code in ErrorCode::ALL {
            let (name, status, _) = code.row();
            assert!(page.contains(&format!("\n## {name}\n\nHTTP {}. ", status.as_u16())), "{name}");
        }
    }
}
