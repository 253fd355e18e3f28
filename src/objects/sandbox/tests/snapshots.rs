//! Snapshots with disks and runners that fail, and objects that are reset.

use super::*;
use crate::ports::snapshots::{SnapshotRecord, SnapshotRequest, SnapshotResponse, StoredPack, TreeOf};
use crate::tests::fault::Fault;
use docle_api::limits::MAX_SNAPSHOTS_PER_SANDBOX;
use futures::channel::oneshot;

impl Setup {
    pub fn start_snapshots(&mut self, request: SnapshotRequest) -> Task<Result<SnapshotResponse, SandboxRefusal>> {
        let (logic, sandbox) = (Rc::clone(&self.logic), self.sandbox.clone());
        self.bench.start(async move { logic.snapshots(&sandbox, request).await })
    }

    pub fn snapshots(&mut self, request: SnapshotRequest) -> Result<SnapshotResponse, SandboxRefusal> {
        self.start_snapshots(request).result()
    }

    pub fn snapshot(&mut self, id: &str) -> Result<SnapshotRecord, SandboxRefusal> {
        match self.snapshots(SnapshotRequest::Create { id: id.into(), name: None, is_held: false })? {
            SnapshotResponse::Snapshot(record) => Ok(record),
            other => panic!("{other:?}"),
        }
    }

    pub fn restore(&mut self, id: &str, paths: Option<&[&str]>) -> Result<(), SandboxRefusal> {
        let paths = paths.map(|paths| paths.iter().map(|path| format!("workspace/{path}")).collect());
        self.snapshots(SnapshotRequest::Restore { id: id.into(), paths }).map(drop)
    }

