//! Merges with disks and runners that fail, and objects that are reset.

use super::snapshots::branch_of;
use super::*;
use crate::domain::sandbox::settings::RuntimeChange;
use crate::ports::snapshots::{SnapshotRequest, SnapshotResponse, TreeOf};
use crate::tests::fault::Fault;
use docle_api::snapshots::MergeResult;
use docle_protocol::sandbox::FileErrorCode;
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

/// What a program writes before the merged files arrive.
fn meanwhile(setup: &Setup, all: &[(&str, &str)]) {
    let files = all.iter().map(|(name, content)| BTreeMap::from([((*name).to_owned(), content.as_bytes().to_vec())]));
    setup.hosts.meanwhile.borrow_mut().extend(files);
}

#[test]
fn what_a_program_wrote_while_others_were_merged_was_lost() {
    let (mut setup, mut branch) = pair();
    meanwhile(&setup, &[("own", "written meanwhile")]);
    assert_eq!(paths(&merge(&mut setup, &mut branch)), ["/workspace/b"]);
    assert_eq!(setup.files().unwrap(), ["a", "b", "own"]);
    setup.sleep().unwrap();
    setup.wake().unwrap();
    assert_eq!(setup.files().unwrap(), ["a", "b", "own"]);
}

#[test]
fn a_file_that_a_program_wrote_while_it_was_merged_was_overwritten() {
    let (mut setup, mut branch) = pair();
    meanwhile(&setup, &[("b", "of the program")]);
    let result = merge(&mut setup, &mut branch);
    let conflicts: Vec<_> = result.conflicts.iter().map(|conflict| conflict.path.as_str()).collect();
    assert_eq!((result.merged, conflicts), (false, vec!["/workspace/b"]));
    assert_eq!(setup.read_file("b"), "of the program");
}

#[test]
fn a_merge_is_computed_again_while_programs_change_what_it_changes() {
    let names = ["c", "d", "e", "f", "g"];
    for tries in [4, 5] {
        let (mut setup, mut branch) = pair();
        for name in names {
            branch.exec(&format!("write {name}")).unwrap();
        }
        // The program does what the branch did, one file at a time, so there is no conflict.
        meanwhile(&setup, &names[..tries].iter().map(|name| (*name, "written")).collect::<Vec<_>>());
        let request = request(&mut setup, &mut branch);
        let merged = setup.snapshots(request);
        let files = setup.files().unwrap();
        if tries == 4 {
            let Ok(SnapshotResponse::Merge(result)) = merged else { panic!("{merged:?}") };
            assert_eq!(paths(&result), ["/workspace/b", "/workspace/g"]);
            assert_eq!(files, ["a", "b", "c", "d", "e", "f", "g"]);
        } else {
            let Err(SandboxRefusal::File(error)) = merged else { panic!("{merged:?}") };
            assert_eq!(error.code, FileErrorCode::Changed);
            assert!(error.message.contains("Nothing was written"), "{}", error.message);
            assert!(!files.contains(&"b".to_owned()), "{files:?}");
        }
    }
}

#[test]
fn what_a_program_wrote_while_a_path_was_restored_was_lost() {
    let (mut setup, _) = pair();
    setup.snapshot("one").unwrap();
    setup.write_file("a", "other");
    meanwhile(&setup, &[("own", "written meanwhile"), ("own", "again")]);
    let paths = Some(vec!["workspace/a".to_owned()]);
    setup.snapshots(SnapshotRequest::Restore { id: "one".into(), paths }).unwrap();
    assert_eq!(setup.read_file("a"), "written");
    assert_eq!(setup.files().unwrap(), ["a", "own"]);
}

#[test]
fn many_small_files_were_merged_into_a_disk_too_small_to_wake_with_them() {
    let (mut setup, mut branch) = pair();
    setup.sleep().unwrap();
    // One byte each: 8 MB of pages.
    let files = (0..2_100).map(|number| (format!("small-{number}"), vec![1]));
    branch.hosts.machines.borrow_mut().get_mut(&branch.sandbox.id).unwrap().extend(files);
    setup.configure(RuntimeChange { disk_mb: Some(8), ..RuntimeChange::default() });
    let request = request(&mut setup, &mut branch);
    let trees = setup.trees();
    let Err(SandboxRefusal::File(error)) = setup.snapshots(request) else { panic!("it fits") };
    assert_eq!(error.code, FileErrorCode::NoSpace);
    assert_eq!(setup.trees(), trees, "nothing is stored");
    setup.wake().unwrap();
    assert_eq!(setup.files().unwrap(), ["a"]);
}

#[test]
fn files_that_do_not_fit_are_not_merged() {
    let (mut setup, mut branch) = pair();
    setup.sleep().unwrap();
    setup.configure(RuntimeChange { disk_mb: Some(0), ..RuntimeChange::default() });
    let request = request(&mut setup, &mut branch);
    let Err(SandboxRefusal::File(error)) = setup.snapshots(request) else { panic!("it fits") };
    assert_eq!(error.code, FileErrorCode::NoSpace);
}

#[test]
fn a_client_that_left_a_merge_left_a_snapshot_for_ever() {
    let (mut setup, mut branch) = pair();
    let held = |id: &str| SnapshotRequest::Create { id: id.into(), name: Some("merge".into()), is_held: true };
    branch.snapshots(held("running")).unwrap();
    branch.snapshot("of the user").unwrap();
    branch.sleep().unwrap();
    branch.snapshots(held("sleeping")).unwrap();
    branch.reset();
    let left = |setup: &Setup| {
        let rows = super::super::snapshots::all(&*setup.logic.runtime.storage).unwrap();
        rows.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(left(&branch).len(), 3);
    while branch.bench.runtime.clock.now().0 < 3_600_000 {
        branch.fire_alarm();
    }
    assert_eq!(left(&branch), ["of the user"]);
    assert_eq!(branch.status(), SandboxStatus::Sleeping, "nothing wakes it");
    assert!(merge(&mut setup, &mut branch).merged);
}
