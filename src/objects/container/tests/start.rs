//! Starts that fail, that are shared, and that find a container running.

use super::*;

#[test]
fn concurrent_runs_wait_for_one_start_although_the_first_client_leaves() {
    let mut setup = Setup::new();
    let (release, waits) = oneshot::channel();
    setup.runner.check_faults.next([Fault::WaitsFor(waits)]);
    let clients = [ClientSignal::default(), ClientSignal::default(), ClientSignal::default()];
    let runs: Vec<_> = (0..3).map(|number| setup.start(number, &clients[usize::from(number)])).collect();
    clients[0].leave();
    assert!(runs.iter().all(|run| !run.has_ended()));
    release.send(()).unwrap();
    setup.bench.settle();
    assert_eq!(code(runs[0].result()), Some(PoolFailureCode::ClientLeft));
    assert!(runs[1].result().is_ok() && runs[2].result().is_ok());
    assert_eq!((setup.runner.starts.get(), &*setup.runner.executed.borrow()), (1, &vec![job(1), job(2)]));
}

#[test]
fn a_start_that_fails_twice_succeeds_at_last() {
    let mut setup = Setup::new();
    setup.runner.dies_at_start.set(2);
    let up = setup.up();
    setup.bench.pass_ms(1_000);
    assert_eq!((up.result(), setup.runner.starts.get()), (Ok(2), 3));
    assert_eq!(setup.bench.logged(), ["A container did not start."; 2]);
}

#[test]
fn a_start_that_always_fails_refuses_all_who_wait_and_leaves_no_secret() {
    let mut setup = Setup::new();
    setup.runner.dies_at_start.set(START_ATTEMPTS);
    let waiting = [setup.up(), setup.up()];
    setup.bench.pass_ms(1_000);
    for up in waiting {
        assert_eq!(code(up.result()), Some(PoolFailureCode::Unavailable));
    }
    assert_eq!((setup.runner.starts.get(), setup.secret()), (START_ATTEMPTS, None));
    assert_eq!(setup.up().result(), Ok(2), "the next call tries again");
}

#[test]
fn a_runner_that_does_not_answer_its_health_check_in_time_is_started_again() {
    let mut setup = Setup::new();
    setup.runner.check_faults.next((0..400).map(|_| Fault::NotDone));
    let up = setup.up();
    setup.bench.pass_ms(120_000);
    assert_eq!((up.result(), setup.runner.starts.get()), (Ok(2), 2));
}

#[test]
fn a_container_that_pulled_its_image_was_ended_before_it_was_there() {
    let mut setup = Setup::new();
    let (release, waits) = oneshot::channel();
    setup.runner.check_faults.next([Fault::WaitsFor(waits)]);
    let up = setup.up();
    setup.bench.pass_ms(45_000);
    release.send(()).unwrap();
    setup.bench.settle();
    assert_eq!((up.result(), setup.runner.starts.get()), (Ok(2), 1));
}

#[test]
fn a_runner_of_another_protocol_is_not_started_again() {
    let mut setup = Setup::new();
    setup.runner.speaks.set(Some(VERSION + 1));
    assert_eq!(code(setup.up().result()), Some(PoolFailureCode::Mismatch));
    assert_eq!((setup.runner.starts.get(), setup.secret()), (1, None));
}

#[test]
fn a_container_that_outlived_its_object_is_adopted() {
    let mut setup = Setup::new();
    setup.complete(0);
    setup.reset();
    setup.complete(1);
    assert_eq!(setup.runner.starts.get(), 1);
}

#[test]
fn a_container_whose_secret_is_lost_is_replaced() {
    let mut setup = Setup::new();
    setup.complete(0);
    storage::forget(&*setup.bench.storage, setup.secret().as_deref()).unwrap();
    setup.reset();
    setup.complete(1);
    assert_eq!(setup.runner.starts.get(), 2);
}
