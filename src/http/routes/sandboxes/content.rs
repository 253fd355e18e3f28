//! `/api/v1/sandboxes/:id/files/content`: the bytes of a file.

use crate::app::App;
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::http::routes::sandboxes::files::{entry_of, named};
use crate::http::routes::sandboxes::refusal::with_restored_from;
use crate::ports::PortError;
use crate::ports::http_messages::{Body, RequestBody, Response};
use crate::ports::sandboxes::{Content, Given, SandboxOf};
use ::http::StatusCode;
use ::http::header::{ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, RANGE};
use futures::StreamExt;

/// `GET …/files/content?path=`: streams a file, or the part that `Range` names.
pub async fn read_sandbox_file(app: &App, call: Call) -> Result<Response, ApiError> {
    let (sandbox, path) = named(app, &call, None).await?;
    read(app, &sandbox, &path, call.header(RANGE)).await
}

/// Streams a file, or a part of it.
///
/// # Errors
/// There is no such file, or the sandbox does not start.
pub async fn read(app: &App, sandbox: &SandboxOf, path: &str, range: Option<&str>) -> Result<Response, ApiError> {
    let Given { value, restored_from } = app.sandboxes.read(sandbox, path, range).await?;
    let Content { head, body } = value;
    // A body that breaks ends early; a client sees that the connection was closed before its end.
    let chunks = body.scan((), |(), chunk| std::future::ready(chunk.ok().map(Into::into)));
    let mut response = Response::new(Body::Stream(chunks.boxed_local()));
    *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    // Never a type that a browser would show as a page of this origin.
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(Ok(range)) = head.range.map(HeaderValue::try_from) {
        headers.insert(CONTENT_RANGE, range);
    }
    Ok(with_restored_from(response, restored_from))
}

/// `PUT …/files/content?path=`: writes a file; missing directories are made.
pub async fn write_sandbox_file(app: &App, call: Call) -> Result<Response, ApiError> {
    let (sandbox, path) = named(app, &call, None).await?;
    write(app, &sandbox, &path, call.body).await
}

/// Writes a file.
///
/// # Errors
/// It cannot be written, or the sandbox does not start.
pub async fn write(app: &App, sandbox: &SandboxOf, path: &str, body: RequestBody) -> Result<Response, ApiError> {
    let content = body.map(|chunk| chunk.map_err(|_| PortError("The client left.".to_owned()))).boxed_local();
    let Given { value, restored_from } = app.sandboxes.write(sandbox, path, content).await?;
    Ok(with_restored_from(respond::json(StatusCode::OK, &entry_of(value)?), restored_from))
}
