//! Runs that arrive, once and twice, and what is answered about them.

use super::*;

#[test]
fn runs_are_listed_and_counted_as_soon_as_they_are_submitted() {
    let mut setup = Setup::new();
    setup.submit(0..3);
    setup.clock.pass_ms(1);
    setup.submit(3..4);
    let newest: Vec<String> = [3, 2, 1, 0].map(|number| id(number).to_string()).to_vec();
    assert_eq!(setup.history(Filter::All), newest);
    assert_eq!(setup.history(Filter::EndUser("u1".into())), [newest[0].clone(), newest[2].clone()]);
    assert!(setup.history(Filter::Scripts).is_empty());
    assert_eq!(setup.counted(), (4, 4, vec![("u0".into(), 2), ("u1".into(), 2)]));
    let counts = setup.log.counts(Hours { from: 0, to: 1_000 * 24, step: 24 }).unwrap();
    assert_eq!((counts.series[0].hour, counts.series[0].successes), (2_400, 3));
    assert_eq!((counts.keys[0].key_id.as_str(), counts.keys[0].runs), ("key_1", 4));
    assert_eq!(setup.log.counts(Hours { from: 0, to: 2_400, step: 1 }).unwrap().series, []);
}

#[test]
fn a_run_that_is_submitted_again_is_counted_once_and_its_later_record_is_kept() {
    let mut setup = Setup::new();
    setup.submit(0..20);
    setup.submit(10..30);
    assert_eq!((setup.counted().0, setup.history(Filter::All).len()), (30, 30));
    let later = FinishedRun { record: Some("{}".into()), ..run_for(5, "u1", setup.clock.now()) };
    setup.submit_all(vec![later]).unwrap();
    assert_eq!(setup.counted().0, 30);
    assert_eq!(setup.record(5), Ok(Some(FoundRecord { guard: guard(), record: Some(b"{}".to_vec()) })));
    // Twice in one batch.
    let twice = vec![run_for(40, "u0", setup.clock.now()), run_for(40, "u0", setup.clock.now())];
    setup.submit_all(twice).unwrap();
    assert_eq!(setup.counted().0, 31);
}

#[test]
fn a_batch_that_fails_in_the_middle_is_stored_wholly_or_not_at_all() {
    for statement in 0..60 {
        let mut setup = Setup::new();
        setup.submit(0..1);
        setup.storage.sql_faults.next((0..statement).map(|_| Fault::None).chain([Fault::NotDone]));
        let now = setup.clock.now();
        let failed = setup.submit_all((1..5).map(|number| run_for(number, "u", now)).collect()).is_err();
        setup.storage.sql_faults.clear();
        let stored = setup.history(Filter::All).len();
        assert!(stored == 5 || failed && stored == 1, "{stored} runs after statement {statement}");
        assert_eq!(setup.counted().0, stored as i64, "after statement {statement}");
        setup.submit_all((1..5).map(|number| run_for(number, "u", now)).collect()).unwrap();
        assert_eq!((setup.counted().0, setup.history(Filter::All).len()), (5, 5));
    }
}

#[test]
fn the_guard_is_read_once_and_again_after_a_change() {
    let mut setup = Setup::new();
    assert_eq!((setup.record(0), setup.ledger.reads.get()), (Ok(None), 0), "an empty log needs no database");
    setup.submit(0..2);
    for _ in 0..3 {
        assert_eq!(setup.record(1).unwrap().unwrap().guard, guard());
    }
    setup.submit(2..4);
    assert_eq!(setup.ledger.reads.get(), 1);
    let private = Guard { private_results: true, ..guard() };
    *setup.ledger.project.borrow_mut() = Some(private.clone());
    setup.log.refresh();
    assert_eq!((setup.record(1).unwrap().unwrap().guard, setup.ledger.reads.get()), (private, 2));
}

#[test]
fn a_refresh_during_a_query_drops_the_older_guard() {
    let mut setup = Setup::new();
    setup.submit(0..1);
    setup.reset();
    let (release, waiting) = oneshot::channel();
    setup.ledger.read_faults.next([Fault::DoneThenWaitsFor(waiting)]);
    let read = Rc::new(RefCell::new(None));
    let answer = Rc::clone(&read);
    setup.start(|log| async move { *answer.borrow_mut() = Some(log.record(name(), id(0)).await) });
    *setup.ledger.project.borrow_mut() = None;
    setup.log.refresh();
    release.send(()).unwrap();
    setup.pool.run();
    assert_eq!(read.take(), Some(Ok(None)), "the project is gone");
}

#[test]
fn a_database_that_fails_refuses_a_cold_submission_and_the_next_one_is_stored() {
    let mut setup = Setup::new();
    setup.ledger.read_faults.next([Fault::NotDone]);
    let runs = || vec![run_for(0, "u", Timestamp(100 * DAY_MS))];
    assert!(setup.submit_all(runs()).is_err());
    assert!(setup.submit_all(runs()).is_ok());
    // A warm log needs none.
    setup.ledger.read_faults.next([Fault::NotDone]);
    setup.submit(1..2);
    assert!(setup.record(1).unwrap().is_some());
}

#[test]
fn runs_of_a_project_that_is_gone_are_dropped() {
    let mut setup = Setup::new();
    setup.ledger.project.take();
    setup.submit(0..2);
    assert!(setup.storage.is_empty() && setup.storage.alarm_at().is_none());
}

#[test]
fn a_reset_loses_no_run() {
    let mut setup = Setup::new();
    setup.submit(0..3);
    setup.reset();
    assert_eq!((setup.counted().0, setup.history(Filter::All).len()), (3, 3));
    assert!(setup.record(2).unwrap().is_some());
    setup.submit(2..5);
    assert_eq!(setup.counted().0, 5);
}