    fn listed(&mut self) -> Vec<String> {
        match self.snapshots(SnapshotRequest::List(crate::domain::input::page::Page::first())).unwrap() {
            SnapshotResponse::Snapshots(records) => records.into_iter().map(|record| record.id).collect(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_snapshot_keeps_its_files_whatever_comes_after() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    setup.snapshot("one").unwrap();
    for round in 0..5 {
        setup.exec(&format!("write {round}")).unwrap();
        setup.sleep().unwrap();
        setup.wake().unwrap();
    }
    setup.reset();
    setup.restore("one", None).unwrap();
    assert_eq!((setup.files().unwrap(), setup.status()), (vec!["a".to_owned()], SandboxStatus::Running));
    setup.sleep().unwrap();
    setup.hosts.lose();
    setup.wake().unwrap();
    assert_eq!(setup.files().unwrap(), ["a"]);
}

#[test]
fn a_sandbox_that_sleeps_is_restored_without_a_machine() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    setup.snapshot("one").unwrap();
    setup.exec("write b").unwrap();
    setup.sleep().unwrap();
    setup.snapshot("two").unwrap();
    let created = setup.hosts.created.get();
    setup.restore("one", None).unwrap();
    setup.restore("two", Some(&["b"])).unwrap();
    setup.snapshot("three").unwrap();
    assert_eq!((setup.hosts.created.get(), setup.status()), (created, SandboxStatus::Sleeping));
    setup.wake().unwrap();
    assert_eq!(setup.files().unwrap(), ["a", "b"]);
}

#[test]
fn a_new_sandbox_has_a_snapshot_before_anything_was_saved() {
    let mut setup = Setup::new();
    let record = setup.snapshot("one").unwrap();
    assert_eq!((record.entries, record.content_bytes), (1, 0));
    setup.exec("write a").unwrap();
    setup.restore("one", None).unwrap();
    assert_eq!(setup.files().unwrap(), [] as [&str; 0]);
}

#[test]
fn a_repeated_request_makes_one_snapshot() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    let first = setup.snapshot("one").unwrap();
    setup.exec("write b").unwrap();
    assert_eq!(setup.snapshot("one").unwrap(), first);
    assert_eq!(setup.listed(), ["one"]);
}

#[test]
fn the_content_of_a_deleted_snapshot_is_deleted_and_that_of_others_stays() {
    let mut setup = Setup::new();
    for name in ["a", "b", "c"] {
        setup.exec(&format!("write {name}")).unwrap();
        setup.snapshot(name).unwrap();
    }
    assert_eq!(setup.trees(), [1, 2, 3]);
    setup.snapshots(SnapshotRequest::Delete { id: "b".into() }).unwrap();
    assert_eq!((setup.trees(), setup.listed()), (vec![1, 3], vec!["c".to_owned(), "a".to_owned()]));
    setup.restore("a", None).unwrap();
    assert_eq!(setup.files().unwrap(), ["a"]);
    setup.snapshots(SnapshotRequest::Delete { id: "a".into() }).unwrap();
    assert_eq!(setup.trees(), [1, 3], "it is the head");
    setup.restore("c", None).unwrap();
    assert_eq!(setup.files().unwrap(), ["a", "b", "c"]);
}

#[test]
fn what_fails_during_a_restore_leaves_the_files_before_or_those_of_the_snapshot() {
    for at in 0..4 {
        for fault in [Fault::NotDone, Fault::DoneButFailed] {
            let mut setup = Setup::new();
            setup.exec("write a").unwrap();
            setup.snapshot("one").unwrap();
            setup.exec("write b").unwrap();
            match at {
                0 => setup.hosts.restore_faults.next([fault]),
                1 => setup.disk.restore_faults.next([fault]),
                2 => setup.disk.save_faults.next([fault]),
                _ => setup.hosts.archive_faults.next([fault]),
            }
            let paths: Option<&[&str]> = if at > 1 { Some(&["a"]) } else { None };
            assert!(setup.restore("one", paths).is_err(), "{at}");
            setup.reset();
            let files = setup.files().unwrap();
            assert!(files == ["a"] || files == ["a", "b"], "{at} {files:?}");
            // What the machine has is saved, whichever it is.
            setup.sleep().unwrap();
            setup.wake().unwrap();
            assert_eq!(setup.files().unwrap(), files, "{at}");
            setup.restore("one", None).unwrap();
            assert_eq!(setup.files().unwrap(), ["a"], "{at}");
        }
    }
}

#[test]
fn a_reset_at_any_moment_of_a_restore_loses_nothing() {
    for at in 0..5 {
        for is_done in [false, true] {
            let mut setup = Setup::new();
            setup.exec("write a").unwrap();
            setup.snapshot("one").unwrap();
            setup.exec("write b").unwrap();
            let (release, wait) = oneshot::channel();
            let fault = if is_done { Fault::DoneThenWaitsFor(wait) } else { Fault::WaitsFor(wait) };
            match at {
                0 => setup.hosts.archive_faults.next([fault]),
                1 => setup.disk.save_faults.next([fault]),
                2 => setup.disk.save_faults.next([Fault::None, fault]),
                3 => setup.disk.restore_faults.next([Fault::None, Fault::None, Fault::None, fault]),
                _ => setup.hosts.restore_faults.next([fault]),
            }
            let paths = Some(vec!["workspace/a".to_owned()]);
            let restoring = setup.start_snapshots(SnapshotRequest::Restore { id: "one".into(), paths });
            assert!(!restoring.has_ended(), "{at}");
            setup.reset();
            setup.sleep().unwrap();
            setup.wake().unwrap();
            assert_eq!(setup.files().unwrap(), ["a", "b"], "{at}");
            setup.restore("one", None).unwrap();
            assert_eq!(setup.files().unwrap(), ["a"], "{at}");
            drop(release);
        }
    }
}

#[test]
fn a_machine_that_is_lost_during_a_restore_has_the_files_of_the_snapshot_at_its_next_start() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    setup.snapshot("one").unwrap();
    setup.exec("write b").unwrap();
    setup.sleep().unwrap();
    setup.wake().unwrap();
    setup.hosts.lose();
    setup.restore("one", None).unwrap();
    setup.exec("echo").unwrap();
    assert_eq!(setup.files().unwrap(), ["a"]);
}

