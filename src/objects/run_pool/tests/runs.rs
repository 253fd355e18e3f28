//! Runs that share the slots of a pool, and clients and containers that fail.

use super::*;

#[test]
fn runs_get_a_slot_each_and_give_it_back_at_their_end() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.run(1);
    let third = setup.start(2, &ClientSignal::default());
    assert_eq!((setup.pool.load(), third.has_ended()), ((2, 1), false));
    setup.end(0);
    setup.clients.push(third.result().unwrap());
    assert_eq!(setup.executed(), [vec![job(0), job(2)], vec![job(1)]]);
    setup.end(1);
    setup.end(2);
    assert_eq!(setup.pool.load(), (0, 0));
    setup.run(3);
    assert_eq!(setup.runners[0].checks.get(), 1, "no run ended unobserved");
}

#[test]
fn a_client_that_leaves_while_its_run_is_queued_gives_its_place_in_the_queue_back() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.run(1);
    let client = ClientSignal::default();
    let queued = setup.start(2, &client);
    client.leave();
    setup.bench.settle();
    assert_eq!((code(queued.result()), setup.pool.load()), (Some(PoolFailureCode::ClientLeft), (2, 0)));
    setup.end(0);
    setup.end(1);
    assert_eq!((setup.executed().concat().len(), setup.pool.load()), (2, (0, 0)));
}

#[test]
fn a_client_that_leaves_while_a_container_starts_runs_nothing_and_the_container_serves_the_next() {
    let mut setup = Setup::new();
    let (release, waits) = oneshot::channel();
    setup.runners[0].check_faults.next([Fault::WaitsFor(waits)]);
    let client = ClientSignal::default();
    let run = setup.start(0, &client);
    client.leave();
    setup.bench.settle();
    assert_eq!((code(run.result()), setup.pool.load()), (Some(PoolFailureCode::ClientLeft), (0, 0)));
    release.send(()).unwrap();
    setup.bench.settle();
    setup.run(1);
    assert_eq!((setup.runners[0].starts.get(), setup.executed()), (1, [vec![job(1)], vec![]]));
}

#[test]
fn a_client_that_leaves_while_its_run_goes_on_ends_the_run_in_any_container() {
    let mut setup = Setup::new();
    let clients = [ClientSignal::default(), ClientSignal::default()];
    for number in 0..2 {
        let lines = setup.start(number, &clients[usize::from(number)]).result().unwrap();
        setup.clients.push(lines);
    }
    clients.iter().for_each(ClientSignal::leave);
    setup.bench.settle();
    for (number, runner) in (0..).zip(&setup.runners) {
        assert_eq!(*runner.cancelled.borrow(), [job(number)]);
    }
    // Neither runner reports an end.
    setup.bench.pass_ms(5_000);
    assert_eq!(setup.pool.load(), (0, 0));
    for (number, runner) in (0..).zip(&setup.runners) {
        assert_eq!(*runner.aborted.borrow(), [job(number)]);
    }
    setup.run(2);
    assert_eq!(setup.runners[0].checks.get(), 2, "nothing observed the end of the last run, so the runner is checked");
}

#[test]
fn a_client_that_leaves_before_the_runner_answers_ends_its_run_when_the_runner_does() {
    let mut setup = Setup::new();
    let (release, waits) = oneshot::channel();
    setup.runners[0].run_faults.next([Fault::WaitsFor(waits)]);
    let client = ClientSignal::default();
    let run = setup.start(0, &client);
    client.leave();
    release.send(()).unwrap();
    setup.bench.settle();
    assert!(run.has_ended());
    assert_eq!(*setup.runners[0].cancelled.borrow(), [job(0)]);
    setup.end(0);
    assert_eq!(setup.pool.load(), (0, 0));
}

#[test]
fn a_run_that_waits_too_long_and_a_run_too_many_are_refused() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.run(1);
    let queued: Vec<_> = (2..5).map(|number| setup.start(number, &ClientSignal::default())).collect();
    let refused = setup.start(5, &ClientSignal::default()).result().unwrap_err();
    assert_eq!((refused.code, refused.retry_after_s.is_some()), (PoolFailureCode::QueueFull, true));
    setup.bench.pass_ms(i64::from(MAX_QUEUE_MS));
    for run in queued {
        let failure = run.result().unwrap_err();
        assert_eq!((failure.code, failure.retry_after_s.is_some()), (PoolFailureCode::Busy, true));
    }
    assert_eq!(setup.pool.load(), (2, 0));
}

