//! The deletion of a log with its project: twice at once, during submissions, and over failures.

use super::*;

/// A log with runs whose project is gone.
fn gone(runs: u32) -> Setup {
    let mut setup = Setup::new();
    setup.submit(0..runs);
    setup.ledger.project.take();
    setup
}

fn is_gone(setup: &Setup) -> bool {
    setup.storage.is_empty() && setup.storage.alarm_at().is_none() && setup.kv.values.borrow().is_empty()
}

#[test]
fn a_deleted_log_leaves_nothing_here_and_nothing_in_kv() {
    let mut setup = gone(3);
    assert_eq!(setup.delete(), Ok(true));
    assert!(is_gone(&setup));
    assert_eq!(setup.delete(), Ok(true), "it may be repeated");
    assert_eq!(setup.record(0), Ok(None));
    assert_eq!((setup.history(Filter::All).len(), setup.counted().0), (0, 0));
}

#[test]
fn a_large_log_is_deleted_step_by_step_and_answers_nothing_meanwhile() {
    let mut setup = gone(1_200);
    assert_eq!(setup.delete(), Ok(false));
    assert_eq!(setup.record(1_199), Ok(None));
    assert_eq!((setup.history(Filter::All).len(), setup.counted().0), (0, 0));
    let mut alarms = 0;
    while setup.storage.alarm_at().is_some() {
        let before = setup.kv.values.borrow().len();
        setup.alarm().unwrap();
        assert!(before - setup.kv.values.borrow().len() <= 600, "one step is too large");
        alarms += 1;
    }
    assert!(is_gone(&setup) && (1..=3).contains(&alarms), "{alarms} alarms");
}

#[test]
fn a_deletion_that_fails_goes_on_by_the_alarm() {
    for fault in [|| Fault::NotDone, || Fault::DoneButFailed] {
        for in_kv in [true, false] {
            let mut setup = gone(10);
            if in_kv {
                setup.kv.delete_faults.next([Fault::None, Fault::None, fault()]);
            } else {
                // The first call of the storage sets an alarm.
                setup.storage.faults.next([Fault::None, fault()]);
            }
            assert!(setup.delete().is_err());
            setup.reset();
            while setup.storage.alarm_at().is_some() {
                setup.alarm().unwrap();
            }
            assert_eq!((setup.delete(), is_gone(&setup)), (Ok(true), true));
        }
    }
}

#[test]
fn two_deletions_at_once_leave_nothing() {
    let mut setup = gone(10);
    let (release, waiting) = oneshot::channel();
    setup.kv.delete_faults.next([Fault::None, Fault::WaitsFor(waiting)]);
    let done = Rc::new(Cell::new(0));
    for _ in 0..2 {
        let done = Rc::clone(&done);
        setup.start(|log| async move {
            assert_eq!(log.delete().await, Ok(true));
            done.set(done.get() + 1);
        });
    }
    release.send(()).unwrap();
    setup.pool.run();
    assert_eq!((done.get(), is_gone(&setup)), (2, true));
}

#[test]
fn a_run_submitted_during_a_deletion_was_stored_anew() {
    // While the deletion waits for KV.
    let mut setup = gone(10);
    let (release, waiting) = oneshot::channel();
    setup.kv.delete_faults.next([Fault::WaitsFor(waiting)]);
    setup.start(|log| async move { assert_eq!(log.delete().await, Ok(true)) });
    setup.submit(10..20);
    release.send(()).unwrap();
    setup.pool.run();
    assert!(setup.storage.is_empty());
    // While the submission waits for the database, which has read the project before it was deleted.
    let mut setup = Setup::new();
    let (release, waiting) = oneshot::channel();
    setup.ledger.read_faults.next([Fault::DoneThenWaitsFor(waiting)]);
    let run = run_for(0, "u", setup.clock.now());
    setup.start(|log| async move { log.submit(name(), vec![run]).await.unwrap() });
    setup.ledger.project.take();
    assert_eq!(setup.delete(), Ok(true));
    release.send(()).unwrap();
    setup.pool.run();
    assert!(setup.storage.is_empty());
}

#[test]
fn a_deletion_waits_for_a_copy_that_is_on_its_way() {
    let mut setup = Setup::new();
    setup.submit(0..10);
    let (release, waiting) = oneshot::channel();
    setup.ledger.write_faults.next([Fault::DoneThenWaitsFor(waiting)]);
    setup.clock.pass_ms(5_000);
    setup.storage.fire();
    setup.start(|log| async move { log.alarm().await.unwrap() });
    setup.ledger.project.take();
    setup.start(|log| async move { assert_eq!(log.delete().await, Ok(true)) });
    assert_eq!(setup.record(0), Ok(None), "it answers nothing from the call on");
    release.send(()).unwrap();
    setup.pool.run();
    while setup.storage.alarm_at().is_some() {
        setup.alarm().unwrap();
    }
    assert!(is_gone(&setup));
}
