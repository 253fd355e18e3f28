//! Operations on snapshots of sandboxes.

use crate::document::operation::{Body, Method, Operation};
use crate::document::parameters::Parameter;
use crate::document::table::sandboxes::{OF_MACHINE, archive, of};
use crate::errors::ErrorCode::*;
use crate::limits::MAX_SETTINGS_BYTES;
use crate::sandboxes::Sandbox;
use crate::snapshots::*;

pub fn operations() -> Vec<Operation> {
    let one = |operation: Operation| operation.with(Parameter::Snapshot).fails(&[SnapshotNotFound]);
    let create = |id, path, summary| {
        of(
            id,
            Method::Post,
            path,
            summary,
            "Saves the files as they are now, and keeps them until the snapshot or the sandbox is deleted. Programs stand still for \
             the moment that it takes. A sandbox may have 100.",
        )
        .takes(MAX_SETTINGS_BYTES, vec![Body::json::<SnapshotSettings>()])
        .body_is_optional()
        .gives::<Snapshot>(201, "The snapshot.")
        .fails(&OF_MACHINE)
        .fails(&[UnsupportedMediaType, TooManySnapshots])
    };
    vec![
        create("create_snapshot", "/api/v1/sandboxes/:id/snapshots", "Make a snapshot"),
        create("create_version", "/api/v1/sandboxes/:id/snapshot", "Make a version snapshot"),
        of(
            "list_snapshots",
            Method::Get,
            "/api/v1/sandboxes/:id/snapshots",
            "List snapshots",
            "The snapshots of a sandbox, the newest first. It wakes nothing.",
        )
        .paged()
        .gives::<SnapshotPage>(200, "One page of snapshots.")
        .fails(&[SandboxUnavailable]),
        one(of(
            "get_snapshot",
            Method::Get,
            "/api/v1/sandboxes/:id/snapshots/:snapshot",
            "Read a snapshot",
            "What it is like. It wakes nothing.",
        ))
        .gives::<Snapshot>(200, "The snapshot.")
        .fails(&[SandboxUnavailable]),
        one(of(
            "delete_snapshot",
            Method::Delete,
            "/api/v1/sandboxes/:id/snapshots/:snapshot",
            "Delete a snapshot",
            "Deletes it with the content that nothing else has.",
        ))
        .empty(204, "The snapshot is gone.")
        .fails(&[SandboxUnavailable]),
        one(of(
            "restore_snapshot",
            Method::Post,
            "/api/v1/sandboxes/:id/snapshots/:snapshot/restore",
            "Restore a snapshot",
            "Gives the sandbox the files of the snapshot, or some paths of it. Processes go on. What was not saved before is lost, so \
             make a snapshot first if it matters. It wakes nothing.",
        ))
        .takes(MAX_SETTINGS_BYTES, vec![Body::json::<SnapshotRestore>()])
        .body_is_optional()
        .gives::<Sandbox>(200, "The sandbox as it is now.")
        .fails(&[UnsupportedMediaType, SandboxUnavailable, SandboxInterrupted, FileNotFound, DiskFull, FileRefused]),
        one(of(
            "diff_snapshot",
            Method::Get,
            "/api/v1/sandboxes/:id/snapshots/:snapshot/diff",
            "Compare a snapshot",
            "What differs from the snapshot to another one, or to the files as they are now: at most 1,000 paths, with up to 256 KiB \
             of changed lines.",
        ))
        .with(Parameter::OtherSnapshot)
        .gives::<SnapshotDiff>(200, "What differs.")
        .fails(&[SandboxUnavailable, FileRefused]),
        one(of(
            "export_snapshot",
            Method::Get,
            "/api/v1/sandboxes/:id/snapshots/:snapshot/export",
            "Download a snapshot",
            "All its files as a tar archive, with permissions, times and links. It wakes nothing.",
        ))
        .answers(archive("The archive."))
        .fails(&[SandboxUnavailable, FileRefused]),
        of(
            "branch_sandbox",
            Method::Post,
            "/api/v1/sandboxes/:id/branch",
            "Branch a sandbox",
            "Makes a sandbox with the files of a snapshot, or with those as they are now, and with the same settings. The two share \
             nothing afterwards.",
        )
        .takes(MAX_SETTINGS_BYTES, vec![Body::json::<BranchSettings>()])
        .body_is_optional()
        .gives::<Sandbox>(201, "The new sandbox.")
        .gives::<Sandbox>(200, "The sandbox that has this key.")
        .fails(&OF_MACHINE)
        .fails(&[UnsupportedMediaType, SnapshotNotFound, TooManySandboxes, TooManySnapshots, QuotaFull]),
        of(
            "merge_sandbox",
            Method::Post,
            "/api/v1/sandboxes/:id/merge",
            "Merge a branch",
            "Brings the changes of a branch into the sandbox, or those of the sandbox into its branch: all that the other one has changed \
             since the two had the same files. If both have changed a path, each in its own way, the response lists the conflicts, and \
             nothing is written. Processes go on.",
        )
        .takes(MAX_SETTINGS_BYTES, vec![Body::json::<MergeRequest>()])
        .gives::<MergeResult>(200, "What was changed, or the conflicts.")
        .fails(&OF_MACHINE)
        .fails(&[UnsupportedMediaType, NotABranch, TooManySnapshots, QuotaFull, DiskFull, FileRefused]),
    ]
}
