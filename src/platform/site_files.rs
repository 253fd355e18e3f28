//! The files of the website: the static assets that are deployed with the Worker.

use crate::platform::fetch;
use crate::ports::PortError;
use crate::ports::site_files::{SiteFile, SiteFiles};
use async_trait::async_trait;
use bytes::Bytes;

/// The binding of the static assets.
pub struct StaticAssets(pub fetch::Target);

impl StaticAssets {
    async fn fetch(&self, path: &str) -> worker::Result<Option<SiteFile>> {
        let response = fetch::at(&self.0, &format!("http://assets{path}"), &fetch::request("GET", &[], None)?).await?;
        let bytes = Bytes::from(fetch::bytes(&response).await?);
        let media_type = fetch::header(&response, "content-type").unwrap_or_default();
        match response.status() {
            200 => Ok(Some(SiteFile { media_type, bytes })),
            404 => Ok(None),
            status => Err(worker::Error::RustError(format!("the status is {status}"))),
        }
    }
}

#[async_trait(?Send)]
impl SiteFiles for StaticAssets {
    async fn read(&self, path: &str) -> Result<Option<SiteFile>, PortError> {
        let failed = |error: worker::Error| PortError(format!("Reading {path} of the static assets failed: {error}"));
        self.fetch(path).await.map_err(failed)
    }
}
