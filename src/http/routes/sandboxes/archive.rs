//! `/api/v1/sandboxes/:id/archive`: a directory as a tar archive, and an archive into a directory.

use crate::app::App;
use crate::app::snapshots;
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::http::routes::sandboxes::files::{counted, entry_of};
use crate::http::routes::sandboxes::refusal::with_restored_from;
use crate::ports::PortError;
use crate::ports::http_messages::{Body, RequestBody, Response};
use crate::ports::sandboxes::{ByteStream, Given, SandboxOf};
use ::http::StatusCode;
use ::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use futures::StreamExt;

/// `GET …/archive?path=`.
pub async fn export_sandbox_directory(app: &App, call: Call) -> Result<Response, ApiError> {
    let (sandbox, path) = counted(app, &call, Some(".")).await?;
    export(app, &sandbox, &path).await
}

/// Streams a directory as a tar archive.
///
/// # Errors
/// There is no such directory, or the sandbox does not start.
pub async fn export(app: &App, sandbox: &SandboxOf, path: &str) -> Result<Response, ApiError> {
    let Given { value, restored_from } = app.sandboxes.export(sandbox, path).await?;
    Ok(with_restored_from(tar(value), restored_from))
}

/// `POST …/archive?path=`: files of the archive take the place of those with their names, and all others stay.
pub async fn import_sandbox_directory(app: &App, call: Call) -> Result<Response, ApiError> {
    let (sandbox, path) = counted(app, &call, Some(".")).await?;
    import(app, &sandbox, &path, call.body).await
}

/// Unpacks a tar archive into a directory.
///
/// # Errors
/// It is none, or the sandbox does not start.
pub async fn import(app: &App, sandbox: &SandboxOf, path: &str, body: RequestBody) -> Result<Response, ApiError> {
    let archive = body.map(|chunk| chunk.map_err(|_| PortError("The client left.".to_owned()))).boxed_local();
    let Given { value, restored_from } = app.sandboxes.import(sandbox, path, archive).await?;
    Ok(with_restored_from(respond::json(StatusCode::OK, &entry_of(value)?), restored_from))
}

/// `GET …/snapshots/:snapshot/export`. It wakes nothing.
pub async fn export_snapshot(app: &App, call: Call) -> Result<Response, ApiError> {
    let sandbox = SandboxCaller::extract(app, &call).await?.sandbox(app, &call).await?;
    Ok(tar(snapshots::export(app, &sandbox, call.param(1)).await?))
}

fn tar(archive: ByteStream) -> Response {
    // One that breaks ends early; a client sees that the connection was closed before the end of the archive.
    let chunks = archive.map(|chunk| chunk.map(Into::into));
    let mut response = Response::new(Body::Stream(
        chunks.scan((), |(), chunk: Result<_, PortError>| std::future::ready(chunk.ok())).boxed_local(),
    ));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"archive.tar\""));
    response
}
