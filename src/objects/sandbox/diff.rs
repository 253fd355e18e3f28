//! What differs between two trees of a sandbox, with the lines of texts.

use crate::objects::sandbox::logic::SandboxLogic;
use crate::ports::sandboxes::{SandboxOf, SandboxRefusal, TreePart};
use crate::ports::snapshots::SnapshotResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use docle_api::sandbox_files::FileType;
use docle_api::snapshots::{ChangeKind, FileState, SnapshotChange, SnapshotDiff};
use docle_tree::edit::{Difference, Found, differences};
use docle_tree::{Chunk, Content, Manifest, chunk, text};

/// Paths of one answer.
pub(super) const MAX_CHANGES: usize = 1_000;
/// Files of one answer whose lines are compared: each costs two reads of the bucket, and an object may make 1,000 for a call.
const MAX_TEXTS: usize = 100;
/// Bytes of changed lines in one answer.
const MAX_DIFF_BYTES: usize = 256 << 10;

impl SandboxLogic {
    /// What differs from a snapshot to another one, or to now. Nothing is written but a save of what is not saved.
    pub(super) async fn diff_snapshots(
        &self,
        sandbox: &SandboxOf,
        from: String,
        to: Option<String>,
    ) -> Result<SnapshotResponse, SandboxRefusal> {
        let before = self.snapshot(&from)?.tree;
        // A save would delete the tree of the head, so the lock is held until it is read.
        let _alone = self.transition.lock().await;
        let after = match &to {
            Some(to) => self.snapshot(to)?.tree,
            None => self.saved_head(&sandbox.project_id).await?.tree,
        };
        let (before, after) = self.manifests(before, after).await?;
        let all = differences(&before, &after);
        let (mut changes, mut texts, mut left) = (Vec::new(), 0, MAX_DIFF_BYTES);
        for one in all.iter().take(MAX_CHANGES) {
            let mut change = described(one);
            if are_small_files(one) && texts < MAX_TEXTS && change.change != ChangeKind::Mode {
                texts += 1;
                let old = self.content(sandbox, &before, one.before).await?;
                let new = self.content(sandbox, &after, one.after).await?;
                let (old, new) = (text::text(&old), text::text(&new));
                change.binary = Some(old.is_none() || new.is_none());
                let lines = old.zip(new).map(|(old, new)| text::unified(old, new));
                change.diff = lines.filter(|lines| lines.len() <= left);
                left -= change.diff.as_ref().map_or(0, String::len);
            }
            changes.push(change);
        }
        Ok(SnapshotResponse::Diff(SnapshotDiff { from, to, changes, more: all.len() > MAX_CHANGES }))
    }

    /// The content of a small file.
    async fn content(
        &self,
        sandbox: &SandboxOf,
        manifest: &Manifest,
        found: Option<Found<'_>>,
    ) -> Result<Vec<u8>, SandboxRefusal> {
        let Some(Found { content: Content::File { chunks, .. }, .. }) = found else { return Ok(Vec::new()) };
        let mut bytes = Vec::new();
        for chunk in chunks {
            match chunk {
                Chunk::Zeros(length) => bytes.resize(bytes.len() + *length as usize, 0),
                Chunk::Stored(stored) => {
                    let part = TreePart::Pack(manifest.packs[stored.pack as usize].name);
                    let packed = self.ports.disk.read(sandbox, part, stored.offset, stored.stored).await?;
                    let plain = chunk::load(&packed, stored);
                    bytes.extend(plain.map_err(|error| SandboxRefusal::Unavailable(error.to_string()))?);
                }
            }
        }
        Ok(bytes)
    }
}

/// Whether nothing but small files was there and is there.
fn are_small_files(one: &Difference) -> bool {
    one.before.iter().chain(&one.after).all(|found| match found.content {
        Content::File { size, .. } => *size <= chunk::WHOLE_BYTES,
        _ => false,
    })
}

pub(super) fn described(Difference { path, before, after }: &Difference) -> SnapshotChange {
    let change = match (before, after) {
        (None, _) => ChangeKind::Added,
        (_, None) => ChangeKind::Removed,
        (Some(before), Some(after)) if before.is_same_content(after) => ChangeKind::Mode,
        _ => ChangeKind::Changed,
    };
    let (path, path64) = shown(path);
    let (before, after) = (before.as_ref().map(state), after.as_ref().map(state));
    SnapshotChange { path, path64, change, before, after, binary: None, diff: None }
}

/// The absolute path as text, and its bytes in base64 if it is none.
pub(super) fn shown(path: &[u8]) -> (String, Option<String>) {
    let absolute = [b"/", path].concat();
    let path64 = str::from_utf8(path).is_err().then(|| STANDARD.encode(&absolute));
    (String::from_utf8_lossy(&absolute).into_owned(), path64)
}

pub(super) fn state(Found { mode, content }: &Found) -> FileState {
    let (kind, size) = match content {
        Content::File { size, .. } => (FileType::File, *size),
        Content::Directory => (FileType::Directory, 0),
        Content::Symlink(target) => (FileType::Symlink, target.len() as u64),
        Content::HardLink(_) | Content::Fifo => (FileType::Other, 0),
    };
    FileState { kind, size, mode: format!("{mode:04o}") }
}