#[test]
fn a_run_gives_its_slot_back_however_it_fails() {
    for (refusal, failure) in [
        (RefusalCode::Busy, PoolFailureCode::Busy),
        (RefusalCode::InvalidJob, PoolFailureCode::Rejected),
        (RefusalCode::NoLanguage, PoolFailureCode::NoLanguage),
        (RefusalCode::NoTerminal, PoolFailureCode::NoTerminal),
        (RefusalCode::Duplicate, PoolFailureCode::Lost),
        (RefusalCode::ProtocolMismatch, PoolFailureCode::Mismatch),
    ] {
        let mut setup = Setup::new();
        setup.runners[0].refuses.set(Some(refusal));
        assert_eq!(code(setup.start(0, &ClientSignal::default()).result()), Some(failure));
        assert_eq!(setup.pool.load(), (0, 0), "{refusal:?}");
    }
    let mut setup = Setup::new();
    setup.runners[0].run_faults.next([Fault::DoneButFailed]);
    setup.run(0);
    assert_eq!((setup.pool.load(), setup.executed().concat()), ((0, 0), vec![job(0)]));
    setup.submit();
    assert_eq!(setup.recorded()["status"], "system", "in doubt");
}

#[test]
fn runs_whose_container_cannot_be_started_are_refused() {
    let mut setup = Setup::new();
    setup.runners[0].dies_at_start.set(100);
    let runs: Vec<_> = (0..2).map(|number| setup.start(number, &ClientSignal::default())).collect();
    setup.bench.pass_ms(1_000);
    for run in runs {
        assert_eq!(code(run.result()), Some(PoolFailureCode::Unavailable));
    }
    assert_eq!(setup.pool.load(), (0, 0));
}

#[test]
fn a_run_whose_container_died_before_it_began_goes_to_another() {
    let mut setup = Setup::new();
    let (release, waits) = oneshot::channel();
    setup.runners[0].run_faults.next([Fault::WaitsFor(waits)]);
    let run = setup.start(0, &ClientSignal::default());
    setup.runners[0].die();
    release.send(()).unwrap();
    setup.bench.pass_ms(1_000);
    let _lines = run.result().unwrap();
    assert_eq!((setup.executed().concat(), setup.pool.load()), (vec![job(0)], (1, 0)));
}

#[test]
fn a_container_that_dies_during_a_run_breaks_the_stream_and_gives_the_slot_back() {
    let mut setup = Setup::new();
    let lines = setup.start(0, &ClientSignal::default()).result().unwrap();
    setup.runners[0].emit(job(0), START);
    setup.runners[0].die();
    setup.bench.settle();
    assert_eq!(setup.pool.load(), (0, 0));
    let received = setup.bench.run(lines.concat());
    assert!(String::from_utf8(received).unwrap().contains(r#""status":"system""#));
    setup.run(1);
    assert_eq!(setup.runners[0].starts.get(), 2);
}

#[test]
fn a_job_is_cancelled_when_no_container_of_the_project_can_have_it() {
    let mut setup = Setup::new();
    assert!(setup.cancel(9), "no container was started");
    setup.run(0);
    setup.run(1);
    setup = setup.reset();
    assert!(!setup.cancel(0) && !setup.cancel(1), "the containers outlive their objects, and have had the jobs");
    assert!(setup.cancel(9));
    setup.runners[1].die();
    assert!(!setup.cancel(9), "what the second container did is unknown");
}

#[test]
fn the_input_of_a_run_is_where_the_run_is_until_it_ends() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.run(1);
    let has_input = |setup: &mut Setup, number| {
        let pool = Rc::clone(&setup.pool);
        setup.bench.run(async move { pool.input(job(number)).await }).unwrap().is_some()
    };
    assert!(has_input(&mut setup, 1) && !has_input(&mut setup, 2));
    setup.end(1);
    assert!(!has_input(&mut setup, 1));
}
