//! `POST /api/v1/sandboxes/:id/files`: one operation on files, with their content in JSON.

use crate::app::App;
use crate::domain::sandbox::file::{NamedOperation, Operation, parse};
use crate::domain::timestamp::Timestamp;
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::body;
use crate::http::request::call::{Call, invalid};
use crate::http::response::respond;
use crate::http::routes::sandboxes::exec::read_body;
use crate::http::routes::sandboxes::files::{encode, entry_of};
use crate::http::routes::sandboxes::refusal::with_restored_from;
use crate::ports::http_messages::Response;
use crate::ports::sandboxes::{ByteStream, Given, SandboxOf, SandboxRefusal};
use ::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use docle_api::limits::MAX_JSON_FILE_BYTES;
use docle_api::sandbox_files::{FileEncoding, FileOperationResult};
use docle_protocol::sandbox::{FileErrorCode, FileRequest, FileResponse};
use futures::{StreamExt, stream};

/// Does the operation.
pub async fn change_sandbox_files(app: &App, mut call: Call) -> Result<Response, ApiError> {
    body::check_declared_size(&call.parts.headers, &mut call.body).await?;
    let caller = SandboxCaller::extract_uncounted(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let NamedOperation { action, file_path, operation } = parse(read_body(call).await?).map_err(ApiError::invalid)?;
    let mut result = FileOperationResult {
        success: true,
        operation: action,
        file_path,
        file: None,
        content: None,
        encoding: None,
        files: None,
        more: None,
    };
    let restored_from = match operation {
        Operation::Write { path, content, is_new } => write(app, &sandbox, path, content, is_new, &mut result).await?,
        Operation::Read { path, encoding } => read(app, &sandbox, &path, encoding, &mut result).await?,
        Operation::Request(request) => {
            let Given { value, restored_from } = app.sandboxes.files(&sandbox, &request).await?;
            match value {
                FileResponse::Entry { entry } => result.file = Some(encode(entry)),
                FileResponse::Entries { entries, more } => {
                    result.files = Some(entries.into_iter().map(encode).collect());
                    result.more = Some(more);
                }
                FileResponse::Matches { .. } | FileResponse::Deleted => {}
            }
            restored_from
        }
    };
    Ok(with_restored_from(respond::json(StatusCode::OK, &result), restored_from))
}

async fn write(
    app: &App,
    sandbox: &SandboxOf,
    path: String,
    content: Vec<u8>,
    is_new: bool,
    result: &mut FileOperationResult,
) -> Result<Option<Timestamp>, ApiError> {
    if is_new {
        match app.sandboxes.files(sandbox, &FileRequest::Stat { path: path.clone() }).await {
            Ok(_) => {
                let message = "There is something at this path already; operation \"update\" replaces a file.";
                return Err(ApiError::new(ErrorCode::FileExists, message));
            }
            Err(SandboxRefusal::File(error)) if error.code == FileErrorCode::NotFound => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    let content: ByteStream = stream::iter([Ok(content)]).boxed_local();
    let Given { value, restored_from } = app.sandboxes.write(sandbox, &path, content).await?;
    result.file = Some(entry_of(value)?);
    Ok(restored_from)
}

async fn read(
    app: &App,
    sandbox: &SandboxOf,
    path: &str,
    encoding: Option<FileEncoding>,
    result: &mut FileOperationResult,
) -> Result<Option<Timestamp>, ApiError> {
    let Given { value, restored_from } = app.sandboxes.read(sandbox, path, None).await?;
    let (mut bytes, mut body) = (Vec::new(), value.body);
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk.map_err(|error| SandboxRefusal::Interrupted(error.0))?);
        if bytes.len() > MAX_JSON_FILE_BYTES {
            let message = format!(
                "is a file of more than {MAX_JSON_FILE_BYTES} bytes: read it with GET \
                 /api/v1/sandboxes/:id/files/content?path="
            );
            return Err(invalid("file_path", message));
        }
    }
    let (content, encoding) = match (encoding, String::from_utf8(bytes)) {
        (Some(FileEncoding::Base64), text) => {
            let bytes = text.map_or_else(std::string::FromUtf8Error::into_bytes, String::into_bytes);
            (STANDARD.encode(bytes), FileEncoding::Base64)
        }
        (None, Err(error)) => (STANDARD.encode(error.into_bytes()), FileEncoding::Base64),
        (None | Some(FileEncoding::Utf8), Ok(text)) => (text, FileEncoding::Utf8),
        (Some(FileEncoding::Utf8), Err(error)) => {
            (String::from_utf8_lossy(error.as_bytes()).into_owned(), FileEncoding::Utf8)
        }
    };
    (result.content, result.encoding) = (Some(content), Some(encoding));
    Ok(restored_from)
}
