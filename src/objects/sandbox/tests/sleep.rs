//! Sleep and wake, with disks and runners that fail.

use super::*;
use crate::domain::sandbox::settings::RuntimeChange;
use crate::tests::fault::Fault;
use docle_protocol::sandbox::FileRequest;
use futures::channel::oneshot;

#[test]
fn an_idle_sandbox_sleeps_and_the_next_call_wakes_it_with_its_files() {
    let mut setup = Setup::new();
    assert_eq!(setup.status(), SandboxStatus::Running);
    setup.exec("write a").unwrap();
    for _ in 0..60 {
        if setup.status() == SandboxStatus::Sleeping {
            break;
        }
        setup.fire_alarm();
    }
    let slept_at = setup.bench.runtime.clock.now().0;
    assert_eq!((setup.status(), setup.files()), (SandboxStatus::Sleeping, None));
    assert!((600_000..640_000).contains(&slept_at), "{slept_at}");
    setup.fire_alarm();
    assert_eq!(setup.bench.storage.alarm_at(), None, "nothing is left to do");
    assert_eq!(setup.neighbours.noted.borrow().last(), Some(&Some(SandboxStatus::Sleeping)));
    let (_, restored_from) = setup.exec("write b").unwrap();
    assert_eq!(restored_from, None, "nothing was lost");
    assert_eq!(setup.files(), Some(vec!["a".into(), "b".into()]));
}

#[test]
fn a_change_is_saved_a_minute_later_and_older_trees_are_deleted() {
    let mut setup = Setup::new();
    for tree in 1..4 {
        setup.bench.pass_ms(1);
        setup.exec("write a").unwrap();
        let changed_at = setup.bench.runtime.clock.now().0;
        while setup.report().saved_at.is_none_or(|at| at.0 < changed_at) {
            setup.fire_alarm();
        }
        let saved_at = setup.report().saved_at.unwrap().0;
        assert!(saved_at - changed_at <= 60_000, "{changed_at} {saved_at}");
        assert_eq!(setup.trees(), [tree]);
    }
}

#[test]
fn two_callers_of_a_sleeping_sandbox_cost_one_start() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    setup.sleep().unwrap();
    let created = setup.hosts.created.get();
    let (release, wait) = oneshot::channel();
    setup.hosts.restore_faults.next([Fault::WaitsFor(wait)]);
    let client = ClientSignal::default();
    let (one, two) = (setup.start_exec("echo", &client), setup.start_exec("echo", &client));
    assert!(!one.has_ended() && !two.has_ended());
    assert_eq!(setup.status(), SandboxStatus::Waking);
    release.send(()).unwrap();
    setup.bench.settle();
    assert!(one.result().is_ok() && two.result().is_ok());
    assert_eq!(setup.hosts.created.get(), created + 1);
}

#[test]
fn a_call_during_the_save_keeps_the_sandbox_awake() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    let (release, wait) = oneshot::channel();
    setup.disk.save_faults.next([Fault::WaitsFor(wait)]);
    let sleeping = setup.start_sleep();
    setup.exec("write b").unwrap();
    release.send(()).unwrap();
    setup.bench.settle();
    sleeping.result().unwrap();
    assert_eq!((setup.status(), setup.files().unwrap().len()), (SandboxStatus::Running, 2));
    // What the call has changed is saved, too.
    setup.sleep().unwrap();
    setup.wake().unwrap();
    assert_eq!(setup.files().unwrap().len(), 2);
}

#[test]
fn a_command_keeps_the_sandbox_awake_and_its_files_are_saved_meanwhile() {
    let mut setup = Setup::new();
    let events = setup.start_exec("hang", &ClientSignal::default()).result().unwrap().value;
    for _ in 0..40 {
        setup.fire_alarm();
    }
    assert!(setup.bench.runtime.clock.now().0 > 700_000);
    assert_eq!(setup.status(), SandboxStatus::Running);
    assert!(setup.report().saved_at.is_some());
    drop(events);
}

#[test]
fn a_process_that_was_left_behind_is_saved_again_and_again() {
    let mut setup = Setup::new();
    setup.hosts.processes.set(1);
    setup.exec("write a").unwrap();
    while setup.report().saved_at.is_none() {
        setup.fire_alarm();
    }
    let first = setup.report().saved_at;
    for _ in 0..5 {
        setup.fire_alarm();
    }
    assert!(setup.report().saved_at > first);
}

#[test]
fn a_sandbox_that_cannot_be_saved_stays_awake_and_says_so() {
    for fault in [Fault::NotDone, Fault::DoneButFailed] {
        let mut setup = Setup::new();
        setup.exec("write a").unwrap();
        setup.disk.save_faults.next([fault]);
        assert!(matches!(setup.sleep(), Err(SandboxRefusal::Unavailable(_))));
        assert_eq!(setup.status(), SandboxStatus::Running);
        assert_eq!(setup.report().save_failing, Some(Timestamp(0)));
        assert_eq!(setup.files(), Some(vec!["a".into()]));
        while setup.status() == SandboxStatus::Running {
            setup.fire_alarm();
        }
        assert_eq!(setup.report().save_failing, None);
        assert_eq!(setup.trees().len(), 1, "a tree that failed is garbage");
        setup.wake().unwrap();
        assert_eq!(setup.files(), Some(vec!["a".into()]));
    }
}

