//! Runners that lose their sandboxes, and objects that are reset at every await.

use super::*;
use crate::tests::fault::Fault;
use futures::channel::oneshot;

#[test]
fn a_lost_machine_is_restored_from_the_last_save_and_the_next_answer_says_so() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    while setup.report().saved_at.is_none() {
        setup.fire_alarm();
    }
    let saved_at = setup.report().saved_at.unwrap().0;
    setup.exec("write lost").unwrap();
    setup.hosts.lose();
    let (events, restored_from) = setup.exec("write b").unwrap();
    assert!(events.contains("complete"));
    assert_eq!(restored_from, Some(saved_at));
    assert_eq!(setup.files().unwrap(), ["a", "b"]);
    assert_eq!(setup.exec("echo").unwrap().1, None, "it is told once");
    assert_eq!(setup.report().restored_from, Some(Timestamp(saved_at)));
    let executed = setup.hosts.executed.borrow().iter().filter(|line| *line == "write b").count();
    assert_eq!(executed, 1);
}

#[test]
fn a_machine_that_is_lost_before_the_first_save_is_as_it_was_made() {
    let mut setup = Setup::new();
    setup.bench.pass_ms(7);
    setup.exec("write lost").unwrap();
    setup.hosts.lose();
    assert_eq!(setup.exec("echo").unwrap().1, Some(0));
    assert_eq!(setup.files().unwrap(), [] as [&str; 0]);
}

#[test]
fn a_loss_that_the_alarm_notices_is_told_by_the_next_answer() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    setup.sleep().unwrap();
    setup.wake().unwrap();
    setup.exec("write lost").unwrap();
    setup.hosts.lose();
    assert!(setup.sleep().is_err());
    assert_eq!(setup.exec("echo").unwrap().1, Some(0));
    assert_eq!(setup.files().unwrap(), ["a"]);
}

#[test]
fn a_late_notice_of_a_loss_restores_nothing_twice() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    setup.sleep().unwrap();
    setup.wake().unwrap();
    setup.hosts.lose();
    let client = ClientSignal::default();
    let (one, two) = (setup.start_exec("write b", &client), setup.start_exec("write c", &client));
    assert!(one.result().is_ok() && two.result().is_ok());
    assert_eq!(setup.files().unwrap(), ["a", "b", "c"]);
}

#[test]
fn an_evicted_object_goes_on_with_the_machine_that_runs() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    setup.reset();
    assert_eq!(setup.exec("write b").unwrap().1, None);
    assert_eq!((setup.files().unwrap().len(), setup.hosts.created.get()), (2, 1));
    setup.reset();
    setup.sleep().unwrap();
    setup.reset();
    setup.wake().unwrap();
    assert_eq!(setup.files().unwrap(), ["a", "b"]);
}

#[test]
fn an_evicted_object_sleeps_from_its_alarm() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    for _ in 0..40 {
        if setup.status() == SandboxStatus::Sleeping {
            break;
        }
        setup.reset();
        setup.fire_alarm();
    }
    assert_eq!(setup.status(), SandboxStatus::Sleeping);
}

/// A fault that waits for ever.
fn never() -> (Fault, oneshot::Sender<()>) {
    let (release, wait) = oneshot::channel();
    (Fault::WaitsFor(wait), release)
}

#[test]
fn a_reset_during_a_start_starts_anew() {
    for at in 0..3 {
        let mut setup = Setup::new();
        setup.exec("write a").unwrap();
        setup.sleep().unwrap();
        let (fault, _release) = never();
        match at {
            0 => setup.hosts.create_faults.next([fault]),
            1 => setup.disk.restore_faults.next([fault]),
            _ => setup.hosts.restore_faults.next([fault]),
        }
        let waiting = setup.start_exec("echo", &ClientSignal::default());
        assert!(!waiting.has_ended());
        setup.reset();
        assert_eq!(setup.exec("write b").unwrap().1, None, "{at}");
        assert_eq!(setup.files().unwrap(), ["a", "b"], "{at}");
    }
}

#[test]
fn a_reset_during_a_start_leaves_no_machine_that_nobody_ends() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    setup.sleep().unwrap();
    let (fault, _release) = never();
    setup.hosts.restore_faults.next([fault]);
    let _waiting = setup.start_exec("echo", &ClientSignal::default());
    setup.reset();
    setup.fire_alarm();
    assert_eq!(setup.hosts.count(), 0);
    assert_eq!(setup.neighbours.awake.get(), 0);
}

#[test]
fn a_reset_during_a_save_keeps_the_machine_and_leaves_no_tree_that_nobody_deletes() {
    for at in 0..2 {
        let mut setup = Setup::new();
        setup.exec("write a").unwrap();
        let (release, wait) = oneshot::channel();
        match at {
            0 => setup.hosts.archive_faults.next([Fault::WaitsFor(wait)]),
            _ => setup.disk.save_faults.next([Fault::DoneThenWaitsFor(wait)]),
        }
        let sleeping = setup.start_sleep();
        assert!(!sleeping.has_ended());
        setup.reset();
        assert_eq!(setup.status(), SandboxStatus::Running);
        setup.exec("write b").unwrap();
        setup.sleep().unwrap();
        assert_eq!(setup.trees(), [2], "{at}");
        setup.wake().unwrap();
        assert_eq!(setup.files().unwrap(), ["a", "b"]);
        drop(release);
    }
}

#[test]
fn a_reset_after_the_save_ends_the_machine_later() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    let (fault, _release) = never();
    setup.hosts.end_faults.next([fault]);
    let sleeping = setup.start_sleep();
    assert!(!sleeping.has_ended());
    assert_eq!((setup.status(), setup.hosts.count()), (SandboxStatus::Sleeping, 1));
    setup.reset();
    setup.fire_alarm();
    assert_eq!((setup.status(), setup.hosts.count()), (SandboxStatus::Sleeping, 0));
    setup.wake().unwrap();
    assert_eq!(setup.files().unwrap(), ["a"]);
}
