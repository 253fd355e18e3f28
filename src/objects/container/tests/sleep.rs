//! Containers that are put to sleep, and what comes in between.

use super::*;

#[test]
fn a_container_sleeps_when_it_was_idle_for_long_enough() {
    let mut setup = Setup::new();
    assert_eq!(setup.rest().result(), None, "nothing runs");
    setup.complete(0);
    assert_eq!(setup.bench.storage.alarm_at(), Some(SLEEP_AFTER_MS));
    setup.bench.pass_ms(SLEEP_AFTER_MS - 1);
    assert_eq!(setup.rest().result(), Some(SLEEP_AFTER_MS));
    setup.bench.pass_ms(1);
    assert_eq!((setup.rest().result(), setup.secret()), (None, None));
}

#[test]
fn two_alarms_during_a_run_leave_it_alone_and_the_next_one_ends_the_container() {
    let mut setup = Setup::new();
    let (_, lease) = setup.run(0).unwrap();
    for alarm in 1..=2 {
        // Of a run that takes longer than any can, the count is wrong.
        let step = LONGEST_RUN_MS / 4;
        setup.bench.pass_ms(step);
        assert_eq!(setup.rest().result(), Some(SLEEP_AFTER_MS), "alarm {alarm}");
    }
    assert!(setup.runner.runs(job(0)));
    lease.finished();
    setup.bench.pass_ms(SLEEP_AFTER_MS);
    assert_eq!(setup.rest().result(), None);
}

#[test]
fn a_container_that_cannot_be_ended_keeps_its_secret_and_is_ended_the_next_time() {
    let mut setup = Setup::new();
    setup.complete(0);
    setup.bench.pass_ms(SLEEP_AFTER_MS);
    setup.runner.destroy_faults.next([Fault::NotDone]);
    assert_eq!(setup.rest().result(), Some(2 * SLEEP_AFTER_MS));
    assert!(setup.secret().is_some());
    setup.bench.pass_ms(SLEEP_AFTER_MS);
    assert_eq!((setup.rest().result(), setup.secret()), (None, None));
    assert_eq!(setup.bench.logged(), ["A container could not be ended."]);
}

#[test]
fn a_container_that_is_starting_is_not_put_to_sleep() {
    let mut setup = Setup::new();
    setup.complete(0);
    setup.reset();
    let (release, waits) = oneshot::channel();
    setup.runner.check_faults.next([Fault::WaitsFor(waits)]);
    let up = setup.up();
    setup.bench.pass_ms(10);
    assert_eq!(setup.rest().result(), Some(10 + SLEEP_AFTER_MS));
    release.send(()).unwrap();
    setup.bench.settle();
    assert_eq!((up.result(), setup.runner.starts.get()), (Ok(2), 1));
}

#[test]
fn a_run_that_comes_while_the_container_ends_gets_another_container() {
    let mut setup = Setup::new();
    setup.complete(0);
    setup.bench.pass_ms(SLEEP_AFTER_MS);
    let (release, waits) = oneshot::channel();
    setup.runner.destroy_faults.next([Fault::WaitsFor(waits)]);
    let rest = setup.rest();
    // The health check of the run reaches the container that is about to end.
    setup.runner.check_faults.next([Fault::NotDone]);
    let run = setup.start(1, &ClientSignal::default());
    release.send(()).unwrap();
    setup.bench.pass_ms(1_000);
    assert!(run.result().is_ok());
    assert_eq!(setup.runner.starts.get(), 2);
    assert!(rest.result().is_some_and(|at| at >= 2 * SLEEP_AFTER_MS), "the alarm comes back for the new container");
    assert!(setup.secret().is_some());
}
