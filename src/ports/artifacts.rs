//! The files that runs hand back.

use crate::domain::run::id::RunId;
use crate::domain::usage_log::name::LogId;
use crate::ports::error::PortError;
use crate::ports::sandboxes::ByteStream;
use async_trait::async_trait;

/// Files by run and by their index in its result. They never change.
#[async_trait(?Send)]
pub trait ArtifactStore {
    /// Stores a file whose bytes come piece by piece. If fewer or more come than `about.size` says, or if the SHA-256 is not
    /// theirs, it fails and stores nothing. After another error the file may be stored. It may be repeated.
    async fn put(&self, id: RunId, index: u32, about: StoredFile, bytes: ByteStream) -> Result<(), PortError>;
    /// What is known of a file; `None` if there is none.
    async fn head(&self, id: RunId, index: u32) -> Result<Option<StoredFile>, PortError>;
    /// A file, or `length` bytes of it from `offset` on, which it has; `None` if there is none.
    async fn read(
        &self,
        id: RunId,
        index: u32,
        range: Option<(u64, u64)>,
    ) -> Result<Option<(StoredFile, ByteStream)>, PortError>;
    /// Deletes the files of a run with an index below `count`, whether they exist or not. It may be repeated.
    async fn delete(&self, id: RunId, count: u32) -> Result<(), PortError>;
    /// Deletes the files of all runs of a log, as many as one call can. Returns whether none is left. It may be repeated.
    async fn delete_log(&self, log: LogId) -> Result<bool, PortError>;
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// The name without directories. It may have any character.
    pub name: String,
    /// Bytes of the content.
    pub size: u64,
    pub mime_type: String,
    /// In hexadecimal.
    pub sha256: String,
}
