//! `/api/v1/sandboxes/:id/files`: list, make, move, copy, delete.

use crate::app::App;
use crate::domain::sandbox::file::{list, parse_chmod, parse_mkdir, parse_transfer, wrong_path};
use crate::domain::sandbox::search::{self, Flags};
use crate::domain::timestamp::Timestamp;
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::{Call, invalid};
use crate::http::response::respond;
use crate::http::routes::sandboxes::refusal::with_restored_from;
use crate::ports::http_messages::Response;
use crate::ports::sandboxes::{Given, SandboxOf};
use ::http::StatusCode;
use docle_api::sandbox_files::{FileListing, FileType, SandboxFile, SearchMatch, SearchResult};
use docle_protocol::sandbox::{FileEntry, FileKind, FileMatch, FileRequest, FileResponse, MatchPlace};

/// `GET /api/v1/sandboxes/:id/files?path=`: what a file is, or what is in a directory.
pub async fn list_sandbox_files(app: &App, call: Call) -> Result<Response, ApiError> {
    let (sandbox, path) = named(app, &call, Some(".")).await?;
    let (recursive, hidden) = (flag(&call, "recursive", false)?, flag(&call, "hidden", true)?);
    let stat = app.sandboxes.files(&sandbox, &FileRequest::Stat { path: path.clone() }).await?;
    let mut restored_from = stat.restored_from;
    let entry = entry_of(stat.value)?;
    let is_directory = entry.kind == FileType::Directory;
    let (mut entries, mut more) = (None, None);
    if is_directory {
        let listed = app.sandboxes.files(&sandbox, &list(path, recursive, hidden)).await?;
        restored_from = restored_from.or(listed.restored_from);
        if let FileResponse::Entries { entries: found, more: is_more } = listed.value {
            (entries, more) = (Some(found.into_iter().map(encode).collect()), Some(is_more));
        }
    }
    let listing = FileListing { entry, entries, more };
    Ok(with_restored_from(respond::json(StatusCode::OK, &listing), restored_from))
}

/// `GET /api/v1/sandboxes/:id/files/search?q=`.
pub async fn search_sandbox_files(app: &App, call: Call) -> Result<Response, ApiError> {
    let (sandbox, path) = counted(app, &call, Some(".")).await?;
    let flags = Flags { is_regex: flag(&call, "regex", false)?, include_hidden: flag(&call, "hidden", true)? };
    let request = search::parse(path, flags, |name| call.query(name)).map_err(ApiError::invalid)?;
    let Given { value, restored_from } = app.sandboxes.files(&sandbox, &request).await?;
    let FileResponse::Matches { matches, more } = value else {
        return Err(ApiError::new(ErrorCode::Internal, "The runner gave another answer than that of a search."));
    };
    let encode = |FileMatch { path, path64, place }: FileMatch| {
        let (line, column, excerpt) = match place {
            Some(MatchPlace { line, column, excerpt }) => (Some(line), Some(column), Some(excerpt)),
            None => (None, None, None),
        };
        SearchMatch { path, path64, line, column, excerpt }
    };
    let result = SearchResult { matches: matches.into_iter().map(encode).collect(), more };
    Ok(with_restored_from(respond::json(StatusCode::OK, &result), restored_from))
}

/// `DELETE /api/v1/sandboxes/:id/files?path=`.
pub async fn delete_sandbox_file(app: &App, call: Call) -> Result<Response, ApiError> {
    let (sandbox, path) = named(app, &call, None).await?;
    let recursive = flag(&call, "recursive", false)?;
    let given = app.sandboxes.files(&sandbox, &FileRequest::Delete { path, recursive }).await?;
    Ok(with_restored_from(respond::empty(), given.restored_from))
}

/// `POST /api/v1/sandboxes/:id/files/mkdir`.
pub async fn make_sandbox_directory(app: &App, call: Call) -> Result<Response, ApiError> {
    let (sandbox, body) = body(app, call).await?;
    answer(app, &sandbox, StatusCode::CREATED, parse_mkdir(body).map_err(ApiError::invalid)?).await
}

