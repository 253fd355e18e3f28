//! The files of a sandbox over HTTP: operations on them, the content of one, and all of them.

use super::answers::{Answer, Denied, Posted, broken, find, invalid, json, read_body};
use crate::sandbox::{Content, FileFailure, Paths, Sandbox, Sandboxes};
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use docle_protocol::byte_range::{self, Asked};
use docle_protocol::sandbox::FileRequest;
use futures_util::{StreamExt, stream};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes of a body that are collected before a worker of its own is started for it.
const SMALL: usize = 1 << 20;
/// Bytes that are read in one go.
const PIECE: usize = 256 << 10;

/// Carries out one operation.
pub async fn work(
    State(sandboxes): State<Arc<Sandboxes>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    body: Posted,
) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    let request: FileRequest = read_body(body)?;
    let query = query.unwrap_or_default();
    let paths = Paths { first: decoded(&query, "path="), second: decoded(&query, "to=") };
    let response = sandbox.file(request, paths).await.map_err(|failure| failed(&sandbox, failure))?;
    Ok(json(StatusCode::OK, &response))
}

/// The content of a file, or one range of it.
pub async fn read_content(
    State(sandboxes): State<Arc<Sandboxes>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    let path = path_of(query.as_deref())?;
    let Content { file, entry } = sandbox.open(path).await.map_err(|failure| failed(&sandbox, failure))?;
    let size = entry.size;
    let wanted =
        headers.get(header::RANGE).and_then(|value| value.to_str().ok()).map(|text| byte_range::parse(text, size));
    let (from, length, status) = match wanted {
        None | Some(Asked::Whole) => (0, size, StatusCode::OK),
        Some(Asked::Part { offset, length }) => (offset, length, StatusCode::PARTIAL_CONTENT),
        Some(Asked::Unsatisfiable) => {
            let headers = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response());
        }
    };
    let mut response = Body::from_stream(pieces(Arc::new(file), from, length)).into_response();
    *response.status_mut() = status;
    let mut set = |name, value: String| {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, "application/octet-stream".into());
    set(header::CONTENT_LENGTH, length.to_string());
    set(header::ACCEPT_RANGES, "bytes".into());
    if status == StatusCode::PARTIAL_CONTENT {
        set(header::CONTENT_RANGE, format!("bytes {from}-{}/{size}", from + length - 1));
    }
    Ok(response)
}

/// Writes a file.
pub async fn write_content(
    State(sandboxes): State<Arc<Sandboxes>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    body: Body,
) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    let path = path_of(query.as_deref())?;
    let mut body = body.into_data_stream();
    let mut first = Vec::new();
    let is_whole = loop {
        match body.next().await {
            None => break true,
            Some(Ok(bytes)) => first.extend_from_slice(&bytes),
            Some(Err(_)) => return Err(failed(&sandbox, FileFailure::Body)),
        }
        if first.len() > SMALL {
            break false;
        }
    };
    let written = if is_whole {
        sandbox.write(path, first).await
    } else {
        sandbox.write_stream(path, stream::iter([Ok(Bytes::from(first))]).chain(body)).await
    };
    Ok(json(StatusCode::OK, &written.map_err(|failure| failed(&sandbox, failure))?))
}

/// An archive of everything that is saved.
pub async fn read_archive(State(sandboxes): State<Arc<Sandboxes>>, Path(id): Path<String>) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    let pieces = sandbox.pack().await.map_err(|error| broken(&sandbox, &error))?;
    Ok(([(header::CONTENT_TYPE, "application/x-tar")], Body::from_stream(pieces)).into_response())
}

/// Replaces everything that is saved.
pub async fn write_archive(State(sandboxes): State<Arc<Sandboxes>>, Path(id): Path<String>, body: Body) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    sandbox.unpack(body.into_data_stream()).await.map_err(|failure| failed(&sandbox, failure))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// An archive of a directory.
pub async fn export_directory(
    State(sandboxes): State<Arc<Sandboxes>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    let path = path_of(query.as_deref())?;
    let pieces = sandbox.export(path).await.map_err(|failure| failed(&sandbox, failure))?;
    Ok(([(header::CONTENT_TYPE, "application/x-tar")], Body::from_stream(pieces)).into_response())
}

/// Unpacks an archive into a directory.
pub async fn import_directory(
    State(sandboxes): State<Arc<Sandboxes>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    body: Body,
) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    let path = path_of(query.as_deref())?;
    let done = sandbox.import(path, body.into_data_stream()).await.map_err(|failure| failed(&sandbox, failure))?;
    Ok(json(StatusCode::OK, &done))
}

pub fn failed(sandbox: &Sandbox, failure: FileFailure) -> Denied {
    match failure {
        FileFailure::File(error) => Denied::File(error),
        FileFailure::Body => invalid("the body ended too early"),
        FileFailure::Broken(error) => broken(sandbox, &error),
    }
}

/// The path in a query, byte by byte. A plus sign is one.
fn path_of(query: Option<&str>) -> Result<Vec<u8>, Denied> {
    query.and_then(|query| decoded(query, "path=")).ok_or_else(|| invalid("path: expected in the query, URL-encoded"))
}

fn decoded(query: &str, name: &str) -> Option<Vec<u8>> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name))?;
    let (mut path, mut bytes) = (Vec::with_capacity(value.len()), value.bytes());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            path.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
        path.push((high * 16 + low) as u8);
    }
    Some(path)
}

/// A part of a file, piece by piece. One that has become shorter meanwhile breaks off, so that nobody takes it for whole.
fn pieces(file: Arc<File>, from: u64, length: u64) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((file, from, length), |(file, at, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let wanted = left.min(PIECE as u64) as usize;
        let source = Arc::clone(&file);
        let read = move || {
            let mut buffer = vec![0; wanted];
            source.read_at(&mut buffer, at).map(|length| {
                buffer.truncate(length);
                buffer
            })
        };
        let buffer = tokio::task::spawn_blocking(read).await.map_err(io::Error::other)??;
        if buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = buffer.len() as u64;
        Ok(Some((Bytes::from(buffer), (file, at + length, left - length))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_every_byte() {
        assert_eq!(decoded("path=%2Fa%20b%ff+", "path=").unwrap(), b"/a b\xff+");
        assert_eq!(decoded("x=1&path=a/b", "path=").unwrap(), b"a/b");
        for wrong in ["", "x=1", "path=%", "path=%4", "path=%zz"] {
            assert_eq!(decoded(wrong, "path="), None, "{wrong}");
        }
    }
}
