//! The snapshots of a sandbox: rows that keep trees alive.

use crate::domain::input::page::{Page, Position};
use crate::domain::timestamp::Timestamp;
use crate::objects::sandbox::difference::Difference;
use crate::objects::sandbox::logic::{SandboxLogic, refusal};
use crate::objects::sandbox::storage::{Head, Stored};
use crate::objects::sandbox::trees::{self, CompleteTree, Tree};
use crate::objects::schema::has_table;
use crate::ports::sandboxes::{HostError, SandboxOf, SandboxRefusal, TreePart};
use crate::ports::snapshots::{SnapshotRecord, SnapshotRequest, SnapshotResponse, StoredPack, TreeOf};
use crate::ports::{LocalSql, PortError, SqlValue};
use docle_api::limits::MAX_SNAPSHOTS_PER_SANDBOX;
use docle_api::sandboxes::SandboxStatus;
use docle_protocol::sandbox::{FileError, FileErrorCode};
use docle_tree::{MAX_PACK_BYTES, Manifest, edit};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// Files of two trees that are compared. An object has 128 MB, and a file takes about 300 bytes while it is compared.
const MAX_COMPARED_ENTRIES: u64 = 200_000;
/// Bytes of one of two manifests that are compared, unpacked: paths may be long, and files have many chunks.
pub(super) const MAX_COMPARED_BYTES: usize = 12 << 20;

/// How long files are kept for a merge or a branch, in milliseconds: an hour is more than saving and copying the largest sandbox takes,
/// several times. Their caller has gone by then.
const HELD_MS: i64 = 3_600_000;
/// Merges and branches of a sandbox in progress, with those of the last hour whose callers have gone.
const MAX_HELD: usize = 16;

fn too_many_to_compare() -> SandboxRefusal {
    let message = format!(
        "Together they have more than {MAX_COMPARED_ENTRIES} files, or very long lists of them: too many to compare."
    );
    SandboxRefusal::File(FileError { code: FileErrorCode::Failed, message })
}

/// A snapshot as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredSnapshot {
    pub name: Option<String>,
    pub created_at: Timestamp,
    pub tree: u64,
    pub saved_at: Timestamp,
    /// When it is deleted unless that was done before; `None` for one that a user has made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

fn add(sql: &dyn LocalSql, id: &str, snapshot: &StoredSnapshot) -> Result<(), PortError> {
    sql.exec(
        "CREATE TABLE IF NOT EXISTS snapshots (id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, json TEXT NOT NULL)",
        &[],
    )?;
    sql.exec("CREATE INDEX IF NOT EXISTS snapshots_by_time ON snapshots (created_at, id)", &[])?;
    let json = serde_json::to_string(snapshot).map_err(|error| PortError(error.to_string()))?;
    let args = [id.into(), snapshot.created_at.into(), SqlValue::Text(json)];
    sql.exec("INSERT OR IGNORE INTO snapshots (id, created_at, json) VALUES (?, ?, ?)", &args).map(drop)
}

/// Snapshots of the user, without those that are held for a merge or a branch.
fn list(sql: &dyn LocalSql, page: &Page) -> Result<Vec<(String, StoredSnapshot)>, PortError> {
    let query = "SELECT id, json FROM snapshots WHERE (created_at, id) < (?, ?) AND json_extract(json, '$.until') IS NULL \
                 ORDER BY created_at DESC, id DESC LIMIT ?";
    let Position { at, id } = page.after();
    read(sql, query, &[at.into(), id.into(), page.rows().into()])
}

fn read(sql: &dyn LocalSql, query: &str, values: &[SqlValue]) -> Result<Vec<(String, StoredSnapshot)>, PortError> {
    if !has_table(sql, "snapshots")? {
        return Ok(Vec::new());
    }
    let unreadable = || PortError("A snapshot is unreadable.".to_owned());
    sql.exec(query, values)?
        .into_iter()
        .map(|row| match row.as_slice() {
            [SqlValue::Text(id), SqlValue::Text(json)] => {
                Ok((id.clone(), serde_json::from_str(json).map_err(|_| unreadable())?))
            }
            _ => Err(unreadable()),
        })
        .collect()
}

/// Deletes snapshots whose time is over.
pub fn delete_over(sql: &dyn LocalSql, now: Timestamp) -> Result<(), PortError> {
    for (id, snapshot) in all(sql)? {
        if snapshot.until.is_some_and(|until| until <= now) {
            sql.exec("DELETE FROM snapshots WHERE id = ?", &[id.as_str().into()])?;
        }
    }
    Ok(())
}

