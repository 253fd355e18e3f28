//! Files of sandboxes. Paths are absolute, or below `/workspace`.

use crate::time::Time;
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// One operation on the files of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FileOperation {
    /// What to do.
    pub operation: FileAction,
    /// The file or directory.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_SANDBOX_PATH_BYTES), example = &"script.py"))]
    pub file_path: String,
    /// With `create` and `update`: the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(example = &"print(\"Hello World\")"))]
    pub content: Option<String>,
    /// How `content` is written. With `read`: how the response writes it; `utf8` if the file is that, else `base64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<FileEncoding>,
    /// With `move`: the new path, or a directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_SANDBOX_PATH_BYTES), example = &"src/script.py"))]
    pub new_path: Option<String>,
    /// With `list`: also what is in directories. With `delete`: a directory with everything in it. With `mkdir`: also parents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recursive: Option<bool>,
}

/// What to do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum FileAction {
    /// Write a file that does not exist.
    Create,
    /// Write a file, whether or not it exists.
    Update,
    /// Delete a file or an empty directory.
    Delete,
    /// Read a file of at most 1 MiB.
    Read,
    /// List a directory.
    List,
    /// Rename.
    Move,
    /// Make a directory.
    Mkdir,
}

impl FileAction {
    /// Every one.
    pub const ALL: [Self; 7] =
        [Self::Create, Self::Update, Self::Delete, Self::Read, Self::List, Self::Move, Self::Mkdir];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Read => "read",
            Self::List => "list",
            Self::Move => "move",
            Self::Mkdir => "mkdir",
        }
    }
}

/// How the content of a file stands in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum FileEncoding {
    /// As text.
    Utf8,
    /// In base64.
    Base64,
}

impl FileEncoding {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Utf8, Self::Base64];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf8",
            Self::Base64 => "base64",
        }
    }
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum FileType {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A pipe, a socket or a device.
    Other,
}

/// A file, a directory or a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SandboxFile {
    /// The last part of the path.
    pub name: String,
    /// The absolute path. Bytes that are not UTF-8 become U+FFFD.
    pub path: String,
    /// The bytes of the path in base64, if it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path64: Option<String>,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: FileType,
    /// Its size in bytes.
    pub size: u64,
    /// The permission bits in octal digits, such as `0644`.
    pub mode: String,
    /// When its content last changed.
    pub modified_at: Time,
    /// Where a link points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// A file, or a directory with what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct FileListing {
    /// What the path is.
    pub entry: SandboxFile,
    /// With a directory: what is in it, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<SandboxFile>>,
    /// With a directory: whether there are more entries than are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
}

/// What an operation has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct FileOperationResult {
    /// True; a failure is an error response.
    pub success: bool,
    /// What was done.
    pub operation: FileAction,
    /// The path of the request.
    pub file_path: String,
    /// The file or directory as it is now; absent after `delete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<SandboxFile>,
    /// With `read`: the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// With `read`: how the content is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<FileEncoding>,
    /// With `list`: what is in the directory, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<SandboxFile>>,
    /// With `list`: whether there are more entries than are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
}

/// A directory to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MkdirRequest {
    /// The directory.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_SANDBOX_PATH_BYTES), example = &"src/lib"))]
    pub path: String,
    /// Make its parents, too; a directory that exists is then no error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recursive: Option<bool>,
}

/// A file or directory to move or to copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TransferRequest {
    /// What is moved or copied.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_SANDBOX_PATH_BYTES), example = &"main.py"))]
    pub from: String,
    /// The new path; if it is a directory, a place in it.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_SANDBOX_PATH_BYTES), example = &"src/main.py"))]
    pub to: String,
    /// Replace a file that is there; else that is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overwrite: Option<bool>,
}

/// Permissions to set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChmodRequest {
    /// The file or directory.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_SANDBOX_PATH_BYTES), example = &"run.sh"))]
    pub path: String,
    /// The permission bits in octal digits, such as `755`.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[0-7]{3,4}$"), example = &"755"))]
    pub mode: String,
}

/// What a search has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct SearchResult {
    /// Names and lines, by path. A line counts once, however often it matches.
    pub matches: Vec<SearchMatch>,
    /// Whether there are more than `limit`, or the search has ended after 10 seconds.
    pub more: bool,
}

/// A name or a line that a search has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct SearchMatch {
    /// The absolute path, with replacement characters for bytes that are no text.
    pub path: String,
    /// The bytes of the path in base64, if it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path64: Option<String>,
    /// The line, counted from 1. Absent if the name of the file matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Where the match begins in it, in characters, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The line, or up to 200 bytes of it around the match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}
