//! The copy that the database gets, while it is slow and while it fails.

use super::*;

#[test]
fn the_database_has_a_copy_some_seconds_later() {
    let mut setup = Setup::new();
    setup.submit(0..60);
    setup.pass_ms(4_999);
    assert_eq!((setup.copied(), setup.ledger.writes.get()), ((0, 0), 0));
    setup.pass_ms(1);
    assert_eq!((setup.copied(), setup.ledger.writes.get()), ((60, 50), 1));
    let recent = setup.ledger.recent.borrow().clone().unwrap().1;
    assert!(recent.iter().all(|run| run.user_context.is_none() && run.ip.is_none()));
    setup.pass_ms(DAY_MS);
    assert_eq!(setup.ledger.writes.get(), 1, "nothing has changed since");
}

#[test]
fn a_busy_log_writes_every_five_seconds_and_less_often_if_the_database_is_slow() {
    for (write_ms, writes) in [(0, 12..=12), (20, 11..=12), (100, 9..=10), (1_000, 1..=2)] {
        let mut setup = Setup::new();
        setup.ledger.write_ms.set(write_ms);
        let begun = setup.clock.now();
        for number in 0..600 {
            setup.submit(number..number + 1);
            setup.pass_to(begun.plus_ms(100 * i64::from(number + 1)));
        }
        let written = setup.ledger.writes.get();
        assert!(writes.contains(&written), "{written} copies in a minute, of {write_ms} ms each");
        setup.pass_ms(400_000);
        assert_eq!(setup.copied(), (600, 50));
    }
}

#[test]
fn a_run_submitted_while_a_copy_is_on_its_way_is_in_the_next() {
    let mut setup = Setup::new();
    setup.submit(0..10);
    let (release, waiting) = oneshot::channel();
    setup.ledger.write_faults.next([Fault::DoneThenWaitsFor(waiting)]);
    setup.clock.pass_ms(5_000);
    setup.storage.fire();
    setup.start(|log| async move { log.alarm().await.unwrap() });
    // A second alarm during the first waits for it.
    setup.start(|log| async move { log.alarm().await.unwrap() });
    setup.submit(10..20);
    assert_eq!((setup.copied(), setup.ledger.writes.get()), ((10, 10), 1));
    release.send(()).unwrap();
    setup.pool.run();
    setup.pass_ms(10_000);
    assert_eq!((setup.copied(), setup.ledger.writes.get()), ((20, 20), 2));
}

#[test]
fn a_database_that_fails_either_way_has_everything_in_the_end_and_counts_once() {
    let mut setup = Setup::new();
    setup.submit(0..5);
    setup.ledger.write_faults.next([Fault::NotDone, Fault::DoneButFailed]);
    for _ in 0..2 {
        assert!(setup.alarm().is_err());
        setup.clock.pass_ms(HOUR_MS);
        let next = setup.ledger.writes.get() * 10;
        setup.submit(next..next + 5);
    }
    setup.pass_ms(HOUR_MS);
    assert_eq!(setup.copied(), (15, 15));
}

#[test]
fn a_log_that_was_reset_writes_what_the_database_lacks() {
    let mut setup = Setup::new();
    setup.submit(0..5);
    setup.pass_ms(5_000);
    setup.clock.pass_ms(3 * HOUR_MS);
    setup.submit(5..10);
    setup.reset();
    setup.pass_ms(5_000);
    assert_eq!((setup.copied(), setup.ledger.writes.get()), ((10, 10), 2));
    setup.reset();
    setup.pass_ms(2 * DAY_MS);
    assert_eq!(setup.ledger.writes.get(), 2, "and nothing when it lacks nothing");
}

#[test]
fn a_change_of_the_project_that_no_call_told_is_known_after_a_copy() {
    let mut setup = Setup::new();
    setup.submit(0..1);
    *setup.ledger.project.borrow_mut() = Some(Guard { private_results: true, ..guard() });
    assert!(!setup.record(0).unwrap().unwrap().guard.private_results);
    setup.pass_ms(5_000);
    assert!(setup.record(0).unwrap().unwrap().guard.private_results);
    setup.ledger.project.take();
    setup.submit(1..2);
    setup.pass_ms(5_000);
    assert_eq!(setup.record(0), Ok(None), "the project is gone");
}
