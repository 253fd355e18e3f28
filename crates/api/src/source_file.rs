//! Files of a program, as requests and results have them.

use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// A file of a program at a relative path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceFile {
    /// The path below `/workspace`, with `/` between directories and without `.` and `..`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_PATH_BYTES), example = &"lib/twice.py"))]
    pub path: String,
    /// The content of the file, in the form that `encoding` names.
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_BODY_BYTES)))]
    pub content: String,
    /// How `content` is written: as text, or as base64 of bytes.
    #[serde(default, skip_serializing_if = "FileEncoding::is_default")]
    pub encoding: FileEncoding,
}

impl SourceFile {
    /// A file of text.
    pub fn text(path: impl Into<String>, content: impl Into<String>) -> Self {
        Self { path: path.into(), content: content.into(), encoding: FileEncoding::Utf8 }
    }
}

/// How the content of a file is written in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum FileEncoding {
    /// The text itself; the file gets it in UTF-8.
    #[default]
    Utf8,
    /// Base64 of the bytes, in the standard alphabet (RFC 4648, section 4).
    Base64,
}

impl FileEncoding {
    /// Every encoding, for readers and messages.
    pub const ALL: [Self; 2] = [Self::Utf8, Self::Base64];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf8",
            Self::Base64 => "base64",
        }
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
