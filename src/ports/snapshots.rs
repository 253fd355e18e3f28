//! Snapshots of a sandbox: trees that stay until they are deleted, or their sandbox is.

use crate::domain::input::page::Page;
use crate::domain::sandbox::id::SandboxId;
use crate::domain::timestamp::Timestamp;
use crate::ports::sandbox_names::{SandboxConfig, SandboxOf};
use docle_api::snapshots::{MergeResult, SnapshotDiff};
use docle_tree::PackName;
use serde::{Deserialize, Serialize};

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotRecord {
    pub id: String,
    pub name: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its files were read.
    pub saved_at: Timestamp,
    /// Files, directories and links.
    pub entries: u64,
    /// Bytes of all files.
    pub content_bytes: u64,
}

/// A pack of a tree, with its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPack {
    #[serde(flatten)]
    pub name: PackName,
    pub bytes: u64,
}

/// A tree of a sandbox, as the object of a branch copies it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TreeOf {
    pub sandbox: SandboxOf,
    pub number: u64,
    pub manifest_parts: u32,
    /// The bytes of these parts.
    pub manifest_bytes: u64,
    pub packs: Vec<StoredPack>,
    pub entries: u64,
    pub content_bytes: u64,
    pub saved_at: Timestamp,
}

/// A request about snapshots. Each may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SnapshotRequest {
    /// Saves the files as they are now, and keeps them under this id. A second request with the id gives the same snapshot. One that is
    /// held for a moment is deleted after an hour at the latest, should nobody be left who does.
    #[serde(rename_all = "camelCase")]
    Create {
        id: String,
        name: Option<String>,
        #[serde(default)]
        is_held: bool,
    },
    /// The newest first.
    List(Page),
    Get {
        id: String,
    },
    Delete {
        id: String,
    },
    /// Gives the sandbox the files of a snapshot: all of them, or those at and below some paths below the root.
    Restore {
        id: String,
        paths: Option<Vec<String>>,
    },
    /// What differs from a snapshot to another one, or to now.
    Diff {
        from: String,
        to: Option<String>,
    },
    /// The tree of a snapshot.
    Tree {
        id: String,
    },
    /// The tree that this sandbox had in common with another one last, if it is a branch of that one.
    Base {
        of: SandboxId,
    },
    /// Notes that a snapshot of this branch is now what it has in common with the sandbox that it is a branch of.
    SetBase {
        snapshot: String,
    },
    /// Merges what a tree of another sandbox has changed since a tree that both had in common.
    Merge {
        theirs: TreeOf,
        base: TreeOf,
    },
    /// Makes this sandbox with a copy of a tree of another sandbox. `Ok` says that it has all of it.
    Branch {
        config: SandboxConfig,
        tree: TreeOf,
    },
}

/// The answer to a [`SnapshotRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SnapshotResponse {
    Snapshot(SnapshotRecord),
    Snapshots(Vec<SnapshotRecord>),
    Tree(TreeOf),
    Diff(SnapshotDiff),
    Base(Option<TreeOf>),
    Merge(MergeResult),
    Done,
}
