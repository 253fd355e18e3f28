//! The files of the website, which scripts/setup/web.mjs builds.

use crate::ports::error::PortError;
use async_trait::async_trait;
use bytes::Bytes;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteFile {
    /// Its media type.
    pub media_type: String,
    pub bytes: Bytes,
}

/// Where the files are.
#[async_trait(?Send)]
pub trait SiteFiles {
    /// The file at a path that begins with a slash; `None` if there is none. It may be read again after an error.
    async fn read(&self, path: &str) -> Result<Option<SiteFile>, PortError>;
}
