//! Merges with disks and runners that fail, and objects that are reset.

use super::snapshots::branch_of;
use super::*;
use crate::ports::snapshots::{SnapshotRequest, SnapshotResponse, TreeOf};
use crate::tests::fault::Fault;
use docle_api::snapshots::MergeResult;
use futures::channel::oneshot;

/// A sandbox with the file `a`, and a branch of it that has made `b` since.
fn pair() -> (Setup, Setup) {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    setup.snapshot("one").unwrap();
    let (mut branch, request) = branch_of(&mut setup);
    branch.snapshots(request).unwrap();
    setup.snapshots(SnapshotRequest::Delete { id: "one".into() }).unwrap();
    branch.write_file("b", "content of its own");
    (setup, branch)
}

fn base(branch: &mut Setup, of: &Setup) -> Option<TreeOf> {
    match branch.snapshots(SnapshotRequest::Base { of: of.sandbox.id.clone() }).unwrap() {
        SnapshotResponse::Base(base) => base,
        other => panic!("{other:?}"),
    }
}

/// The request that merges `from` into `into`, with a snapshot of `from`.
fn request(into: &mut Setup, from: &mut Setup) -> SnapshotRequest {
    let base = base(from, into).or_else(|| base(into, from)).expect("one is a branch of the other");
    from.snapshot("merge").unwrap();
    match from.snapshots(SnapshotRequest::Tree { id: "merge".into() }).unwrap() {
        SnapshotResponse::Tree(theirs) => SnapshotRequest::Merge { theirs, base },
        other => panic!("{other:?}"),
    }
}

fn finish(into: &Setup, from: &mut Setup) {
    if base(from, into).is_some() {
        from.snapshots(SnapshotRequest::SetBase { snapshot: "merge".into() }).unwrap();
    }
    from.snapshots(SnapshotRequest::Delete { id: "merge".into() }).unwrap();
}

fn merge(into: &mut Setup, from: &mut Setup) -> MergeResult {
    let request = request(into, from);
    let SnapshotResponse::Merge(result) = into.snapshots(request).unwrap() else { panic!("a merge") };
    finish(into, from);
    result
}

fn paths(result: &MergeResult) -> Vec<&str> {
    assert!(result.merged && result.conflicts.is_empty() && !result.more);
    result.changes.iter().map(|change| change.path.as_str()).collect()
}

#[test]
fn changes_go_from_the_branch_and_back_again() {
    let (mut setup, mut branch) = pair();
    setup.exec("write c").unwrap();
    assert_eq!(paths(&merge(&mut setup, &mut branch)), ["/workspace/b"]);
    assert_eq!(setup.files().unwrap(), ["a", "b", "c"]);
    assert_eq!(paths(&merge(&mut branch, &mut setup)), ["/workspace/c"]);
    assert_eq!(branch.files().unwrap(), ["a", "b", "c"]);
    for side in [&mut setup, &mut branch] {
        side.sleep().unwrap();
        side.reset();
        side.wake().unwrap();
        assert_eq!(side.files().unwrap(), ["a", "b", "c"]);
    }
    assert_eq!(paths(&merge(&mut setup, &mut branch)), [] as [&str; 0]);
}

#[test]
fn what_a_branch_took_back_after_a_merge_came_back() {
    let (mut setup, mut branch) = pair();
    merge(&mut setup, &mut branch);
    branch.delete_file("b");
    assert_eq!(paths(&merge(&mut setup, &mut branch)), ["/workspace/b"]);
    assert_eq!(setup.files().unwrap(), ["a"]);
    // The same in the other direction, where the branch itself keeps what the two had in common.
    setup.exec("write d").unwrap();
    merge(&mut branch, &mut setup);
    setup.delete_file("d");
    merge(&mut branch, &mut setup);
    assert_eq!(branch.files().unwrap(), ["a"]);
}

#[test]
fn a_sandbox_that_sleeps_merges_without_a_machine() {
    let (mut setup, mut branch) = pair();
    for side in [&mut setup, &mut branch] {
        side.sleep().unwrap();
    }
    let created = setup.hosts.created.get();
    merge(&mut setup, &mut branch);
    assert_eq!((setup.hosts.created.get(), setup.status()), (created, SandboxStatus::Sleeping));
    setup.wake().unwrap();
    assert_eq!(setup.files().unwrap(), ["a", "b"]);
}

#[test]
fn both_sandboxes_of_a_merge_may_be_deleted() {
    let (mut setup, mut branch) = pair();
    merge(&mut setup, &mut branch);
    branch.delete().unwrap();
    for _ in 0..3 {
        setup.exec("write c").unwrap();
        setup.sleep().unwrap();
        setup.wake().unwrap();
    }
    assert_eq!(setup.files().unwrap(), ["a", "b", "c"]);
    let ids: Vec<_> = setup.disk.parts.borrow().keys().map(|(id, _)| id.clone()).collect();
    assert!(ids.iter().all(|id| *id == setup.sandbox.id));
}