/// When the time of the next snapshot is over.
pub fn next_over(sql: &dyn LocalSql) -> Result<Option<Timestamp>, PortError> {
    Ok(all(sql)?.into_iter().filter_map(|(_, snapshot)| snapshot.until).min())
}

/// All snapshots, also those that are held: a sandbox has few.
pub fn all(sql: &dyn LocalSql) -> Result<Vec<(String, StoredSnapshot)>, PortError> {
    read(sql, "SELECT id, json FROM snapshots ORDER BY created_at DESC, id DESC", &[])
}

impl SandboxLogic {
    /// Carries out a request about snapshots.
    ///
    /// # Errors
    /// As in [`SandboxRefusal`].
    pub async fn snapshots(
        self: &Rc<Self>,
        sandbox: &SandboxOf,
        request: SnapshotRequest,
    ) -> Result<SnapshotResponse, SandboxRefusal> {
        let project_id = sandbox.project_id.as_str();
        if !matches!(request, SnapshotRequest::Branch { .. }) {
            self.own(project_id)?;
        }
        match request {
            SnapshotRequest::Create { id, name, is_held } => self.create_snapshot(project_id, id, name, is_held).await,
            SnapshotRequest::List(page) => {
                let rows = list(&*self.runtime.storage, &page)?;
                let records: Result<_, PortError> =
                    rows.into_iter().map(|(id, row)| self.snapshot_record(id, row)).collect();
                Ok(SnapshotResponse::Snapshots(records?))
            }
            SnapshotRequest::Get { id } => {
                Ok(SnapshotResponse::Snapshot(self.snapshot_record(id.clone(), self.snapshot(&id)?)?))
            }
            SnapshotRequest::Delete { id } => {
                let _alone = self.transition.lock().await;
                self.snapshot(&id)?;
                self.runtime.storage.exec("DELETE FROM snapshots WHERE id = ?", &[id.as_str().into()])?;
                self.collect_garbage().await;
                Ok(SnapshotResponse::Done)
            }
            SnapshotRequest::Restore { id, paths } => self.restore_snapshot(project_id, &id, paths).await,
            SnapshotRequest::Diff { from, to } => self.diff_snapshots(sandbox, from, to).await,
            SnapshotRequest::Tree { id } => {
                let (stored, StoredSnapshot { tree: number, saved_at, .. }) =
                    (self.own(project_id)?, self.snapshot(&id)?);
                let tree = trees::complete(&*self.runtime.storage, number)?;
                Ok(SnapshotResponse::Tree(tree.of(stored.sandbox, number, saved_at)))
            }
            SnapshotRequest::Base { of } => self.base(project_id, &of),
            SnapshotRequest::SetBase { snapshot } => self.set_base(project_id, &snapshot).await,
            SnapshotRequest::Merge { theirs, base } => self.merge_tree(sandbox, theirs, base).await,
            SnapshotRequest::Branch { config, tree } => self.open_branch(sandbox, config, tree).await,
        }
    }

    async fn create_snapshot(
        self: &Rc<Self>,
        project_id: &str,
        id: String,
        name: Option<String>,
        is_held: bool,
    ) -> Result<SnapshotResponse, SandboxRefusal> {
        // A repeated request finds what the first one has made.
        if let Ok(made) = self.snapshot(&id) {
            return Ok(SnapshotResponse::Snapshot(self.snapshot_record(id, made)?));
        }
        // What was never saved is only on the machine.
        let _entered = match self.own(project_id)?.head {
            None => Some(self.enter(project_id).await?),
            Some(_) => None,
        };
        let _alone = self.transition.lock().await;
        let (held, own): (Vec<_>, Vec<_>) =
            all(&*self.runtime.storage)?.into_iter().partition(|(_, snapshot)| snapshot.until.is_some());
        if is_held && held.len() >= MAX_HELD {
            let message = format!(
                "{MAX_HELD} merges and branches of the sandbox are in progress, or were left by their callers."
            );
            return Err(SandboxRefusal::Unavailable(message));
        }
        if !is_held && own.len() >= MAX_SNAPSHOTS_PER_SANDBOX as usize {
            return Err(SandboxRefusal::SnapshotsFull);
        }
        let head = self.saved_head(project_id).await?;
        let now = self.now();
        let until = is_held.then(|| now.plus_ms(HELD_MS));
        let snapshot = StoredSnapshot { name, created_at: now, tree: head.tree, saved_at: head.saved_at, until };
        add(&*self.runtime.storage, &id, &snapshot)?;
        if is_held {
            self.set_alarm().await?;
        }
        Ok(SnapshotResponse::Snapshot(self.snapshot_record(id, snapshot)?))
    }

