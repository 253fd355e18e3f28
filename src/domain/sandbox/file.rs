//! What may be asked of the files of a sandbox.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::Reader;
use crate::domain::sandbox::settings::read_named;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use docle_api::fields;
use docle_api::limits::{MAX_LISTED_FILES, MAX_SANDBOX_PATH_BYTES};
use docle_api::sandbox_files::{ChmodRequest, FileAction, FileEncoding, FileOperation, MkdirRequest, TransferRequest};
use docle_protocol::sandbox::FileRequest;
use serde_json::Value;

/// One operation on files, which may take several requests to the runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Writes a file; with `is_new` only where there is none.
    Write {
        path: String,
        content: Vec<u8>,
        is_new: bool,
    },
    Read {
        path: String,
        encoding: Option<FileEncoding>,
    },
    Request(FileRequest),
}

/// An operation with what its response repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedOperation {
    pub action: FileAction,
    pub file_path: String,
    pub operation: Operation,
}

/// Reads the body of an operation on files.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(body: Value) -> Result<NamedOperation, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<FileOperation>();
    let operation = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| {
        if !fields.has("operation") {
            fields.note("operation", "is required: create, update, delete, read, list, move or mkdir");
        }
        let action = read_named(&mut fields, "operation", &FileAction::ALL, FileAction::name);
        let path = required_path(&mut fields, "file_path");
        let (content, encoding) = read_content(&mut fields);
        let to = read_path(&mut fields, "new_path");
        let recursive = fields.boolean("recursive").unwrap_or(false);
        let (action, path) = (action?, path?);
        if action == FileAction::Move && to.is_none() {
            fields.note("new_path", "is required to move a file");
        }
        let file_path = path.clone();
        let operation = match action {
            FileAction::Create | FileAction::Update => {
                Operation::Write { path, content: content.unwrap_or_default(), is_new: action == FileAction::Create }
            }
            FileAction::Read => Operation::Read { path, encoding },
            FileAction::Delete => Operation::Request(FileRequest::Delete { path, recursive }),
            FileAction::List => Operation::Request(list(path, recursive, true)),
            FileAction::Move => Operation::Request(FileRequest::Move { from: path, to: to?, overwrite: false }),
            FileAction::Mkdir => Operation::Request(FileRequest::Mkdir { path, recursive }),
        };
        Some(NamedOperation { action, file_path, operation })
    });
    problems.conclude(operation)
}

/// The request for the entries of a directory.
pub fn list(path: String, recursive: bool, include_hidden: bool) -> FileRequest {
    FileRequest::List { path, recursive, include_hidden, limit: MAX_LISTED_FILES }
}

/// Reads the body that makes a directory.
pub fn parse_mkdir(body: Value) -> Result<FileRequest, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<MkdirRequest>();
    let request = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| {
        let path = required_path(&mut fields, "path");
        let recursive = fields.boolean("recursive").unwrap_or(false);
        Some(FileRequest::Mkdir { path: path?, recursive })
    });
    problems.conclude(request)
}

/// Reads the body that moves or copies.
pub fn parse_transfer(body: Value, is_copy: bool) -> Result<FileRequest, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<TransferRequest>();
    let request = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| {
        let (from, to) = (required_path(&mut fields, "from"), required_path(&mut fields, "to"));
        let overwrite = fields.boolean("overwrite").unwrap_or(false);
        let (from, to) = (from?, to?);
        Some(match is_copy {
            true => FileRequest::Copy { from, to, overwrite },
            false => FileRequest::Move { from, to, overwrite },
        })
    });
    problems.conclude(request)
}

/// Reads the body that sets permissions.
pub fn parse_chmod(body: Value) -> Result<FileRequest, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<ChmodRequest>();
    let request = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| {
        let path = required_path(&mut fields, "path");
        if !fields.has("mode") {
            fields.note("mode", "is required: octal digits such as \"755\"");
        }
        let text = fields.string("mode")?;
        let is_octal = (3..=4).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
        let mode = u32::from_str_radix(&text, 8).ok().filter(|_| is_octal);
        if mode.is_none() {
            fields.note("mode", "must be three or four octal digits such as \"755\"");
        }
        Some(FileRequest::Chmod { path: path?, mode: mode? })
    });
    problems.conclude(request)
}

/// Reads a path that has to be there.
pub fn required_path(fields: &mut Reader<'_>, name: &str) -> Option<String> {
    if !fields.has(name) {
        fields.note(name, "is required: a path, absolute or below /workspace");
    }
    read_path(fields, name)
}

/// Reads a path.
pub fn read_path(fields: &mut Reader<'_>, name: &str) -> Option<String> {
    let path = fields.string(name)?;
    if let Some(clause) = wrong_path(&path) {
        fields.note(name, clause);
        return None;
    }
    Some(path)
}

/// What is wrong with a path, to be read after the name of the field.
pub fn wrong_path(path: &str) -> Option<String> {
    match path.len() {
        0 => Some("must not be empty".to_owned()),
        1..=MAX_SANDBOX_PATH_BYTES => path.contains('\0').then(|| "must not contain NUL".to_owned()),
        length => Some(format!("must have at most {MAX_SANDBOX_PATH_BYTES} bytes, got {length}")),
    }
}

fn read_content(fields: &mut Reader<'_>) -> (Option<Vec<u8>>, Option<FileEncoding>) {
    let encoding = read_named(fields, "encoding", &FileEncoding::ALL, FileEncoding::name);
    let content = fields.string("content").and_then(|text| match encoding {
        Some(FileEncoding::Base64) => {
            let bytes = STANDARD.decode(text.as_bytes());
            if bytes.is_err() {
                fields.note("content", "must be base64, because encoding says so");
            }
            bytes.ok()
        }
        _ => Some(text.into_bytes()),
    });
    (content, encoding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_operation_is_read() {
        let read = |body: Value| parse(body).unwrap().operation;
        let write = read(json!({ "operation": "create", "file_path": "a", "content": "AA==", "encoding": "base64" }));
        assert_eq!(write, Operation::Write { path: "a".into(), content: vec![0], is_new: true });
        let write = read(json!({ "operation": "update", "file_path": "a" }));
        assert_eq!(write, Operation::Write { path: "a".into(), content: vec![], is_new: false });
        let moved = read(json!({ "operation": "move", "file_path": "a", "new_path": "b" }));
        let expected = FileRequest::Move { from: "a".into(), to: "b".into(), overwrite: false };
        assert_eq!(moved, Operation::Request(expected));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, field) in [
            (json!({ "file_path": "a" }), "operation"),
            (json!({ "operation": "burn", "file_path": "a" }), "operation"),
            (json!({ "operation": "read" }), "file_path"),
            (json!({ "operation": "read", "file_path": "" }), "file_path"),
            (json!({ "operation": "read", "file_path": "a\u{0}b" }), "file_path"),
            (json!({ "operation": "move", "file_path": "a" }), "new_path"),
            (json!({ "operation": "create", "file_path": "a", "content": "?", "encoding": "base64" }), "content"),
        ] {
            assert_eq!(parse(body.clone()).unwrap_err()[0].field, field, "{body}");
        }
        for mode in ["", "7", "8777", "77777", "rwx"] {
            assert_eq!(parse_chmod(json!({ "path": "a", "mode": mode })).unwrap_err()[0].field, "mode", "{mode}");
        }
        assert_eq!(
            parse_chmod(json!({ "path": "a", "mode": "0755" })),
            Ok(FileRequest::Chmod { path: "a".into(), mode: 0o755 })
        );
    }
}
