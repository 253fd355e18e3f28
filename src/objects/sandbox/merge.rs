//! Merges the changes of another sandbox into this one.

use crate::domain::sandbox::id::SandboxId;
use crate::objects::sandbox::diff::{MAX_CHANGES, described, shown, state};
use crate::objects::sandbox::difference::Difference;
use crate::objects::sandbox::logic::SandboxLogic;
use crate::objects::sandbox::snapshots::MAX_COMPARED_BYTES;
use crate::objects::sandbox::storage::Base;
use crate::objects::sandbox::trees::{self, CompleteTree, Tree};
use crate::ports::PortError;
use crate::ports::sandboxes::{SandboxOf, SandboxRefusal, TreePart};
use crate::ports::snapshots::{SnapshotResponse, TreeOf};
use docle_api::snapshots::{MergeConflict, MergeResult};
use docle_tree::PackName;
use docle_tree::edit::differences;
use docle_tree::merge::{Conflict, Merged, merge};
use futures::StreamExt;
use std::rc::Rc;

/// Bytes of one of three manifests, unpacked: as many together as the two of a comparison.
const MAX_MERGED_BYTES: usize = MAX_COMPARED_BYTES * 2 / 3;

impl SandboxLogic {
    /// What this branch had in common with a sandbox last, if it is a branch of it.
    pub(super) fn base(&self, project_id: &str, of: &SandboxId) -> Result<SnapshotResponse, SandboxRefusal> {
        let stored = self.own(project_id)?;
        let Some(base) = stored.base.filter(|base| base.of == *of) else { return Ok(SnapshotResponse::Base(None)) };
        let tree = trees::complete(&*self.runtime.storage, base.tree)?;
        let saved_at = stored.created_at;
        Ok(SnapshotResponse::Base(Some(tree.of(stored.sandbox, base.tree, saved_at))))
    }

    /// Notes that a snapshot of this branch is now what it has in common with the other sandbox.
    pub(super) async fn set_base(&self, project_id: &str, snapshot: &str) -> Result<SnapshotResponse, SandboxRefusal> {
        let _alone = self.transition.lock().await;
        self.own(project_id)?;
        let tree = self.snapshot(snapshot)?.tree;
        self.change(|stored| stored.base = stored.base.take().map(|base| Base { tree, ..base }))?;
        self.collect_garbage().await;
        Ok(SnapshotResponse::Done)
    }

    /// Merges what `theirs` has changed since `base`. It may be repeated: what has come in is no difference then.
    pub(super) async fn merge_tree(
        self: &Rc<Self>,
        sandbox: &SandboxOf,
        theirs: TreeOf,
        base: TreeOf,
    ) -> Result<SnapshotResponse, SandboxRefusal> {
        let project_id = sandbox.project_id.as_str();
        let is_ours = |other: &SandboxOf| other.project_id == sandbox.project_id;
        if !is_ours(&theirs.sandbox) || !is_ours(&base.sandbox) || theirs.sandbox.id == sandbox.id {
            return Err(SandboxRefusal::NotFound);
        }
        // What was never saved is only on the machine.
        let _entered = match self.own(project_id)?.head {
            None => Some(self.enter(project_id).await?),
            Some(_) => None,
        };
        let _alone = self.transition.lock().await;
        let merged = self.until_unchanged(async || self.merge_head(sandbox, &theirs, &base).await).await?;
        if let Merging::Done(_) = &merged
            && base.sandbox == *sandbox
        {
            self.keep_base(sandbox, theirs).await?;
        }
        self.collect_garbage().await;
        let (Merging::Done(result) | Merging::Conflict(result)) = merged;
        Ok(SnapshotResponse::Merge(result))
    }

    /// Merges into the files as they are now. The lock is held.
    async fn merge_head(&self, sandbox: &SandboxOf, theirs: &TreeOf, base: &TreeOf) -> Result<Merging, SandboxRefusal> {
        let project_id = sandbox.project_id.as_str();
        let head = self.saved_head(project_id).await?;
        let ours = trees::complete(&*self.runtime.storage, head.tree)?.of(sandbox.clone(), head.tree, head.saved_at);
        let [base_manifest, ours, their_manifest] =
            self.read_manifests([base, &ours, theirs], MAX_MERGED_BYTES).await?;
        // The lock is held, so no save takes this number meanwhile.
        let number = self.own(project_id)?.next_tree;
        let merged = match merge(&base_manifest, &ours, &their_manifest, number) {
            Ok(merged) => merged,
            Err(conflicts) => return Ok(Merging::Conflict(conflicting(&conflicts))),
        };
        let Merged { manifest, copies } = merged;
        let all = differences(&ours, &manifest);
        let changes = all.iter().take(MAX_CHANGES).map(described).collect();
        let result = MergeResult { merged: true, changes, conflicts: Vec::new(), more: all.len() > MAX_CHANGES };
        if !all.is_empty() {
            self.check_room(project_id, &manifest)?;
            let difference = Difference::new(head.tree, &ours, &manifest);
            self.begin_number()?;
            self.copy_packs(&theirs.sandbox, &copies).await?;
            self.store_manifest(number, &manifest).await?;
            self.become_tree(project_id, number, Some(difference)).await?;
        }
        Ok(Merging::Done(result))
    }

    async fn copy_packs(&self, from: &SandboxOf, copies: &[(PackName, PackName)]) -> Result<(), SandboxRefusal> {
        let Some(stored) = self.stored()? else { return Err(SandboxRefusal::NotFound) };
        for (theirs, ours) in copies {
            self.copy(from, TreePart::Pack(*theirs), &stored.sandbox, TreePart::Pack(*ours)).await?;
        }
        Ok(())
    }

    /// Notes that this branch and the other sandbox have these files in common. Only the manifest is copied.
    async fn keep_base(&self, sandbox: &SandboxOf, theirs: TreeOf) -> Result<(), SandboxRefusal> {
        let number = self.begin_number()?;
        let TreeOf {
            sandbox: from, number: their_number, manifest_parts, manifest_bytes, entries, content_bytes, ..
        } = theirs;
        for part in 0..manifest_parts {
            let to = TreePart::Manifest { save: number, part };
            self.copy(&from, TreePart::Manifest { save: their_number, part }, sandbox, to).await?;
        }
        let tree = CompleteTree { manifest_parts, manifest_bytes, packs: Vec::new(), entries, content_bytes };
        trees::put(&*self.runtime.storage, number, &Tree::Complete(tree))?;
        self.change(|stored| stored.base = Some(Base { of: from.id, tree: number }))?;
        Ok(())
    }

    async fn copy(&self, from: &SandboxOf, part: TreePart, to: &SandboxOf, copy: TreePart) -> Result<(), PortError> {
        let (_, mut body) = self.ports.disk.get(from, part).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await {
            bytes.extend(piece?);
        }
        self.ports.disk.put(to, copy, bytes).await
    }
}

/// What became of a merge. After a conflict nothing is written.
enum Merging {
    Done(MergeResult),
    Conflict(MergeResult),
}

fn conflicting(all: &[Conflict]) -> MergeResult {
    let described = |Conflict { path, base, ours, theirs }: &Conflict| {
        let (path, path64) = shown(path);
        let [base, ours, theirs] = [base, ours, theirs].map(|found| found.as_ref().map(state));
        MergeConflict { path, path64, base, ours, theirs }
    };
    let conflicts = all.iter().take(MAX_CHANGES).map(described).collect();
    MergeResult { merged: false, changes: Vec::new(), conflicts, more: all.len() > MAX_CHANGES }
}
