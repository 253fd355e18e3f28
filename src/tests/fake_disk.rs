//! Where the files of sandboxes are saved, in memory.

use crate::domain::sandbox::id::SandboxId;
use crate::ports::PortError;
use crate::ports::sandboxes::{ByteStream, Disk, SandboxOf, TreePart};
use crate::tests::fault::Faults;
use async_trait::async_trait;
use docle_tree::PackName;
use futures::{StreamExt, stream};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Trees in memory.
#[derive(Default)]
pub struct FakeDisk {
    pub parts: RefCell<BTreeMap<(SandboxId, TreePart), Vec<u8>>>,
    pub save_faults: Faults,
    pub restore_faults: Faults,
    pub delete_faults: Faults,
}

#[async_trait(?Send)]
impl Disk for FakeDisk {
    async fn put(&self, sandbox: &SandboxOf, part: TreePart, bytes: Vec<u8>) -> Result<(), PortError> {
        let put = async || drop(self.parts.borrow_mut().insert((sandbox.id.clone(), part), bytes));
        self.save_faults.around(put).await
    }

    async fn get(&self, sandbox: &SandboxOf, part: TreePart) -> Result<(u64, ByteStream), PortError> {
        let found = self.parts.borrow().get(&(sandbox.id.clone(), part)).cloned();
        let bytes = found.ok_or_else(|| PortError("A part of a tree is gone.".into()))?;
        self.restore_faults.around(async || ()).await?;
        Ok((bytes.len() as u64, stream::iter([Ok(bytes)]).boxed_local()))
    }

    async fn read(&self, sandbox: &SandboxOf, part: TreePart, offset: u32, length: u32) -> Result<Vec<u8>, PortError> {
        let (from, to) = (offset as usize, (offset + length) as usize);
        let (_, mut body) = self.get(sandbox, part).await?;
        Ok(body.next().await.unwrap()?[from..to].to_vec())
    }

    async fn delete(&self, sandbox: &SandboxOf, parts: &[TreePart]) -> Result<(), PortError> {
        self.remove(|id, part| *id == sandbox.id && parts.contains(part)).await
    }

    async fn delete_save(&self, sandbox: &SandboxOf, number: u64) -> Result<(), PortError> {
        let is_of = |part: &TreePart| match part {
            TreePart::Manifest { save, .. } | TreePart::Pack(PackName { save, .. }) => *save == number,
        };
        self.remove(|id, part| *id == sandbox.id && is_of(part)).await
    }

    async fn delete_all(&self, sandbox: &SandboxOf) -> Result<(), PortError> {
        self.remove(|id, _| *id == sandbox.id).await
    }
}

impl FakeDisk {
    async fn remove(&self, is_gone: impl Fn(&SandboxId, &TreePart) -> bool) -> Result<(), PortError> {
        let remove = async || self.parts.borrow_mut().retain(|(id, part), _| !is_gone(id, part));
        self.delete_faults.around(remove).await
    }
}
