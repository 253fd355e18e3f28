//! Snapshots of sandboxes: their files at one time.

use crate::time::Time;
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// A snapshot to make.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SnapshotSettings {
    /// The name, which lists show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME_CHARS), example = &"before the upgrade"))]
    pub name: Option<String>,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Snapshot {
    /// The id of the snapshot.
    pub id: String,
    /// The sandbox that it is of.
    pub sandbox_id: String,
    /// The name; null if it has none.
    pub name: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// When its files were saved, which is earlier if the sandbox was asleep.
    pub saved_at: Time,
    /// Files, directories and links in it.
    pub entries: u64,
    /// Bytes of all files in it. What it has in common with other snapshots is stored once.
    pub bytes: u64,
}

/// A page of a sandbox's snapshots, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct SnapshotPage {
    /// The snapshots.
    pub snapshots: Vec<Snapshot>,
    /// The `cursor` of the next page; null on the last one.
    pub next_cursor: Option<String>,
}

/// What to restore.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SnapshotRestore {
    /// Files and directories, absolute or below `/workspace`. They become what they were, with everything below; all other
    /// files stay. Where this is absent, all files are restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_RESTORED_PATHS), extend("examples" = [["src", "config.json"]])))]
    pub paths: Option<Vec<String>>,
}

/// A sandbox to make of a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BranchSettings {
    /// The snapshot; the files as they are now where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// The name of the new sandbox; that of the other one where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME_CHARS), example = &"experiment"))]
    pub name: Option<String>,
    /// A key for the new sandbox. If there is a sandbox with it, the call answers with that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = MAX_SANDBOX_KEY_CHARS), extend("pattern" = "^[A-Za-z0-9_.-]+$"), example = &"experiment")
    )]
    pub key: Option<String>,
}

/// A merge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MergeRequest {
    /// The sandbox whose changes come in, or `key:` and its key: a branch of this one, or the sandbox that this one is a branch of.
    #[cfg_attr(feature = "schema", schemars(example = &"sbx_k5mhqv3zt7bw2xn4rjd6pacyef"))]
    pub from: String,
}

/// What a merge has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct MergeResult {
    /// Whether the sandbox has the changes now. If it is false, there are conflicts, and nothing was written.
    pub merged: bool,
    /// What the merge has changed in the sandbox, by path.
    pub changes: Vec<SnapshotChange>,
    /// The paths that both sandboxes have changed, each in its own way.
    pub conflicts: Vec<MergeConflict>,
    /// Whether there are more changes or conflicts than the 1,000 that are listed.
    pub more: bool,
}

/// A path that two sandboxes have changed, each in its own way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct MergeConflict {
    /// The absolute path, with replacement characters for bytes that are no text.
    pub path: String,
    /// The bytes of the path in base64, if it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path64: Option<String>,
    /// What it was when the two had the same files; null if it was not there.
    pub base: Option<FileState>,
    /// What it is in the sandbox; null if it is gone.
    pub ours: Option<FileState>,
    /// What it is in the sandbox whose changes come in; null if it is gone.
    pub theirs: Option<FileState>,
}

/// What differs between two states of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct SnapshotDiff {
    /// The snapshot with the state before.
    pub from: String,
    /// The snapshot with the state after; null for the files as they are now.
    pub to: Option<String>,
    /// What differs, by path.
    pub changes: Vec<SnapshotChange>,
    /// Whether there are more.
    pub more: bool,
}

/// A path that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct SnapshotChange {
    /// The absolute path, with replacement characters for bytes that are no text.
    pub path: String,
    /// The bytes of the path in base64, if it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path64: Option<String>,
    /// What happened to it.
    pub change: ChangeKind,
    /// What it was; null if it was not there.
    pub before: Option<FileState>,
    /// What it is; null if it is gone.
    pub after: Option<FileState>,
    /// Whether a file before or after is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<bool>,
    /// The lines that differ, as a unified diff. Absent for what is no text, for files of more than 256 KiB, and when the
    /// diffs before it have taken the room that one answer has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It was made.
    Added,
    /// It was deleted.
    Removed,
    /// Its content, target or kind is another.
    Changed,
    /// Only its permissions are others.
    Mode,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct FileState {
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: crate::sandbox_files::FileType,
    /// Bytes of a file.
    pub size: u64,
    /// The permission bits in octal.
    pub mode: String,
}