#[test]
fn a_branch_keeps_the_manifest_of_what_it_had_in_common_and_no_content() {
    let (mut setup, mut branch) = pair();
    for name in ["c", "d", "e"] {
        branch.exec(&format!("write {name}")).unwrap();
        branch.sleep().unwrap();
        branch.wake().unwrap();
    }
    assert_eq!(branch.trees().len(), 3, "that of the other sandbox, that of the base and the head");
    assert!(base(&mut branch, &setup).unwrap().packs.is_empty());
    assert_eq!(paths(&merge(&mut setup, &mut branch)).len(), 4);
}

#[test]
fn a_merge_that_fails_changes_nothing_and_is_completed_by_the_next_one() {
    for at in 0..6 {
        for fault in [Fault::NotDone, Fault::DoneButFailed] {
            let (mut setup, mut branch) = pair();
            setup.exec("write c").unwrap();
            let request = request(&mut setup, &mut branch);
            match at {
                0 => setup.hosts.archive_faults.next([fault]),
                1 => setup.disk.restore_faults.next([fault]),
                // Its own save, the pack of the branch, and the merged manifest.
                2..5 => setup.disk.save_faults.next((2..at).map(|_| Fault::None).chain([fault])),
                _ => setup.hosts.restore_faults.next([fault]),
            }
            let merged = setup.snapshots(request.clone());
            setup.reset();
            let files = setup.files().unwrap();
            assert!(files == ["a", "c"] || at >= 5 && files == ["a", "b", "c"], "{at} {files:?} {merged:?}");
            setup.sleep().unwrap();
            setup.wake().unwrap();
            assert_eq!(setup.files().unwrap(), files, "{at}");
            setup.snapshots(request).unwrap();
            finish(&setup, &mut branch);
            assert_eq!(setup.files().unwrap(), ["a", "b", "c"], "{at}");
            assert!(merged.is_err() || at >= 5, "{at}");
        }
    }
}

#[test]
fn a_reset_at_any_moment_of_a_merge_loses_nothing() {
    for at in 0..6 {
        for is_done in [false, true] {
            let (mut setup, mut branch) = pair();
            setup.exec("write c").unwrap();
            let request = request(&mut setup, &mut branch);
            let (release, wait) = oneshot::channel();
            let fault = if is_done { Fault::DoneThenWaitsFor(wait) } else { Fault::WaitsFor(wait) };
            match at {
                0 => setup.hosts.archive_faults.next([fault]),
                1..4 => setup.disk.save_faults.next((1..at).map(|_| Fault::None).chain([fault])),
                4 => setup.disk.restore_faults.next([Fault::None, Fault::None, Fault::None, fault]),
                _ => setup.hosts.restore_faults.next([fault]),
            }
            let merging = setup.start_snapshots(request.clone());
            assert!(!merging.has_ended(), "{at}");
            setup.reset();
            setup.sleep().unwrap();
            setup.wake().unwrap();
            // The machine had the merged files already, and they were saved from there.
            let is_restored = at == 5 && is_done;
            let expected: &[&str] = if is_restored { &["a", "b", "c"] } else { &["a", "c"] };
            assert_eq!(setup.files().unwrap(), expected, "{at}");
            setup.snapshots(request).unwrap();
            assert_eq!(setup.files().unwrap(), ["a", "b", "c"], "{at}");
            drop(release);
        }
    }
}

#[test]
fn a_tree_of_another_project_is_not_merged() {
    let (mut setup, mut branch) = pair();
    let SnapshotRequest::Merge { theirs, base } = request(&mut setup, &mut branch) else { panic!("a merge") };
    let foreign = |tree: &TreeOf| TreeOf {
        sandbox: SandboxOf { project_id: "proj_2".into(), ..tree.sandbox.clone() },
        ..tree.clone()
    };
    for request in [
        SnapshotRequest::Merge { theirs: foreign(&theirs), base: base.clone() },
        SnapshotRequest::Merge { theirs: theirs.clone(), base: foreign(&base) },
    ] {
        assert_eq!(setup.snapshots(request), Err(SandboxRefusal::NotFound));
    }
    assert_eq!(setup.files().unwrap(), ["a"]);
}

#[test]
fn files_that_do_not_fit_are_not_merged() {
    let (mut setup, mut branch) = pair();
    setup.sleep().unwrap();
    let runtime = Runtime { disk_mb: 0, ..Runtime::default() };
    let (logic, config) = (Rc::clone(&setup.logic), SandboxConfig { env: BTreeMap::new(), runtime });
    setup.bench.run(async move { logic.configure(PROJECT, config).await }).unwrap();
    let request = request(&mut setup, &mut branch);
    let Err(SandboxRefusal::File(error)) = setup.snapshots(request) else { panic!("it fits") };
    assert_eq!(error.code, docle_protocol::sandbox::FileErrorCode::NoSpace);
}
