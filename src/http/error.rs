//! Errors as clients see them: RFC 9457 problem bodies with a code to act on.

use crate::http::response::respond;
use crate::ports::http_messages::Response;
use crate::ports::{Level, Log, PortError};
use ::http::StatusCode;
use ::http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE};
pub use docle_api::errors::{ErrorCode, FieldError, Members, Problem};
use serde_json::{Value, json};
use std::borrow::Cow;

/// The problems with fields that the message of an error describes; `errors` has all of them.
const SHOWN_PROBLEMS: usize = 3;

/// An error response.
#[derive(Debug)]
pub struct ApiError {
    code: ErrorCode,
    message: Cow<'static, str>,
    fields: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Members of the body beside those that every error has.
    members: Box<Members>,
    /// The cause, for the log only.
    cause: Option<Box<str>>,
    /// How a foreign protocol writes errors.
    shape: Option<Shape>,
}

/// The status and the body of an error in a foreign protocol, made of its status and its message here.
pub type Shape = fn(StatusCode, &str) -> (StatusCode, Value);

impl ApiError {
    /// An error with a message for the caller.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        let retry_later = matches!(
            code,
            ErrorCode::RunnerBusy
                | ErrorCode::RunnerUnavailable
                | ErrorCode::SandboxUnavailable
                | ErrorCode::ServiceUnavailable
        );
        let headers = match code {
            ErrorCode::ApiKeyRequired | ErrorCode::InvalidApiKey | ErrorCode::RoomTokenRequired => {
                vec![(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))]
            }
            ErrorCode::UpgradeRequired => vec![(UPGRADE, HeaderValue::from_static("websocket"))],
            _ if retry_later => vec![(RETRY_AFTER, HeaderValue::from_static("1"))],
            _ => Vec::new(),
        };
        Self {
            code,
            message: message.into(),
            fields: Vec::new(),
            headers,
            members: Box::default(),
            cause: None,
            shape: None,
        }
    }

    /// The same error with these members.
    pub fn with_members(self, members: Members) -> Self {
        Self { members: Box::new(members), ..self }
    }

    /// The same error with another message for the caller.
    pub fn with_message(self, message: String) -> Self {
        Self { message: message.into(), ..self }
    }

    /// The same error with these headers, too.
    pub fn with_headers(mut self, headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// The same error with a cause for the log.
    pub fn with_cause(self, cause: impl Into<Box<str>>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// The same error, after which a client tries again in so many seconds.
    pub fn with_retry_after(mut self, seconds: impl Into<HeaderValue>) -> Self {
        self.headers.retain(|(name, _)| name != RETRY_AFTER);
        self.headers.push((RETRY_AFTER, seconds.into()));
        self
    }

    /// The error for invalid fields. Its message describes the first ones.
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        let shown = fields.iter().take(SHOWN_PROBLEMS).map(sentence).collect::<Vec<_>>().join(" ");
        let message = match fields.len() {
            0 => "The request is invalid.".to_owned(),
            1..=SHOWN_PROBLEMS => shown,
            count if count == SHOWN_PROBLEMS + 1 => format!("{shown} There is one more problem in `errors`."),
            count => format!("{shown} There are {} more problems in `errors`.", count - SHOWN_PROBLEMS),
        };
        Self { fields, ..Self::new(ErrorCode::InvalidRequest, message) }
    }

    /// The same error, written as in a foreign protocol.
    pub fn shaped(self, shape: Shape) -> Self {
        Self { shape: Some(shape), ..self }
    }

    /// The same error after its cause was logged.
    pub fn logged(self, log: &dyn Log) -> Self {
        if let Some(cause) = &self.cause {
            let line = json!({ "message": "A run was not started.", "code": self.code.name(), "error": cause });
            log.write(Level::Error, line);
        }
        self
    }

    /// The code of the error.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The message for the caller.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The fields that are wrong.
    #[cfg(test)]
    pub fn fields(&self) -> &[FieldError] {
        &self.fields
    }

    /// The path does not exist; `meant` is the one that does and looks like it.
    pub fn path_not_found(meant: Option<&str>) -> Self {
        let message = match meant {
            Some(meant) => {
                format!("This path does not exist; did you mean {meant}? GET /openapi.json describes every path.")
            }
            None => {
                "This path does not exist. GET /openapi.json describes every path, and GET /docs what scripts can use."
                    .to_owned()
            }
        };
        Self::new(ErrorCode::NotFound, message)
    }

    /// The resource exists, but not for this method.
    pub fn method_not_allowed(methods: &str) -> Self {
        let message = format!("This path takes {methods}. GET /openapi.json describes every path.");
        let error = Self::new(ErrorCode::MethodNotAllowed, message);
        error.with_headers(HeaderValue::try_from(methods).map(|methods| (ALLOW, methods)))
    }

    /// Every request to a deployment that lacks a binding, or has an invalid variable.
    pub fn misconfigured(cause: &str) -> Self {
        let message = "This deployment is not configured completely; its log says what is missing.";
        Self { cause: Some(cause.into()), ..Self::new(ErrorCode::ServiceUnavailable, message) }
    }

    /// The response for the error. A cause, which the response does not have, is logged here.
    pub fn into_response(self, log: &dyn Log, request_id: &str, path: &str) -> Response {
        let code = self.code.name();
        if let Some(cause) = &self.cause {
            let line =
                json!({ "message": "A request failed.", "code": code, "error": cause, "request.id": request_id });
            log.write(Level::Error, line);
        }
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Some(shape) = self.shape {
            let (status, body) = shape(status, &self.message);
            let mut response = respond::json(status, &body);
            response.headers_mut().extend(self.headers.into_iter().map(|(name, value)| (Some(name), value)));
            return response;
        }
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
    let end = if error.message.ends_with(['?', '.']) { "" } else { "." };
    format!("{field} {}{end}", error.message)
}

impl From<PortError> for ApiError {
    fn from(error: PortError) -> Self {
        let message = "A part of the service does not respond; try again.";
        Self::new(ErrorCode::ServiceUnavailable, message).with_cause(error.0)
    }
}
