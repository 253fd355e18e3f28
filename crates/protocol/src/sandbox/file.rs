//! Operations on the files of a sandbox, and what they give.

use serde::{Deserialize, Serialize};

/// One operation on files. Paths are absolute, or relative to `/workspace`. Symbolic links are followed as the programs of the
/// sandbox follow them, and reach nothing outside of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "op", deny_unknown_fields)]
pub enum FileRequest {
    /// What is at a path. A link in the last place is not followed.
    Stat { path: String },
    /// The entries of a directory by name, at most `limit`; `recursive` goes into directories, never through links.
    #[serde(rename_all = "camelCase")]
    List { path: String, recursive: bool, include_hidden: bool, limit: u32 },
    /// Looks for a text or a regular expression in names and lines at and below a path.
    #[serde(rename_all = "camelCase")]
    Search { path: String, text: String, is_regex: bool, include_hidden: bool, limit: u32 },
    /// Makes a directory; with `recursive` also its parents, and one that exists is no error.
    Mkdir { path: String, recursive: bool },
    /// Renames; into `to` if that is a directory.
    Move { from: String, to: String, overwrite: bool },
    /// Copies; into `to` if that is a directory.
    Copy { from: String, to: String, overwrite: bool },
    /// Deletes a file, a link or an empty directory; with `recursive` a whole tree.
    Delete { path: String, recursive: bool },
    /// Sets the permission bits, at most `0o7777`.
    Chmod { path: String, mode: u32 },
}

/// The result of a [`FileRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum FileResponse {
    /// What the operation was about, as it is now.
    Entry { entry: FileEntry },
    /// The entries of a directory; `more` if there are more than the limit.
    Entries { entries: Vec<FileEntry>, more: bool },
    /// Names and lines, each file after the other; `more` if there are more than the limit, or the time was over.
    Matches { matches: Vec<FileMatch>, more: bool },
    /// It is gone.
    Deleted,
}

/// One file, directory or link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileEntry {
    /// Absolute. A name that is not UTF-8 has replacement characters here and its bytes in `path64`.
    pub path: String,
    /// The bytes of the path in base64, if it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path64: Option<String>,
    pub kind: FileKind,
    pub size: u64,
    /// The permission bits.
    pub mode: u32,
    /// Milliseconds since 1970.
    pub modified_ms: u64,
    /// Where a link points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// A name or a line that a search has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileMatch {
    /// As in a [`FileEntry`].
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path64: Option<String>,
    /// Absent for a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<MatchPlace>,
}

/// Where in a file a match is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchPlace {
    /// Counted from 1.
    pub line: u32,
    /// In characters, counted from 1.
    pub column: u32,
    /// The line, or what of it is around the match.
    pub excerpt: String,
}

/// The kind of a [`FileEntry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    File,
    Directory,
    Symlink,
    /// A pipe, socket or device.
    Other,
}

/// Why an operation on files, or the start of a command, failed. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileError {
    pub code: FileErrorCode,
    /// In English, with at most 200 bytes of the path.
    pub message: String,
}

/// The code of a [`FileError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileErrorCode {
    NotFound,
    AlreadyExists,
    IsDirectory,
    NotADirectory,
    NotEmpty,
    /// Neither a file nor a directory, so it has no content.
    NotAFile,
    PermissionDenied,
    /// The disk of the sandbox is full, in bytes or in files.
    NoSpace,
    /// Too long, empty, or with a NUL.
    InvalidPath,
    /// What is looked for is no regular expression, or too large a one.
    BadSearch,
    /// A loop of symbolic links.
    TooManyLinks,
    /// A file is not what the new files were computed from: a program has changed it since.
    Changed,
    /// Any other failure of the file system.
    Failed,
}
