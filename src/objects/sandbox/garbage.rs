//! Deletes what of the trees of a sandbox is not needed any more.

use crate::objects::sandbox::logic::SandboxLogic;
use crate::objects::sandbox::snapshots;
use crate::objects::sandbox::trees::{self, CompleteTree, Tree};
use crate::ports::PortError;
use crate::ports::sandboxes::TreePart;
use std::collections::BTreeSet;

/// A save that was interrupted may have sent a part that arrives later. What it has left is deleted a second time after so long,
/// in milliseconds: many times what it takes to store a part.
const SWEEP_AGAIN_MS: i64 = 600_000;

impl SandboxLogic {
    /// Deletes what no live tree needs. What fails is tried again with the next save.
    pub(super) async fn collect_garbage(&self) {
        if let Err(error) = self.sweep().await {
            self.runtime.log_failure("Old trees of a sandbox could not be deleted.", &error.0);
        }
        if let Err(error) = self.note_stored() {
            self.runtime.log_failure("What a sandbox stores could not be summed up.", &error.0);
        }
    }

    /// Only one start, save or deletion is in progress at a time, so no tree becomes live meanwhile.
    async fn sweep(&self) -> Result<(), PortError> {
        let Some(stored) = self.stored()? else { return Ok(()) };
        let (sql, disk, now) = (&*self.runtime.storage, &self.ports.disk, self.now());
        snapshots::delete_over(sql, now)?;
        let mut live: BTreeSet<_> = stored.head.iter().map(|head| head.tree).collect();
        live.extend(snapshots::all(sql)?.into_iter().map(|(_, snapshot)| snapshot.tree));
        let trees = trees::all(sql)?;
        let mut needed = BTreeSet::new();
        for (number, tree) in &trees {
            if let (true, Tree::Complete(tree)) = (live.contains(number), tree) {
                needed.extend(tree.parts(*number));
            }
        }
        let base = stored.base.as_ref().map(|base| base.tree);
        for (number, tree) in trees.into_iter().filter(|(number, _)| !live.contains(number)) {
            match tree {
                // A merge reads the manifest, and no content.
                Tree::Complete(tree) if base == Some(number) => {
                    let packs = tree.packs.iter().map(|pack| TreePart::Pack(pack.name));
                    let unneeded: Vec<_> = packs.filter(|part| !needed.contains(part)).collect();
                    if !tree.packs.is_empty() {
                        disk.delete(&stored.sandbox, &unneeded).await?;
                        trees::put(sql, number, &Tree::Complete(CompleteTree { packs: Vec::new(), ..tree }))?;
                    }
                }
                Tree::Complete(tree) => {
                    let parts: Vec<_> = tree.parts(number).into_iter().filter(|part| !needed.contains(part)).collect();
                    disk.delete(&stored.sandbox, &parts).await?;
                    trees::forget(sql, number)?;
                }
                Tree::Unfinished { swept_at: None } => {
                    disk.delete_save(&stored.sandbox, number).await?;
                    trees::put(sql, number, &Tree::Unfinished { swept_at: Some(now) })?;
                }
                Tree::Unfinished { swept_at: Some(at) } if now >= at.plus_ms(SWEEP_AGAIN_MS) => {
                    disk.delete_save(&stored.sandbox, number).await?;
                    trees::forget(sql, number)?;
                }
                Tree::Unfinished { .. } => {}
            }
        }
        Ok(())
    }
}
