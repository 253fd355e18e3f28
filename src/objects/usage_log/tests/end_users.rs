//! End users who are deleted: with everything that is known of them, also while something fails.

use super::*;

/// The ids of the runs whose output KV has.
fn in_kv(setup: &Setup) -> usize {
    setup.kv.values.borrow().len()
}

#[test]
fn an_end_user_is_deleted_with_results_and_the_copy_and_what_kv_has() {
    let mut setup = Setup::new();
    setup.submit(0..10);
    setup.pass_ms(5_000);
    assert_eq!(setup.erase("u0"), Ok(Erased { runs: 5, complete: true }));
    assert!(setup.history(Filter::EndUser("u0".into())).is_empty());
    assert_eq!((setup.record(0), setup.record(1).unwrap().is_some()), (Ok(None), true));
    assert_eq!((in_kv(&setup), setup.copied()), (5, (10, 5)), "counts name nobody");
    assert_eq!(setup.counted(), (10, 10, vec![("u1".into(), 5)]));
    assert_eq!(setup.erase("u0"), Ok(Erased { runs: 0, complete: true }));
    assert_eq!(setup.erase("nobody"), Ok(Erased { runs: 0, complete: true }));
}

#[test]
fn a_run_that_was_on_its_way_when_its_end_user_was_deleted_came_back() {
    let mut setup = Setup::new();
    setup.submit(0..2);
    let late = run_for(2, "u0", setup.clock.now());
    setup.clock.pass_ms(10);
    setup.erase("u0").unwrap();
    // The same run again, and one that the log has never seen.
    setup.submit_all(vec![run_for(0, "u0", Timestamp(100 * DAY_MS)), late]).unwrap();
    assert!(setup.history(Filter::EndUser("u0".into())).is_empty());
    assert_eq!((setup.record(0), setup.record(2), setup.counted().0), (Ok(None), Ok(None), 2));
    setup.pass_ms(5_000);
    assert_eq!(in_kv(&setup), 1, "what they have in KV is deleted");
    // A run that began later is stored.
    setup.submit(4..5);
    assert_eq!(setup.history(Filter::EndUser("u0".into())).len(), 1);
}

#[test]
fn many_runs_are_deleted_by_several_calls() {
    let mut setup = Setup::new();
    let now = setup.clock.now();
    for part in 0..5 {
        setup.submit_all((part * 500..(part + 1) * 500).map(|number| run_for(number, "u", now)).collect()).unwrap();
    }
    let (mut runs, mut calls) = (0, 0);
    loop {
        let erased = setup.erase("u").unwrap();
        (runs, calls) = (runs + erased.runs, calls + 1);
        if erased.complete {
            break;
        }
    }
    assert_eq!((runs, in_kv(&setup), setup.history(Filter::All).len()), (2_500, 0, 0));
    assert!(calls <= 6, "{calls} calls");
}

#[test]
fn a_deletion_that_fails_is_finished_by_the_next_call_or_by_the_alarm() {
    for repeats in [true, false] {
        for (of_kv, fault) in [
            (true, Fault::NotDone),
            (true, Fault::DoneButFailed),
            (false, Fault::NotDone),
            (false, Fault::DoneButFailed),
        ] {
            let mut setup = Setup::new();
            setup.submit(0..10);
            setup.pass_ms(5_000);
            let faults = if of_kv { &setup.kv.delete_faults } else { &setup.ledger.write_faults };
            faults.next([fault]);
            assert!(setup.erase("u0").is_err());
            assert_eq!(setup.record(0), Ok(None));
            setup.reset();
            if repeats {
                assert_eq!(setup.erase("u0"), Ok(Erased { runs: 0, complete: true }));
            } else {
                setup.pass_ms(60_000);
            }
            assert_eq!((in_kv(&setup), setup.copied()), (5, (10, 5)));
        }
    }
}

#[test]
fn a_deletion_during_a_copy_is_in_the_copy_that_follows() {
    let mut setup = Setup::new();
    setup.submit(0..10);
    let (release, waiting) = oneshot::channel();
    setup.ledger.write_faults.next([Fault::WaitsFor(waiting)]);
    setup.clock.pass_ms(5_000);
    setup.storage.fire();
    setup.start(|log| async move { log.alarm().await.unwrap() });
    setup.start(|log| async move { assert!(log.erase_end_user(name(), "u0").await.unwrap().complete) });
    release.send(()).unwrap();
    setup.pool.run();
    assert_eq!((setup.copied(), setup.ledger.writes.get()), ((10, 5), 2));
}