    /// The tree with the files as they are now. The lock is held.
    pub(super) async fn saved_head(&self, project_id: &str) -> Result<Head, SandboxRefusal> {
        let is_unsaved = |stored: &Stored| stored.unsaved_since.is_some() || stored.head.is_none();
        let stored = self.own(project_id)?;
        if stored.status == SandboxStatus::Running && is_unsaved(&stored) {
            self.save_or_note().await?;
        }
        let head = self.own(project_id)?.head;
        head.ok_or_else(|| SandboxRefusal::Unavailable("Nothing of the sandbox was ever saved.".to_owned()))
    }

    async fn restore_snapshot(
        self: &Rc<Self>,
        project_id: &str,
        id: &str,
        paths: Option<Vec<String>>,
    ) -> Result<SnapshotResponse, SandboxRefusal> {
        let _alone = self.transition.lock().await;
        let number = self.snapshot(id)?.tree;
        match paths {
            None => self.become_tree(project_id, number, None).await?,
            Some(paths) => {
                let paths: Vec<_> = paths.into_iter().map(String::into_bytes).collect();
                self.until_unchanged(async || self.restore_paths(project_id, number, &paths).await).await?;
            }
        }
        self.collect_garbage().await;
        Ok(SnapshotResponse::Done)
    }

    async fn restore_paths(&self, project_id: &str, tree: u64, paths: &[Vec<u8>]) -> Result<(), SandboxRefusal> {
        let head = self.saved_head(project_id).await?.tree;
        let (now, from) = self.manifests(head, tree).await?;
        let made = edit::with_paths(&now, &from, paths).map_err(|path| {
            let message = format!("The snapshot has no {:?}.", String::from_utf8_lossy(&path));
            SandboxRefusal::File(FileError { code: FileErrorCode::NotFound, message })
        })?;
        self.check_room(project_id, &made)?;
        let difference = Difference::new(head, &now, &made);
        let number = self.begin_number()?;
        self.store_manifest(number, &made).await?;
        self.become_tree(project_id, number, Some(difference)).await
    }

    /// Makes a tree the files of the sandbox. A machine that runs gets them, or only what differs; if that fails, it has those before or
    /// these, and is saved again. The lock is held.
    pub(super) async fn become_tree(
        &self,
        project_id: &str,
        number: u64,
        difference: Option<Difference>,
    ) -> Result<(), SandboxRefusal> {
        let stored = self.own(project_id)?;
        let is_running = stored.status == SandboxStatus::Running;
        if is_running {
            self.files_change()?;
            let start = self.memory.borrow().starts;
            let tree = trees::complete(&*self.runtime.storage, number)?;
            let frames = |parts| trees::frames(Rc::clone(&self.ports.disk), stored.sandbox.clone(), parts);
            let sent = match difference {
                None => self.ports.host.restore_tree(frames(tree.parts(number))).await,
                Some(Difference { before, packs }) => {
                    let before = trees::complete(&*self.runtime.storage, before)?.manifest(before).collect();
                    let after = tree.manifest(number).chain(packs.into_iter().map(TreePart::Pack)).collect();
                    self.ports.host.patch_tree(frames(before).chain(frames(after)).boxed_local()).await
                }
            };
            match sent {
                Ok(()) => {}
                // The next start restores the head.
                Err(HostError::Unknown) => self.lost(start)?,
                Err(error) => return Err(refusal(error)),
            }
        }
        let now = self.now();
        self.own(project_id)?;
        self.change(|stored| {
            stored.head = Some(Head { tree: number, saved_at: now });
            // Programs that go on may have changed files since.
            stored.unsaved_since = (stored.status == SandboxStatus::Running).then_some(now);
        })?;
        self.set_alarm().await?;
        Ok(())
    }

    /// The number of a new tree, which is noted before the first part of it is stored.
    pub(super) fn begin_number(&self) -> Result<u64, SandboxRefusal> {
        let Some(Stored { next_tree, .. }) = self.stored()? else { return Err(SandboxRefusal::NotFound) };
        trees::put(&*self.runtime.storage, next_tree, &Tree::Unfinished { swept_at: None })?;
        self.change(|stored| stored.next_tree += 1)?;
        Ok(next_tree)
    }