#[test]
fn a_sandbox_has_as_many_snapshots_as_it_may() {
    let mut setup = Setup::new();
    for number in 0..MAX_SNAPSHOTS_PER_SANDBOX {
        setup.snapshot(&number.to_string()).unwrap();
    }
    assert_eq!(setup.snapshot("one more"), Err(SandboxRefusal::SnapshotsFull));
    // The first one was made by a call that had started the sandbox.
    assert!(setup.trees().len() <= 2, "nothing has changed between them");
}

#[test]
fn merges_that_were_left_took_the_place_of_the_users_snapshots() {
    let mut setup = Setup::new();
    let held = |id: usize| SnapshotRequest::Create { id: format!("held {id}"), name: None, is_held: true };
    for number in 0..16 {
        setup.snapshots(held(number)).unwrap();
    }
    assert!(matches!(setup.snapshots(held(16)), Err(SandboxRefusal::Unavailable(_))));
    for number in 0..MAX_SNAPSHOTS_PER_SANDBOX {
        setup.snapshot(&number.to_string()).unwrap();
    }
    assert_eq!(setup.snapshot("one more"), Err(SandboxRefusal::SnapshotsFull));
    assert!(setup.listed().iter().all(|id| !id.starts_with("held")));
}

/// A sandbox that is a branch of one, and whose object was not called yet.
pub fn branch_of(setup: &mut Setup) -> (Setup, SnapshotRequest) {
    let SnapshotResponse::Tree(tree) = setup.snapshots(SnapshotRequest::Tree { id: "one".into() }).unwrap() else {
        panic!("a tree")
    };
    let id = SandboxId::parse("sbx_bbbbbbbbbbbbbbbbbbbbbbbbbb").unwrap();
    let sandbox = SandboxOf { project_id: PROJECT.into(), id };
    let (bench, hosts, disk, neighbours) =
        (ObjectBench::new(), Rc::clone(&setup.hosts), Rc::clone(&setup.disk), Rc::default());
    let logic = logic(&bench, &hosts, &disk, &neighbours, &sandbox);
    let config = SandboxConfig { env: BTreeMap::new(), runtime: Runtime::default() };
    let request = SnapshotRequest::Branch { config, tree };
    (Setup { bench, hosts, disk, neighbours, logic, sandbox, execs: 100 }, request)
}

#[test]
fn a_branch_that_is_interrupted_is_completed_and_has_all_files() {
    for at in 0..4 {
        for fails in [true, false] {
            let mut setup = Setup::new();
            setup.exec("write a").unwrap();
            setup.snapshot("one").unwrap();
            let (mut branch, request) = branch_of(&mut setup);
            let (release, wait) = oneshot::channel();
            let fault = || if fails { Fault::DoneButFailed } else { Fault::NotDone };
            match at {
                0 => branch.disk.restore_faults.next([fault()]),
                1 => branch.disk.save_faults.next([fault()]),
                2 => branch.disk.save_faults.next([Fault::None, fault()]),
                _ => branch.disk.save_faults.next([Fault::WaitsFor(wait)]),
            }
            let task = branch.start_snapshots(request.clone());
            assert!(!task.has_ended() || task.result().is_err(), "{at}");
            branch.reset();
            assert_eq!(branch.snapshots(request.clone()), Ok(SnapshotResponse::Done));
            setup.delete().unwrap();
            branch.exec("write b").unwrap();
            assert_eq!(branch.files().unwrap(), ["a", "b"], "{at}");
            assert_eq!(branch.snapshots(request), Ok(SnapshotResponse::Done), "a repeated request changes nothing");
            branch.sleep().unwrap();
            branch.wake().unwrap();
            assert_eq!(branch.files().unwrap(), ["a", "b"], "{at}");
            drop(release);
        }
    }
}

