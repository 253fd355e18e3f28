//! The deletion of a sandbox, with ports that fail before and after doing it.

use super::*;
use crate::tests::fault::Fault;

fn is_gone(setup: &Setup) -> bool {
    setup.hosts.count() == 0
        && setup.trees().is_empty()
        && setup.bench.storage.is_empty()
        && setup.neighbours.awake.get() == 0
        && setup.neighbours.noted.borrow().last() == Some(&None)
}

/// A sandbox with files, a tree and a history.
fn used() -> Setup {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    setup.sleep().unwrap();
    setup.exec("write b").unwrap();
    setup
}

#[test]
fn a_deleted_sandbox_leaves_nothing() {
    let mut setup = used();
    setup.delete().unwrap();
    assert!(is_gone(&setup));
    assert_eq!(setup.exec("echo"), Err(SandboxRefusal::NotFound));
    setup.delete().unwrap();
    setup.reset();
    assert_eq!(setup.logic.report(PROJECT), Err(SandboxRefusal::NotFound));
}

#[test]
fn what_fails_is_deleted_from_the_alarm_and_nobody_finds_it_meanwhile() {
    for at in 0..4 {
        for fault in [Fault::NotDone, Fault::DoneButFailed] {
            let mut setup = used();
            match at {
                0 => setup.hosts.end_faults.next([fault]),
                1 => setup.disk.delete_faults.next([fault]),
                2 => setup.neighbours.remove_faults.next([fault]),
                _ => setup.bench.storage.faults.next([Fault::None, fault]),
            }
            setup.delete().unwrap();
            assert_eq!(setup.exec("echo"), Err(SandboxRefusal::NotFound), "{at}");
            if !is_gone(&setup) {
                setup.reset();
                setup.fire_alarm();
            }
            assert!(is_gone(&setup), "{at}");
        }
    }
}

#[test]
fn a_sandbox_is_deleted_while_a_command_runs() {
    let mut setup = used();
    let events = setup.start_exec("hang", &ClientSignal::default()).result().unwrap().value;
    setup.delete().unwrap();
    // The machine is gone, and with it the command.
    setup.hosts.lose();
    let _ = setup.bench.run(events.collect::<Vec<_>>());
    setup.bench.settle();
    assert!(is_gone(&setup), "the end of the command stores nothing");
}

#[test]
fn a_row_whose_object_was_never_told_of_it_is_removed() {
    let mut setup = Setup::unopened();
    setup.delete().unwrap();
    assert_eq!(*setup.neighbours.noted.borrow(), [None]);
}
