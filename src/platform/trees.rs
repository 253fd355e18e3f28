//! The files of sandboxes in R2.

use crate::platform::fetch;
use crate::ports::PortError;
use crate::ports::sandboxes::{ByteStream, Disk, SandboxOf, TreePart};
use async_trait::async_trait;
use futures::StreamExt;
use worker::{Bucket, Error, Range};

/// Objects that one call deletes at most.
const MAX_DELETED: usize = 1_000;

/// [`Disk`] in a bucket.
pub struct Trees(pub Bucket);

#[async_trait(?Send)]
impl Disk for Trees {
    async fn put(&self, sandbox: &SandboxOf, part: TreePart, bytes: Vec<u8>) -> Result<(), PortError> {
        self.0.put(key(sandbox, part), bytes).execute().await.map(drop).map_err(failed)
    }

    async fn get(&self, sandbox: &SandboxOf, part: TreePart) -> Result<(u64, ByteStream), PortError> {
        let object = self.0.get(key(sandbox, part)).execute().await.map_err(failed)?;
        let object = object.ok_or_else(|| PortError("A part of the saved files of a sandbox is gone.".to_owned()))?;
        let body = object.body().ok_or_else(|| PortError("A part of a tree has no body.".to_owned()))?;
        let stream = body.stream().map_err(failed)?;
        Ok((object.size(), stream.map(|chunk| chunk.map_err(failed)).boxed_local()))
    }

    async fn read(&self, sandbox: &SandboxOf, part: TreePart, offset: u32, length: u32) -> Result<Vec<u8>, PortError> {
        let range = Range::OffsetWithLength { offset: offset.into(), length: length.into() };
        let object = self.0.get(key(sandbox, part)).range(range).execute().await.map_err(failed)?;
        let body = object.as_ref().and_then(|object| object.body());
        let body = body.ok_or_else(|| PortError("A part of the saved files of a sandbox is gone.".to_owned()))?;
        body.bytes().await.map_err(failed)
    }

    async fn delete(&self, sandbox: &SandboxOf, parts: &[TreePart]) -> Result<(), PortError> {
        for parts in parts.chunks(MAX_DELETED) {
            let keys: Vec<String> = parts.iter().map(|part| key(sandbox, *part)).collect();
            self.0.delete_multiple(keys).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn delete_save(&self, sandbox: &SandboxOf, save: u64) -> Result<(), PortError> {
        self.delete_below(of_save(sandbox, save)).await
    }

    async fn delete_all(&self, sandbox: &SandboxOf) -> Result<(), PortError> {
        self.delete_below(of_sandbox(sandbox)).await
    }
}

impl Trees {
    async fn delete_below(&self, prefix: String) -> Result<(), PortError> {
        loop {
            let listed = self.0.list().prefix(prefix.clone()).execute().await.map_err(failed)?;
            let keys: Vec<String> = listed.objects().iter().map(worker::Object::key).collect();
            if keys.is_empty() {
                return Ok(());
            }
            self.0.delete_multiple(keys).await.map_err(failed)?;
        }
    }
}

fn of_sandbox(SandboxOf { project_id, id }: &SandboxOf) -> String {
    format!("trees/{project_id}/{id}/")
}

fn of_save(sandbox: &SandboxOf, save: u64) -> String {
    format!("{}{save}/", of_sandbox(sandbox))
}

fn key(sandbox: &SandboxOf, part: TreePart) -> String {
    match part {
        TreePart::Manifest { save, part } => format!("{}manifest-{part}", of_save(sandbox, save)),
        TreePart::Pack(name) => format!("{}pack-{}", of_save(sandbox, name.save), name.number),
    }
}

fn failed(error: Error) -> PortError {
    PortError(fetch::first_line(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sandbox::id::SandboxId;
    use docle_tree::PackName;

    #[test]
    fn keys_of_trees_unchanged() {
        let id = SandboxId::parse("sbx_aaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap();
        let sandbox = SandboxOf { project_id: "proj_1".into(), id };
        let below = "trees/proj_1/sbx_aaaaaaaaaaaaaaaaaaaaaaaaaa";
        let pack = TreePart::Pack(PackName { save: 7, number: 2 });
        assert_eq!(key(&sandbox, pack), format!("{below}/7/pack-2"));
        let manifest = TreePart::Manifest { save: 7, part: 0 };
        assert_eq!(key(&sandbox, manifest), format!("{below}/7/manifest-0"));
        assert_eq!(of_save(&sandbox, 7), format!("{below}/7/"));
        assert_eq!(of_sandbox(&sandbox), format!("{below}/"));
    }
}
