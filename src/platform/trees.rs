//! The files of sandboxes in R2.
//!
//! A tree of more than one part is uploaded in parts, because the size of a tree is not known before its end. It is there when
//! its last part is: before that no one can read any of it.

use crate::platform::fetch;
use crate::ports::PortError;
use crate::ports::sandboxes::{ByteStream, Disk, SandboxOf};
use async_trait::async_trait;
use futures::StreamExt;
use worker::{Bucket, Error, MultipartUpload};

/// Bytes of a part. All parts but the last have the same size, of at least 5 MiB; an object has 10,000 parts at most.
const PART_BYTES: usize = 8 * 1_024 * 1_024;

/// [`Disk`] in a bucket.
pub struct Trees(pub Bucket);

#[async_trait(?Send)]
impl Disk for Trees {
    async fn save(&self, sandbox: &SandboxOf, tree: u64, mut archive: ByteStream) -> Result<(), PortError> {
        let key = key(sandbox, tree);
        let mut part = Vec::new();
        let Some(first) = next_part(&mut archive, &mut part).await? else {
            return self.0.put(key, part).execute().await.map(drop).map_err(failed);
        };
        let upload = self.0.create_multipart_upload(key).execute().await.map_err(failed)?;
        let uploaded = upload_parts(&upload, first, &mut archive, part).await;
        match uploaded {
            Ok(parts) => upload.complete(parts).await.map(drop).map_err(failed),
            Err(error) => {
                // What is left of an upload that is not completed goes after seven days.
                let _ = upload.abort().await;
                Err(error)
            }
        }
    }

    async fn restore(&self, sandbox: &SandboxOf, tree: u64) -> Result<ByteStream, PortError> {
        let object = self.0.get(key(sandbox, tree)).execute().await.map_err(failed)?;
        let object = object.ok_or_else(|| PortError("The saved files of a sandbox are gone.".to_owned()))?;
        let body = object.body().ok_or_else(|| PortError("A tree has no body.".to_owned()))?;
        let stream = body.stream().map_err(failed)?;
        Ok(stream.map(|chunk| chunk.map_err(failed)).boxed_local())
    }

    async fn delete(&self, sandbox: &SandboxOf, tree: u64) -> Result<(), PortError> {
        self.0.delete(key(sandbox, tree)).await.map_err(failed)
    }

    async fn delete_all(&self, sandbox: &SandboxOf) -> Result<(), PortError> {
        loop {
            let listed = self.0.list().prefix(prefix(sandbox)).execute().await.map_err(failed)?;
            let keys: Vec<String> = listed.objects().iter().map(worker::Object::key).collect();
            if keys.is_empty() {
                return Ok(());
            }
            self.0.delete_multiple(keys).await.map_err(failed)?;
        }
    }
}

/// Reads until `rest` has a whole part, which it leaves; `None` when the archive has ended before that.
async fn next_part(archive: &mut ByteStream, rest: &mut Vec<u8>) -> Result<Option<Vec<u8>>, PortError> {
    while rest.len() < PART_BYTES {
        match archive.next().await {
            Some(chunk) => rest.extend_from_slice(&chunk?),
            None => return Ok(None),
        }
    }
    let after = rest.split_off(PART_BYTES);
    Ok(Some(std::mem::replace(rest, after)))
}

async fn upload_parts(
    upload: &MultipartUpload,
    first: Vec<u8>,
    archive: &mut ByteStream,
    mut rest: Vec<u8>,
) -> Result<Vec<worker::UploadedPart>, PortError> {
    let mut parts = vec![upload.upload_part(1, first).await.map_err(failed)?];
    for number in 2.. {
        let next = next_part(archive, &mut rest).await?;
        let is_last = next.is_none();
        let part = next.unwrap_or_else(|| std::mem::take(&mut rest));
        if !part.is_empty() {
            parts.push(upload.upload_part(number, part).await.map_err(failed)?);
        }
        if is_last {
            break;
        }
    }
    Ok(parts)
}

fn prefix(SandboxOf { project_id, id }: &SandboxOf) -> String {
    format!("trees/{project_id}/{id}/")
}

fn key(sandbox: &SandboxOf, tree: u64) -> String {
    format!("{}{tree}", prefix(sandbox))
}

fn failed(error: Error) -> PortError {
    PortError(fetch::first_line(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sandbox::id::SandboxId;
    use futures::executor::block_on;
    use futures::stream;

    #[test]
    fn tree_key_unchanged() {
        let id = SandboxId::parse("sbx_aaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap();
        let sandbox = SandboxOf { project_id: "proj_1".into(), id };
        assert_eq!(key(&sandbox, 7), "trees/proj_1/sbx_aaaaaaaaaaaaaaaaaaaaaaaaaa/7");
    }

    #[test]
    fn parts_have_one_size_and_the_rest_is_left() {
        let chunks = (0..5).map(|_| Ok(vec![1; PART_BYTES / 2]));
        let (mut archive, mut rest): (ByteStream, _) = (stream::iter(chunks).boxed_local(), Vec::new());
        for _ in 0..2 {
            let part = block_on(next_part(&mut archive, &mut rest)).unwrap();
            assert_eq!(part.map(|part| part.len()), Some(PART_BYTES));
        }
        assert_eq!(block_on(next_part(&mut archive, &mut rest)), Ok(None));
        assert_eq!(rest.len(), PART_BYTES / 2);
    }
}
