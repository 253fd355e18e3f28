//! Calls with an idempotency key: repeated, interrupted, replayed.

use super::*;

#[test]
fn a_second_call_with_an_idempotency_key_is_attached_to_the_run_of_the_first() {
    let mut setup = Setup::new();
    let first = setup.call(0, "k", b"a").result();
    let second = setup.call(1, "k", b"a");
    assert_eq!(code(setup.call(2, "k", b"b").result()), Some(PoolFailureCode::KeyReused));
    assert!(!second.has_ended(), "it may never start");
    // The client of the first call does not read on; the run goes on.
    drop(first);
    setup.emit(0, START);
    assert_eq!(attached(second.result()), job(0));
    setup.end(0);
    assert_eq!(attached(setup.call(3, "k", b"a").result()), job(0), "the log has no record yet");
    setup.submit();
    assert_eq!((replayed(setup.call(3, "k", b"a").result()), setup.recorded()["id"].clone()), (job(0), json!(job(0))));
    assert_eq!((setup.executed().concat(), setup.pool.load()), (vec![job(0)], (0, 0)));
    setup.run(4);
    assert_eq!(setup.runners[0].checks.get(), 1, "the run ended observed");
}

#[test]
fn a_run_with_an_idempotency_key_gives_its_events_to_the_first_caller() {
    let mut setup = Setup::new();
    let first = setup.call(0, "k", b"a").result();
    setup.end(0);
    assert_eq!(received(first, &mut setup.bench), format!("{START}{COMPLETE}"));
}

#[test]
fn a_run_whose_client_left_was_recorded_only_if_the_call_was_repeated() {
    let mut setup = Setup::new();
    drop(setup.call(0, "k", b"a").result());
    setup.emit(0, START);
    // The program goes on for longer than a Worker may do anything after its client has left.
    setup.bench.pass_ms(40_000);
    setup.emit(0, &output(Stream::Stdout, "late"));
    setup.emit(0, COMPLETE);
    setup.submit();
    let result = setup.recorded();
    assert_eq!((&result["status"], &result["stdout"]), (&json!("success"), &json!("late")));
}

#[test]
fn a_run_whose_object_was_reset_is_in_doubt_until_its_key_is_forgotten() {
    let mut setup = Setup::new();
    drop(setup.call(0, "k", b"a").result());
    setup = setup.reset();
    assert_eq!(code(setup.call(1, "k", b"a").result()), Some(PoolFailureCode::InDoubt));
    setup.bench.pass_ms(RETENTION_MS);
    assert!(setup.call(2, "k", b"a").result().is_ok());
    assert_eq!(setup.executed().concat(), [job(0), job(2)]);
}

#[test]
fn a_run_that_never_started_is_forgotten_and_the_call_can_be_repeated() {
    let mut setup = Setup::new();
    setup.runners[0].refuses.set(Some(RefusalCode::Busy));
    assert_eq!(code(setup.call(0, "k", b"a").result()), Some(PoolFailureCode::Busy));
    // A second call waits for a run whose stream breaks before its start.
    let first = setup.call(1, "k", b"a");
    let second = setup.call(2, "k", b"a");
    setup.runner(1).end(job(1));
    setup.bench.settle();
    assert!(first.has_ended() && second.result().is_ok());
    assert_eq!((setup.executed().concat(), setup.pool.load()), (vec![job(1), job(2)], (1, 0)));
}

#[test]
fn a_call_whose_alarm_cannot_be_set_runs_nothing_and_can_be_repeated() {
    let mut setup = Setup::new();
    setup.bench.storage.faults.next([Fault::NotDone]);
    assert_eq!(code(setup.call(0, "k", b"a").result()), Some(PoolFailureCode::Unavailable));
    assert!(setup.call(1, "k", b"a").result().is_ok());
    assert_eq!(setup.executed().concat(), [job(1)]);
}

#[test]
fn a_run_that_the_runner_calls_a_duplicate_stays_in_doubt() {
    let mut setup = Setup::new();
    setup.runners[0].refuses.set(Some(RefusalCode::Duplicate));
    for _ in 0..2 {
        assert_eq!(code(setup.call(0, "k", b"a").result()), Some(PoolFailureCode::InDoubt));
    }
    assert_eq!(setup.pool.load(), (0, 0));
}

#[test]
fn a_run_that_a_failed_container_may_have_begun_counts_as_failed_and_is_replayed() {
    let mut setup = Setup::new();
    setup.runners[0].run_faults.next([Fault::DoneButFailed]);
    let first = setup.call(0, "k", b"a").result();
    let events = received(first, &mut setup.bench);
    assert!(events.starts_with(START) && events.contains(r#""status":"system""#), "{events}");
    setup.submit();
    assert_eq!(
        (replayed(setup.call(1, "k", b"a").result()), setup.recorded()["status"].clone()),
        (job(0), json!("system"))
    );
    assert_eq!((setup.executed().concat(), setup.pool.load()), (vec![job(0)], (0, 0)));
}

#[test]
fn a_run_that_outlives_its_deadline_is_ended_and_counts_as_failed() {
    let mut setup = Setup::new();
    let first = setup.call(0, "k", b"a").result();
    setup.emit(0, START);
    setup.bench.pass_ms(60_000);
    assert!(received(first, &mut setup.bench).contains(r#""status":"system""#));
    assert_eq!(setup.pool.load(), (0, 0));
    setup.submit();
    assert_eq!(replayed(setup.call(1, "k", b"a").result()), job(0));
}

#[test]
fn idempotency_keys_filled_the_object_until_no_container_could_start() {
    let mut setup = Setup::new();
    setup.bench.storage.size.set(storage::MAX_STORED_BYTES + 1);
    assert_eq!(code(setup.call(0, "k", b"a").result()), Some(PoolFailureCode::TooManyKeys));
    setup.run(1);
    assert_eq!(setup.executed().concat(), [job(1)], "a run without a key needs no entry");
}
