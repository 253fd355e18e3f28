//! A sandbox that begins with a copy of a tree of another one.

use crate::objects::sandbox::logic::SandboxLogic;
use crate::objects::sandbox::storage::{Base, Head, Stored};
use crate::objects::sandbox::trees::{self, CompleteTree, Tree};
use crate::ports::sandboxes::{SandboxConfig, SandboxOf, SandboxRefusal};
use crate::ports::snapshots::{SnapshotResponse, TreeOf};
use docle_api::sandboxes::SandboxStatus;
use futures::StreamExt;

impl SandboxLogic {
    /// Makes the sandbox. It may be repeated: what an interrupted call has copied is copied again.
    pub(super) async fn open_branch(
        &self,
        sandbox: &SandboxOf,
        config: SandboxConfig,
        tree: TreeOf,
    ) -> Result<SnapshotResponse, SandboxRefusal> {
        let _alone = self.transition.lock().await;
        let from = tree.sandbox;
        if from.project_id != sandbox.project_id || from.id == sandbox.id {
            return Err(SandboxRefusal::NotFound);
        }
        match self.stored()? {
            Some(stored) if stored.sandbox != *sandbox => return Err(SandboxRefusal::NotFound),
            Some(stored) if stored.head.is_some() => return Ok(SnapshotResponse::Done),
            Some(stored) if stored.status == SandboxStatus::Deleting => return Err(SandboxRefusal::NotFound),
            // Only a branch that broke off sleeps without files and has numbers of trees taken. Every other sandbox stays what it is.
            Some(stored) if stored.status != SandboxStatus::Sleeping || stored.next_tree <= 1 => {
                return Ok(SnapshotResponse::Done);
            }
            Some(_) => self.change(|stored| stored.next_tree = stored.next_tree.max(tree.number + 1))?,
            None => {
                let mut stored = Stored::new(sandbox.clone(), config, self.now());
                // No pack of its own gets the name of one that it copies.
                (stored.status, stored.next_tree) = (SandboxStatus::Sleeping, tree.number + 1);
                self.put(stored)?;
            }
        }
        let (sql, disk, number) = (&*self.runtime.storage, &self.ports.disk, tree.number);
        let TreeOf { manifest_parts, manifest_bytes, packs, entries, content_bytes, saved_at, .. } = tree;
        let copy = CompleteTree { manifest_parts, manifest_bytes, packs, entries, content_bytes };
        for part in copy.parts(number) {
            let (_, mut body) = disk.get(&from, part).await?;
            let mut bytes = Vec::new();
            while let Some(piece) = body.next().await {
                bytes.extend(piece?);
            }
            disk.put(sandbox, part, bytes).await?;
        }
        // It may have been deleted meanwhile.
        self.own(&sandbox.project_id)?;
        trees::put(sql, number, &Tree::Complete(copy))?;
        self.change(|stored| {
            stored.head = Some(Head { tree: number, saved_at });
            stored.base = Some(Base { of: from.id, tree: number });
        })?;
        self.note_status();
        Ok(SnapshotResponse::Done)
    }
}
