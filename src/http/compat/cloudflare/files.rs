//! `…/file/*` of the bridge: the bytes of a file.

use crate::app::App;
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::compat::cloudflare::refusal::{in_workspace, refused_file};
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::http::routes::sandboxes::content;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::json;

/// `GET …/file/*`.
pub async fn read_bridge_file(app: &App, call: Call) -> Result<Response, ApiError> {
    read(app, call).await.map_err(|error| error.shaped(refused_file))
}

async fn read(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_key_uncounted(app, &call).await?;
    let (sandbox, path) = (caller.sandbox(app, &call).await?, path_of(&call)?);
    content::read(app, &sandbox, &path, None).await
}

/// `PUT …/file/*`.
pub async fn write_bridge_file(app: &App, call: Call) -> Result<Response, ApiError> {
    write(app, call).await.map_err(|error| error.shaped(refused_file))
}

async fn write(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_key_uncounted(app, &call).await?;
    let (sandbox, path) = (caller.sandbox(app, &call).await?, path_of(&call)?);
    content::write(app, &sandbox, &path, call.body).await?;
    Ok(respond::json(StatusCode::OK, &json!({ "ok": true })))
}

/// The absolute path that the URL has without its first slash.
fn path_of(call: &Call) -> Result<String, ApiError> {
    let path = percent_decode_str(call.param(1)).decode_utf8();
    let path = path.map_err(|_| ApiError::new(ErrorCode::InvalidRequest, "the file path must be UTF-8"))?;
    if path.is_empty() || path.contains('\0') {
        return Err(ApiError::new(ErrorCode::InvalidRequest, "file path must not be empty, and have no NUL"));
    }
    in_workspace(&format!("/{path}"), "path")
}
