//! Errors of the bridge, and its paths.

use crate::http::error::{ApiError, ErrorCode};
use ::http::StatusCode;
use serde_json::{Value, json};

/// The directory that everything is in.
pub const WORKSPACE: &str = "/workspace";

/// An error as the bridge writes it.
pub fn refused(status: StatusCode, message: &str) -> (StatusCode, Value) {
    // The bridge says so of what a caller must not do, whatever the reason is.
    let status = if status == StatusCode::UNPROCESSABLE_ENTITY { StatusCode::FORBIDDEN } else { status };
    let code = match status {
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::UPGRADE_REQUIRED => "invalid_request",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::PAYLOAD_TOO_LARGE => "payload_too_large",
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => "capacity_exceeded",
        _ => "exec_transport_error",
    };
    (status, json!({ "error": message, "code": code }))
}

/// The same for a call about a file.
pub fn refused_file(status: StatusCode, message: &str) -> (StatusCode, Value) {
    match status {
        StatusCode::NOT_FOUND => (status, json!({ "error": message, "code": "workspace_read_not_found" })),
        _ => refused(status, message),
    }
}

/// A path without `.` and `..`, if it is in the workspace. The bridge resolves paths by their names alone.
///
/// # Errors
/// It leads out of the workspace.
pub fn in_workspace(path: &str, name: &str) -> Result<String, ApiError> {
    let absolute = if path.starts_with('/') { path.to_owned() } else { format!("{WORKSPACE}/{path}") };
    let mut segments: Vec<&str> = Vec::new();
    for segment in absolute.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let resolved = format!("/{}", segments.join("/"));
    if resolved == WORKSPACE || resolved.starts_with("/workspace/") {
        return Ok(resolved);
    }
    Err(ApiError::new(ErrorCode::FileRefused, format!("{name} must resolve to a location within {WORKSPACE}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_out_of_the_workspace_was_taken() {
        for (path, resolved) in [
            ("/workspace", "/workspace"),
            ("/workspace/a//b/./c", "/workspace/a/b/c"),
            ("/workspace/a/../b", "/workspace/b"),
            ("a/b", "/workspace/a/b"),
            ("/tmp/../workspace/a", "/workspace/a"),
        ] {
            assert_eq!(in_workspace(path, "path").unwrap(), resolved);
        }
        for path in ["/", "/etc/passwd", "/workspace/../etc", "../etc", "/workspaces/a", "/../.."] {
            assert!(in_workspace(path, "path").is_err(), "{path}");
        }
    }
}
