//! Errors as clients see them: RFC 9457 problem bodies with a code to act on.

use crate::app::App;
use crate::http::response::respond;
use crate::ports::http_messages::Response;
use crate::ports::{Level, PoolFailure, PoolFailureCode, PortError};
use ::http::StatusCode;
use ::http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE};
pub use docle_api::errors::{ErrorCode, FieldError, Members, Problem};
use serde_json::json;
use std::borrow::Cow;

/// An answer that is an error.
#[derive(Debug)]
pub struct ApiError {
    code: ErrorCode,
    message: Cow<'static, str>,
    fields: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Members of the body beside those that every error has.
    members: Box<Members>,
    /// What the caller is not told.
    cause: Option<Box<str>>,
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
        Self { code, message: message.into(), fields: Vec::new(), headers, members: Box::default(), cause: None }
    }

    /// The same error with these members.
    pub fn with_members(self, members: Members) -> Self {
        Self { members: Box::new(members), ..self }
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

    /// The fields that are wrong.
    #[cfg(test)]
    pub fn fields(&self) -> &[FieldError] {
        &self.fields
    }

    /// The resource exists, but not for this method.
    pub fn method_not_allowed(methods: &str) -> Self {
        let error = Self::new(ErrorCode::MethodNotAllowed, format!("This path takes {methods}."));
        error.with_headers(HeaderValue::try_from(methods).map(|methods| (ALLOW, methods)))
    }

    /// The body of the error, logged here if there is a cause that the caller is not told.
    pub fn into_response(mut self, app: &App, request_id: &str, path: &str) -> Response {
        let code = self.code.name();
        if let Some(cause) = &self.cause {
            let line =
                json!({ "message": "A request failed.", "code": code, "error": cause, "request.id": request_id });
            app.log.write(Level::Error, line);
        }
        if self.code == ErrorCode::ApiKeyRequired {
            self.members.signup_url = Some(app.config.signup_url());
        }
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (title, message) = (self.code.title().to_owned(), self.message.into_owned());
        let problem = Problem {
            kind: format!("/docs/errors#{code}"),
            title: title.clone(),
            status: status.as_u16(),
            detail: message.clone(),
            instance: path.to_owned(),
            error: title,
            message,
            code: self.code,
            request_id: request_id.to_owned(),
            errors: self.fields,
            members: self.members,
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