    /// Stores a manifest whose packs are there, as the tree with this number.
    pub(super) async fn store_manifest(&self, number: u64, manifest: &Manifest) -> Result<(), SandboxRefusal> {
        let Some(stored) = self.stored()? else { return Err(SandboxRefusal::NotFound) };
        let encoded = manifest.encode().map_err(|error| PortError(error.to_string()))?;
        let mut manifest_parts = 0;
        for bytes in encoded.chunks(MAX_PACK_BYTES) {
            let part = TreePart::Manifest { save: number, part: manifest_parts };
            self.ports.disk.put(&stored.sandbox, part, bytes.to_vec()).await?;
            manifest_parts += 1;
        }
        let (entries, content_bytes) = (manifest.entries.len() as u64, manifest.content_bytes());
        let manifest_bytes = encoded.len() as u64;
        let packs =
            manifest.packs.iter().map(|pack| StoredPack { name: pack.name, bytes: pack.bytes.into() }).collect();
        let tree = CompleteTree { manifest_parts, manifest_bytes, packs, entries, content_bytes };
        Ok(trees::put(&*self.runtime.storage, number, &Tree::Complete(tree))?)
    }

    /// The manifests of two trees.
    ///
    /// # Errors
    /// They have too many files to be held at once, or cannot be read.
    pub(super) async fn manifests(&self, one: u64, other: u64) -> Result<(Manifest, Manifest), SandboxRefusal> {
        let Some(stored) = self.stored()? else { return Err(SandboxRefusal::NotFound) };
        let tree = |number| {
            let tree = trees::complete(&*self.runtime.storage, number)?;
            Ok::<_, PortError>(tree.of(stored.sandbox.clone(), number, stored.created_at))
        };
        let [one, other] = self.read_manifests([&tree(one)?, &tree(other)?], MAX_COMPARED_BYTES).await?;
        Ok((one, other))
    }

    /// The manifests of trees, which may be those of other sandboxes, each of at most `most` bytes.
    ///
    /// # Errors
    /// They have too many files to be held at once, or cannot be read.
    pub(super) async fn read_manifests<const N: usize>(
        &self,
        trees: [&TreeOf; N],
        most: usize,
    ) -> Result<[Manifest; N], SandboxRefusal> {
        if trees.iter().map(|tree| tree.entries).sum::<u64>() > MAX_COMPARED_ENTRIES {
            return Err(too_many_to_compare());
        }
        let mut read = trees.map(|_| Manifest::default());
        for (manifest, tree) in read.iter_mut().zip(trees) {
            *manifest = self.manifest(tree, most).await?;
        }
        Ok(read)
    }

    async fn manifest(&self, tree: &TreeOf, most: usize) -> Result<Manifest, SandboxRefusal> {
        let mut encoded = Vec::new();
        for part in 0..tree.manifest_parts {
            let part = TreePart::Manifest { save: tree.number, part };
            let (_, mut body) = self.ports.disk.get(&tree.sandbox, part).await?;
            while let Some(bytes) = body.next().await {
                encoded.extend(bytes?);
            }
        }
        Manifest::decode_within(&encoded, most).map_err(|error| match error.kind() {
            std::io::ErrorKind::FileTooLarge => too_many_to_compare(),
            _ => SandboxRefusal::Unavailable(error.to_string()),
        })
    }

    pub(super) fn snapshot(&self, id: &str) -> Result<StoredSnapshot, SandboxRefusal> {
        let found = all(&*self.runtime.storage)?.into_iter().find(|(known, _)| known == id);
        found.map(|(_, snapshot)| snapshot).ok_or(SandboxRefusal::SnapshotNotFound)
    }

    fn snapshot_record(&self, id: String, snapshot: StoredSnapshot) -> Result<SnapshotRecord, PortError> {
        let CompleteTree { entries, content_bytes, .. } = trees::complete(&*self.runtime.storage, snapshot.tree)?;
        let StoredSnapshot { name, created_at, saved_at, .. } = snapshot;
        Ok(SnapshotRecord { id, name, created_at, saved_at, entries, content_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stored_snapshot_format_unchanged() {
        let (created_at, saved_at) = (Timestamp(2), Timestamp(1));
        let snapshot = StoredSnapshot { name: Some("a".into()), created_at, tree: 3, saved_at, until: None };
        let expected = json!({ "name": "a", "createdAt": 2, "tree": 3, "savedAt": 1 });
        assert_eq!(serde_json::to_value(&snapshot).unwrap(), expected);
        let held = StoredSnapshot { until: Some(Timestamp(4)), ..snapshot };
        assert_eq!(serde_json::to_value(held).unwrap()["until"], 4);
    }
}