/// `POST /api/v1/sandboxes/:id/files/move`.
pub async fn move_sandbox_file(app: &App, call: Call) -> Result<Response, ApiError> {
    let (sandbox, body) = body(app, call).await?;
    answer(app, &sandbox, StatusCode::OK, parse_transfer(body, false).map_err(ApiError::invalid)?).await
}

/// `POST /api/v1/sandboxes/:id/files/copy`.
pub async fn copy_sandbox_file(app: &App, call: Call) -> Result<Response, ApiError> {
    let (sandbox, body) = body(app, call).await?;
    answer(app, &sandbox, StatusCode::CREATED, parse_transfer(body, true).map_err(ApiError::invalid)?).await
}

/// `POST /api/v1/sandboxes/:id/files/chmod`.
pub async fn chmod_sandbox_file(app: &App, call: Call) -> Result<Response, ApiError> {
    let (sandbox, body) = body(app, call).await?;
    answer(app, &sandbox, StatusCode::OK, parse_chmod(body).map_err(ApiError::invalid)?).await
}

async fn body(app: &App, call: Call) -> Result<(SandboxOf, serde_json::Value), ApiError> {
    let caller = SandboxCaller::extract_uncounted(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    Ok((sandbox, call.json().await?))
}

async fn answer(
    app: &App,
    sandbox: &SandboxOf,
    status: StatusCode,
    request: FileRequest,
) -> Result<Response, ApiError> {
    let Given { value, restored_from } = app.sandboxes.files(sandbox, &request).await?;
    Ok(with_restored_from(respond::json(status, &entry_of(value)?), restored_from))
}

/// The sandbox of a call, and the path that its query names.
pub async fn named(app: &App, call: &Call, default: Option<&str>) -> Result<(SandboxOf, String), ApiError> {
    path_of(app, call, SandboxCaller::extract_uncounted(app, call).await?, default).await
}

/// The same for a call that counts, because it reads or writes many files.
pub async fn counted(app: &App, call: &Call, default: Option<&str>) -> Result<(SandboxOf, String), ApiError> {
    path_of(app, call, SandboxCaller::extract(app, call).await?, default).await
}

async fn path_of(
    app: &App,
    call: &Call,
    caller: SandboxCaller,
    default: Option<&str>,
) -> Result<(SandboxOf, String), ApiError> {
    let sandbox = caller.sandbox(app, call).await?;
    let path = call.query("path").or_else(|| default.map(str::to_owned));
    let path = path.ok_or_else(|| invalid("path", "is required in the query, such as ?path=main.py"))?;
    match wrong_path(&path) {
        Some(clause) => Err(invalid("path", clause)),
        None => Ok((sandbox, path)),
    }
}

/// A parameter of the query that is true or false.
pub fn flag(call: &Call, name: &str, default: bool) -> Result<bool, ApiError> {
    match call.query(name).as_deref() {
        None => Ok(default),
        Some("true" | "1" | "") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(_) => Err(invalid(name, "must be true or false")),
    }
}

/// The entry of a response that has one.
pub fn entry_of(response: FileResponse) -> Result<SandboxFile, ApiError> {
    match response {
        FileResponse::Entry { entry } => Ok(encode(entry)),
        FileResponse::Entries { .. } | FileResponse::Matches { .. } | FileResponse::Deleted => {
            Err(ApiError::new(ErrorCode::Internal, "The runner gave another answer than that of a file."))
        }
    }
}

/// An entry as responses have it.
pub fn encode(entry: FileEntry) -> SandboxFile {
    let modified = i64::try_from(entry.modified_ms).unwrap_or(i64::MAX);
    SandboxFile {
        name: entry.path.rsplit('/').next().unwrap_or_default().to_owned(),
        path: entry.path,
        path64: entry.path64,
        kind: match entry.kind {
            FileKind::File => FileType::File,
            FileKind::Directory => FileType::Directory,
            FileKind::Symlink => FileType::Symlink,
            FileKind::Other => FileType::Other,
        },
        size: entry.size,
        mode: format!("{:04o}", entry.mode),
        modified_at: Timestamp(modified).into(),
        target: entry.target,
    }
}
