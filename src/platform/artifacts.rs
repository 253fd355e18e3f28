//! The files that runs hand back, in R2.

use crate::domain::run::id::RunId;
use crate::domain::usage_log::name::LogId;
use crate::platform::fetch;
use crate::ports::PortError;
use crate::ports::artifacts::{ArtifactStore, StoredFile};
use crate::ports::sandboxes::ByteStream;
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use std::collections::HashMap;
use worker::{Bucket, Error, FixedLengthStream, HttpMetadata, Object, Range};

/// Pages of a thousand files that one call deletes, with two calls of the bucket each: an object may make a thousand.
const MAX_PAGES: usize = 100;
/// The keys of what an object of the bucket says about its file.
const NAME: &str = "name";
const SHA256: &str = "sha256";

/// [`ArtifactStore`] in a bucket.
pub struct Artifacts(pub Bucket);

#[async_trait(?Send)]
impl ArtifactStore for Artifacts {
    async fn put(&self, id: RunId, index: u32, about: StoredFile, bytes: ByteStream) -> Result<(), PortError> {
        let StoredFile { name, size, mime_type, sha256 } = about;
        let checksum =
            hex::decode(&sha256).map_err(|_| PortError("The SHA-256 of a file is unreadable.".to_owned()))?;
        // A name may have any character, and metadata are headers on their way.
        let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
        let metadata = HashMap::from([(NAME.to_owned(), name), (SHA256.to_owned(), sha256)]);
        let bytes = FixedLengthStream::wrap(bytes.map_err(|error| Error::RustError(error.0)), size);
        let put = self.0.put(key(id, index), bytes).sha256(checksum).custom_metadata(metadata);
        let put = put.http_metadata(HttpMetadata { content_type: Some(mime_type), ..HttpMetadata::default() });
        put.execute().await.map(drop).map_err(failed)
    }

    async fn head(&self, id: RunId, index: u32) -> Result<Option<StoredFile>, PortError> {
        let found = self.0.head(key(id, index)).await.map_err(failed)?;
        found.map(|object| about(&object)).transpose()
    }

    async fn read(
        &self,
        id: RunId,
        index: u32,
        range: Option<(u64, u64)>,
    ) -> Result<Option<(StoredFile, ByteStream)>, PortError> {
        let get = self.0.get(key(id, index));
        let get = match range {
            Some((offset, length)) => get.range(Range::OffsetWithLength { offset, length }),
            None => get,
        };
        let Some(object) = get.execute().await.map_err(failed)? else { return Ok(None) };
        let body = object.body().ok_or_else(|| PortError("A file of a run has no body.".to_owned()))?;
        let stream = body.stream().map_err(failed)?;
        Ok(Some((about(&object)?, stream.map(|chunk| chunk.map_err(failed)).boxed_local())))
    }

    async fn delete(&self, id: RunId, count: u32) -> Result<(), PortError> {
        let keys: Vec<String> = (0..count).map(|index| key(id, index)).collect();
        self.0.delete_multiple(keys).await.map_err(failed)
    }

    async fn delete_log(&self, log: LogId) -> Result<bool, PortError> {
        for _ in 0..MAX_PAGES {
            let listed = self.0.list().prefix(of_log(log)).execute().await.map_err(failed)?;
            let keys: Vec<String> = listed.objects().iter().map(Object::key).collect();
            if keys.is_empty() {
                return Ok(true);
            }
            self.0.delete_multiple(keys).await.map_err(failed)?;
        }
        Ok(false)
    }
}

fn about(object: &Object) -> Result<StoredFile, PortError> {
    let mut metadata = object.custom_metadata().map_err(failed)?;
    let mut text =
        |key| metadata.remove(key).ok_or_else(|| PortError("A file of a run has no description.".to_owned()));
    let (name, sha256) = (text(NAME)?, text(SHA256)?);
    let name = form_urlencoded::parse(name.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned());
    let mime_type = object.http_metadata().content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
    Ok(StoredFile { name, size: object.size(), mime_type, sha256 })
}

fn key(id: RunId, index: u32) -> String {
    format!("artifacts/{id}/{index}")
}

/// What the keys of a log begin with. The id of a run begins with that of its log, after whose first eight digits it has a hyphen.
fn of_log(log: LogId) -> String {
    let log = log.to_string();
    let (first, rest) = log.split_at(8);
    format!("artifacts/{first}-{rest}")
}

fn failed(error: Error) -> PortError {
    PortError(fetch::first_line(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_artifacts_unchanged() {
        let id = RunId::parse("0badcafe-01b0-4e29-b41d-446655440000").unwrap();
        assert_eq!(key(id, 7), "artifacts/0badcafe-01b0-4e29-b41d-446655440000/7");
        assert_eq!(of_log(id.log().log), "artifacts/0badcafe-01");
        assert!(key(id, 0).starts_with(&of_log(id.log().log)));
    }
}
