//! Jobs that are to be cancelled before they start.

use super::*;

#[test]
fn a_job_is_cancelled_when_no_container_can_have_it() {
    let mut setup = Setup::new();
    assert!(setup.cancel(0).result(), "no container was started");
    setup.complete(1);
    setup.destroy();
    assert!(setup.cancel(0).result(), "this object ended the container");
}

#[test]
fn a_cancelled_job_that_arrives_later_does_not_run_and_a_job_that_arrived_is_not_cancelled() {
    let mut setup = Setup::new();
    setup.complete(0);
    assert!(setup.cancel(1).result());
    assert_eq!(code(setup.run(1)), Some(PoolFailureCode::Lost));
    assert!(!setup.cancel(0).result());
    assert_eq!(*setup.runner.executed.borrow(), [job(0)]);
}

#[test]
fn nothing_is_cancelled_in_a_container_that_died() {
    let mut setup = Setup::new();
    setup.complete(0);
    setup.runner.die();
    assert!(!setup.cancel(1).result());
    setup.complete(2);
    assert!(setup.cancel(1).result(), "the next run started another container, which never had the job");
}

#[test]
fn nothing_is_cancelled_when_the_container_was_replaced_meanwhile() {
    let mut setup = Setup::new();
    drop(setup.run(0).unwrap());
    let (release, waits) = oneshot::channel();
    setup.runner.check_faults.next([Fault::WaitsFor(waits)]);
    let cancelled = setup.cancel(1);
    let secret = setup.secret();
    setup.bench.pass_ms(1_000);
    assert!(!cancelled.result(), "the runner was stuck, and may have had the job");
    assert_ne!(setup.secret(), secret);
    drop(release);
}

#[test]
fn nothing_is_cancelled_when_the_runner_does_not_answer() {
    for faults in [[Fault::NotDone, Fault::NotDone], [Fault::DoneButFailed, Fault::NotDone]] {
        let mut setup = Setup::new();
        setup.complete(0);
        setup.runner.cancel_faults.next(faults);
        assert!(!setup.cancel(1).result());
    }
    let mut setup = Setup::new();
    setup.complete(0);
    let (_release, waits) = oneshot::channel();
    setup.runner.cancel_faults.next([Fault::WaitsFor(waits)]);
    let cancelled = setup.cancel(1);
    setup.bench.pass_ms(2_000);
    assert!(!cancelled.result());
}

#[test]
fn a_connection_that_the_runner_had_closed_ended_the_container_of_an_interactive_run() {
    let mut setup = Setup::new();
    let running = setup.run(0).unwrap();
    setup.runner.cancel_faults.next([Fault::NotDone]);
    let runner = setup.instance.known().unwrap().runner;
    let input = setup.bench.start(async move { runner.input(job(0)).await.is_ok_and(|input| input.is_some()) });
    assert!(input.result(), "the socket opens at the second attempt");
    setup.runner.cancel_faults.next([Fault::NotDone]);
    assert!(setup.cancel(1).result());
    drop(running);
}
