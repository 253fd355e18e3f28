//! Jobs that are sent, and connections, runners and clients that fail.

use super::*;

#[test]
fn a_container_that_dies_between_the_health_check_and_the_run_has_run_nothing() {
    let mut setup = Setup::new();
    let (release, waits) = oneshot::channel();
    setup.runner.run_faults.next([Fault::WaitsFor(waits)]);
    let run = setup.start(0, &ClientSignal::default());
    setup.runner.die();
    release.send(()).unwrap();
    setup.bench.settle();
    assert_eq!(code(run.result()), Some(PoolFailureCode::Unavailable));
    assert!(setup.runner.executed.borrow().is_empty());
    setup.complete(1);
    assert_eq!(setup.runner.starts.get(), 2);
}

#[test]
fn a_job_whose_connection_broke_before_it_arrived_runs() {
    let mut setup = Setup::new();
    setup.runner.run_faults.next([Fault::NotDone]);
    assert!(matches!(setup.run(0), Ok((SentJob::Running(_), _))));
    assert_eq!(*setup.runner.executed.borrow(), [job(0)]);
}

#[test]
fn a_job_whose_connection_broke_after_it_arrived_is_unknown_and_runs_once() {
    let mut setup = Setup::new();
    setup.runner.run_faults.next([Fault::DoneButFailed]);
    assert!(matches!(setup.run(0), Ok((SentJob::Unknown(_), _))), "the runner calls it a duplicate");
    assert_eq!(*setup.runner.executed.borrow(), [job(0)]);
    assert_eq!((setup.secret(), setup.bench.logged()), (None, vec!["A container is replaced.".to_owned()]));
    setup.complete(1);
    assert_eq!(setup.runner.starts.get(), 2);
}

#[test]
fn a_job_whose_connections_break_twice_is_unknown() {
    let mut setup = Setup::new();
    setup.runner.run_faults.next([Fault::NotDone, Fault::NotDone]);
    assert!(matches!(setup.run(0), Ok((SentJob::Unknown(_), _))));
}

#[test]
fn a_job_is_sent_once_to_a_runner_whose_process_is_not_known() {
    let mut bench = ObjectBench::new();
    let fake = FakeRunner::with_slots(1);
    let way = Rc::new(FakeWay(Rc::clone(&fake)));
    way.start(&[("", "secret")]).unwrap();
    fake.run_faults.next([Fault::DoneButFailed]);
    let runner = Runner::new(way, Rc::clone(&bench.runtime.clock), "secret".to_owned());
    let since = bench.runtime.clock.now();
    let sent = bench.run(async move { runner.run(&job(0), since, &ClientSignal::default()).await });
    assert!(matches!(sent, Err(RunnerError::Lost(_))));
    assert_eq!(*fake.executed.borrow(), [job(0)]);
}

#[test]
fn a_runner_that_neither_accepts_nor_refuses_a_job_is_replaced() {
    let mut setup = Setup::new();
    let (_first, waits) = oneshot::channel();
    let (_second, still_waits) = oneshot::channel();
    setup.runner.run_faults.next([Fault::WaitsFor(waits), Fault::WaitsFor(still_waits)]);
    let run = setup.start(0, &ClientSignal::default());
    setup.bench.pass_ms(60_000);
    assert!(matches!(run.result(), Ok((SentJob::Unknown(_), _))));
    assert_eq!(setup.secret(), None);
}

#[test]
fn a_refusal_replaces_the_container_only_when_the_runner_cannot_go_on() {
    for (refusal, failure, starts) in [
        (RefusalCode::Busy, PoolFailureCode::Busy, 1),
        (RefusalCode::InvalidJob, PoolFailureCode::Rejected, 1),
        (RefusalCode::Duplicate, PoolFailureCode::Lost, 1),
        (RefusalCode::Internal, PoolFailureCode::Unavailable, 1),
        (RefusalCode::Stopping, PoolFailureCode::Unavailable, 2),
        (RefusalCode::Unauthorized, PoolFailureCode::Unavailable, 2),
        (RefusalCode::OtherInstance, PoolFailureCode::Unavailable, 2),
        (RefusalCode::ProtocolMismatch, PoolFailureCode::Mismatch, 2),
    ] {
        let mut setup = Setup::new();
        setup.complete(0);
        setup.runner.refuses.set(Some(refusal));
        assert_eq!(code(setup.run(1)), Some(failure), "{refusal:?}");
        setup.complete(2);
        assert_eq!(setup.runner.starts.get(), starts, "{refusal:?}");
    }
}

#[test]
fn a_client_that_leaves_during_its_run_ends_the_run_and_the_runner_is_checked_before_the_next() {
    let mut setup = Setup::new();
    let client = ClientSignal::default();
    let (_, lease) = setup.start(0, &client).result().unwrap();
    client.leave();
    drop(lease);
    assert_eq!((&*setup.runner.aborted.borrow(), setup.runner.checks.get()), (&vec![job(0)], 1));
    setup.complete(1);
    assert_eq!((setup.runner.checks.get(), setup.runner.starts.get()), (2, 1));
    setup.complete(2);
    assert_eq!(setup.runner.checks.get(), 2, "the last run came to its end");
}

#[test]
fn a_runner_that_is_stuck_after_a_run_is_replaced() {
    let mut setup = Setup::new();
    drop(setup.run(0).unwrap());
    let (_release, waits) = oneshot::channel();
    setup.runner.check_faults.next([Fault::WaitsFor(waits)]);
    let run = setup.start(1, &ClientSignal::default());
    setup.bench.pass_ms(1_000);
    assert!(run.result().is_ok());
    assert_eq!(setup.runner.starts.get(), 2);
}