#[test]
fn a_save_that_got_stuck_held_its_sandbox_up_for_ever() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    let (_never, wait) = oneshot::channel();
    setup.disk.save_faults.next([Fault::WaitsFor(wait)]);
    let sleeping = setup.start_sleep();
    setup.bench.pass_ms(599_000);
    assert!(!sleeping.has_ended());
    setup.bench.pass_ms(1_000);
    assert!(matches!(sleeping.result(), Err(SandboxRefusal::Unavailable(_))));
    assert_eq!((setup.status(), setup.files()), (SandboxStatus::Running, Some(vec!["a".into()])));
    setup.sleep().unwrap();
    setup.wake().unwrap();
    assert_eq!(setup.files(), Some(vec!["a".into()]));
}

#[test]
fn a_machine_that_could_not_be_ended_is_ended_from_the_alarm() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    setup.hosts.end_faults.next([Fault::NotDone]);
    setup.sleep().unwrap();
    assert_eq!((setup.status(), setup.hosts.count()), (SandboxStatus::Sleeping, 1));
    setup.fire_alarm();
    assert_eq!((setup.status(), setup.hosts.count()), (SandboxStatus::Sleeping, 0));
}

#[test]
fn a_start_that_fails_leaves_nothing_and_the_next_one_succeeds() {
    for fails in 0..4 {
        let mut setup = Setup::new();
        setup.exec("write a").unwrap();
        setup.sleep().unwrap();
        match fails {
            0 => setup.disk.restore_faults.next([Fault::NotDone]),
            1 => setup.hosts.restore_faults.next([Fault::NotDone]),
            2 => setup.hosts.restore_faults.next([Fault::DoneButFailed]),
            _ => setup.hosts.create_faults.next([Fault::DoneButFailed]),
        }
        assert!(setup.exec("write b").is_err(), "{fails}");
        assert_eq!((setup.status(), setup.hosts.count()), (SandboxStatus::Failed, 0), "{fails}");
        assert_eq!(setup.neighbours.awake.get(), 0);
        setup.exec("write b").unwrap();
        assert_eq!(setup.files().unwrap(), ["a", "b"]);
    }
}

#[test]
fn a_sandbox_whose_place_another_account_needs_is_put_to_sleep() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    setup.neighbours.renewal.set(Some(Renewal::Reclaimed));
    setup.fire_alarm();
    setup.fire_alarm();
    assert_eq!(setup.status(), SandboxStatus::Sleeping);
    setup.neighbours.renewal.set(None);
    setup.wake().unwrap();
    assert_eq!(setup.files(), Some(vec!["a".into()]));
}

#[test]
fn a_disk_that_was_made_smaller_than_its_files_kept_them_from_their_owner() {
    let mut setup = Setup::new();
    let large = vec![7; 17 << 20];
    setup.hosts.machines.borrow_mut().get_mut(&setup.sandbox.id).unwrap().insert("large".into(), large);
    setup.exec("write a").unwrap();
    setup.configure(RuntimeChange { disk_mb: Some(16), ..RuntimeChange::default() });
    setup.sleep().unwrap();
    setup.wake().unwrap();
    assert_eq!(setup.files().unwrap(), ["a", "large"]);
    assert_eq!(setup.hosts.disks.borrow()[&setup.sandbox.id], 2_048);
    setup.delete_file("large");
    setup.sleep().unwrap();
    setup.wake().unwrap();
    assert_eq!((setup.files().unwrap(), setup.hosts.disks.borrow()[&setup.sandbox.id]), (vec!["a".to_owned()], 16));
}

#[test]
fn settings_that_change_hold_from_the_next_start_on_and_sleep_at_once() {
    let mut setup = Setup::new();
    setup.configure(RuntimeChange { sleep_after: Some(5), ..RuntimeChange::default() });
    setup.fire_alarm();
    assert_eq!((setup.bench.runtime.clock.now().0, setup.status()), (5_000, SandboxStatus::Sleeping));
}

#[test]
fn looking_at_files_changes_nothing_that_has_to_be_saved() {
    let mut setup = Setup::new();
    let logic = Rc::clone(&setup.logic);
    let stat = FileRequest::Stat { path: ".".into() };
    setup.bench.run(async move { logic.files(PROJECT, &stat).await.map(drop) }).unwrap();
    setup.sleep().unwrap();
    assert_eq!(setup.trees(), [] as [u64; 0]);
}

#[test]
fn a_sandbox_of_a_suspended_account_ends_within_a_minute_whatever_runs_in_it() {
    let mut setup = Setup::new();
    let events = setup.start_exec("hang", &ClientSignal::default()).result().unwrap().value;
    setup.exec("write a").unwrap();
    setup.neighbours.is_suspended.set(true);
    setup.fire_alarm();
    setup.fire_alarm();
    assert!(setup.bench.runtime.clock.now().0 <= 60_000);
    assert_eq!((setup.status(), setup.hosts.count()), (SandboxStatus::Sleeping, 0));
    setup.neighbours.is_suspended.set(false);
    setup.wake().unwrap();
    assert_eq!(setup.files(), Some(vec!["a".into()]), "its files are saved");
    drop(events);
}
