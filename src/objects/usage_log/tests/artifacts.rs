//! Files of runs, which go with their results: by age, with their end user, and with their project.

use super::*;
use crate::ports::artifacts::StoredFile;

/// Puts the files of a run into the bucket.
fn store(setup: &Setup, number: u32, files: u32) {
    for index in 0..files {
        let about = StoredFile { name: "a".into(), size: 1, mime_type: "text/plain".into(), sha256: String::new() };
        setup.artifacts.files.borrow_mut().insert((id(number).to_string(), index), (about, b"x".to_vec()));
    }
}

/// A run for an end user with two files.
fn run_with_files(setup: &Setup, number: u32, end_user: &str) -> FinishedRun {
    store(setup, number, 2);
    let run = run_for(number, end_user, setup.clock.now());
    let record = json!({ "result": {}, "input": {}, "artifacts": 2 });
    FinishedRun { record: Some(record.to_string()), ..run }
}

fn submitted(runs: std::ops::Range<u32>) -> Setup {
    let mut setup = Setup::new();
    let runs = runs.map(|number| run_with_files(&setup, number, &format!("u{}", number % 2))).collect();
    let log = Rc::clone(&setup.log);
    setup.pool.run_until(async move { log.submit(name(), runs).await }).unwrap();
    setup
}

/// The runs that have files in the bucket.
fn in_bucket(setup: &Setup) -> usize {
    let files = setup.artifacts.files.borrow();
    files.keys().map(|(id, _)| id).collect::<std::collections::BTreeSet<_>>().len()
}

#[test]
fn files_are_deleted_with_the_results_of_their_day() {
    let mut setup = submitted(0..3);
    let begun = setup.clock.now();
    setup.pass_to(begun.plus_ms(7 * DAY_MS));
    assert_eq!(in_bucket(&setup), 3);
    setup.pass_to(begun.plus_ms(8 * DAY_MS + 60_000));
    assert_eq!(in_bucket(&setup), 0);
    // Nothing is left to do but to delete the runs from the history.
    assert!(setup.storage.alarm_at().unwrap() > setup.clock.now().0 + 80 * DAY_MS);
}

#[test]
fn a_bucket_that_fails_is_asked_again_by_the_alarm() {
    for fault in [Fault::NotDone, Fault::DoneButFailed] {
        let mut setup = submitted(0..3);
        let begun = setup.clock.now();
        setup.pass_to(begun.plus_ms(8 * DAY_MS - 60_000));
        setup.artifacts.delete_faults.next([Fault::None, fault]);
        while !setup.artifacts.delete_faults.are_over() {
            drop(setup.alarm());
        }
        setup.reset();
        setup.pass_ms(60_000);
        assert_eq!(in_bucket(&setup), 0);
    }
}

#[test]
fn a_run_without_files_costs_no_call_of_the_bucket_when_it_expires() {
    let mut setup = Setup::new();
    setup.submit(0..3);
    setup.pass_ms(9 * DAY_MS);
    assert_eq!(setup.artifacts.calls.get(), 0);
}

#[test]
fn files_go_with_their_end_user_also_when_the_bucket_fails_first() {
    let mut setup = submitted(0..4);
    setup.pass_ms(5_000);
    setup.artifacts.delete_faults.next([Fault::NotDone]);
    assert!(setup.erase("u0").is_err());
    assert!(setup.record(0).unwrap().is_none() && in_bucket(&setup) > 2);
    setup.reset();
    assert_eq!(setup.erase("u0"), Ok(Erased { runs: 0, complete: true }));
    assert_eq!(in_bucket(&setup), 2);
}

#[test]
fn files_go_with_their_project_also_those_whose_run_was_never_recorded() {
    for fault in [Fault::NotDone, Fault::DoneButFailed] {
        let mut setup = submitted(0..4);
        store(&setup, 99, 1);
        setup.ledger.project.take();
        // The fifth call is that for what no note knows of.
        setup.artifacts.delete_faults.next([Fault::None, Fault::None, Fault::None, Fault::None, fault]);
        assert!(setup.delete().is_err());
        setup.reset();
        while setup.storage.alarm_at().is_some() {
            setup.alarm().unwrap();
        }
        assert!(in_bucket(&setup) == 0 && setup.storage.is_empty());
    }
}

#[test]
fn a_log_with_more_files_than_one_step_deletes_stays_until_none_is_left() {
    let mut setup = submitted(0..1);
    for number in 1..10 {
        store(&setup, number, 1);
    }
    setup.ledger.project.take();
    setup.artifacts.log_leaves.set(3);
    assert_eq!(setup.delete(), Ok(false));
    assert!(in_bucket(&setup) == 3 && !setup.storage.is_empty());
    assert_eq!(setup.delete(), Ok(true));
    assert!(in_bucket(&setup) == 0 && setup.storage.is_empty());
}