#[test]
fn a_sandbox_that_was_never_saved_became_a_branch() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    setup.snapshot("one").unwrap();
    let (mut other, request) = branch_of(&mut setup);
    other.open();
    other.exec("write own").unwrap();
    assert_eq!(other.snapshots(request), Ok(SnapshotResponse::Done));
    assert_eq!(other.files().unwrap(), ["own"]);
    other.sleep().unwrap();
    other.wake().unwrap();
    assert_eq!(other.files().unwrap(), ["own"]);
}

#[test]
fn a_branch_of_another_project_is_refused() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    setup.snapshot("one").unwrap();
    let (mut branch, request) = branch_of(&mut setup);
    let SnapshotRequest::Branch { config, tree } = request else { panic!("a branch") };
    let sandbox = SandboxOf { project_id: "proj_2".into(), ..tree.sandbox.clone() };
    let tree = TreeOf { sandbox, ..tree };
    assert_eq!(branch.snapshots(SnapshotRequest::Branch { config, tree }), Err(SandboxRefusal::NotFound));
    assert!(branch.bench.storage.is_empty());
}

#[test]
fn nobody_knew_how_many_bytes_a_sandbox_stores() {
    let mut setup = Setup::new();
    let on_disk = |setup: &Setup| setup.disk.parts.borrow().values().map(|bytes| bytes.len() as u64).sum::<u64>();
    let mut most = 0;
    for name in ["a", "b", "c"] {
        setup.exec(&format!("write {name}")).unwrap();
        setup.snapshot(name).unwrap();
        setup.sleep().unwrap();
        let noted = setup.neighbours.stored_bytes.get();
        assert!(noted > most, "{name}");
        assert_eq!(noted, on_disk(&setup), "{name}");
        most = noted;
    }
    setup.restore("a", Some(&["a"])).unwrap();
    assert_eq!(setup.neighbours.stored_bytes.get(), on_disk(&setup));
    for name in ["b", "a"] {
        setup.snapshots(SnapshotRequest::Delete { id: name.into() }).unwrap();
        assert_eq!(setup.neighbours.stored_bytes.get(), on_disk(&setup), "{name}");
    }
    assert!(setup.neighbours.stored_bytes.get() < most);
}

#[test]
fn what_a_directory_that_failed_was_to_be_told_was_forgotten() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    setup.neighbours.note_faults.next([Fault::NotDone]);
    setup.snapshot("one").unwrap();
    assert_eq!(setup.neighbours.stored_bytes.get(), 0);
    setup.fire_alarm();
    assert!(setup.neighbours.stored_bytes.get() > 0);
}

#[test]
fn a_runner_that_names_packs_of_others_is_refused() {
    use crate::objects::sandbox::trees::store;
    use docle_tree::{Frame, PackName, TreeSummary};
    let mut setup = Setup::new();
    let own = PackName { save: 7, number: 0 };
    let base = PackName { save: 3, number: 1 };
    for (packs, is_tree) in [
        (vec![own], true),
        (vec![own, base], true),
        (vec![PackName { save: 7, number: 1 }], false),
        (vec![PackName { save: 3, number: 2 }], false),
    ] {
        let end = Frame::End(TreeSummary { packs, ..TreeSummary::default() });
        let frames = [Frame::Pack(vec![1]), Frame::Manifest(vec![2]), end].map(|frame| Ok(frame.encode()));
        let frames: ByteStream = futures::stream::iter(frames).boxed_local();
        let (disk, sandbox) = (Rc::clone(&setup.disk), setup.sandbox.clone());
        let stored = setup
            .bench
            .run(async move { store(&*disk, &sandbox, 7, &[StoredPack { name: base, bytes: 1 }], frames).await });
        assert_eq!(stored.is_ok(), is_tree);
    }
}
