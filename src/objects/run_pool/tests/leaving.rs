//! Clients that leave: their runs end, and are recorded with what they used.

use super::*;

/// The line of the report of a cancelled run.
fn cancelled() -> String {
    COMPLETE.replace("success", "cancelled").replace("\"exitCode\":0", "\"exitCode\":137")
}

/// Starts a run whose client reads, and returns that client.
fn started(setup: &mut Setup) -> ClientSignal {
    let client = ClientSignal::default();
    let lines = setup.start(0, &client).result().unwrap();
    setup.clients.push(lines);
    setup.emit(0, START);
    client
}

#[test]
fn a_run_that_its_client_left_was_recorded_as_having_used_nothing() {
    let mut setup = Setup::new();
    let client = started(&mut setup);
    setup.emit(0, &output(Stream::Stdout, "so far"));
    client.leave();
    setup.bench.settle();
    assert_eq!(*setup.runners[0].cancelled.borrow(), [job(0)]);
    setup.emit(0, &output(Stream::Stdout, ", and the rest"));
    setup.emit(0, &cancelled());
    setup.submit();
    let result = setup.recorded();
    assert_eq!((&result["status"], &result["stdout"]), (&json!("cancelled"), &json!("so far, and the rest")));
    assert_eq!((&result["usage"]["cpuMs"], &result["usage"]["durationMs"]), (&json!(1.5), &json!(12.0)));
    assert!(setup.runners[0].aborted.borrow().is_empty() && setup.pool.load() == (0, 0));
}

#[test]
fn a_left_run_that_said_nothing_went_on() {
    let mut setup = Setup::new();
    let client = started(&mut setup);
    client.leave();
    setup.bench.settle();
    assert_eq!(*setup.runners[0].cancelled.borrow(), [job(0)], "no line and no time is needed");
}

#[test]
fn a_run_whose_response_was_dropped_is_cancelled_when_it_writes() {
    let mut setup = Setup::new();
    drop(setup.start(0, &ClientSignal::default()).result().unwrap());
    setup.emit(0, START);
    assert_eq!(*setup.runners[0].cancelled.borrow(), [job(0)]);
}

#[test]
fn a_runner_that_does_not_report_a_cancelled_run_is_not_waited_for_without_an_end() {
    let mut setup = Setup::new();
    let client = started(&mut setup);
    setup.bench.pass_ms(700);
    client.leave();
    setup.bench.settle();
    assert_eq!(setup.pool.load(), (1, 0));
    setup.bench.pass_ms(5_000);
    setup.submit();
    let result = setup.recorded();
    assert_eq!((&result["status"], &result["usage"]["durationMs"]), (&json!("cancelled"), &json!(700.0)));
    assert_eq!((setup.pool.load(), &*setup.runners[0].aborted.borrow()), ((0, 0), &vec![job(0)]));
}

#[test]
fn a_client_that_leaves_does_not_end_a_run_with_an_idempotency_key() {
    let mut setup = Setup::new();
    drop(setup.call(0, "k", b"a").result());
    setup.end(0);
    setup.submit();
    assert!(setup.runners[0].cancelled.borrow().is_empty());
    assert_eq!(setup.recorded()["status"], "success");
}

#[test]
fn a_client_that_does_not_read_holds_up_neither_the_deadline_nor_the_slot() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.emit(0, START);
    for _ in 0..5 {
        setup.emit(0, &output(Stream::Stdout, "x"));
    }
    setup.bench.pass_ms(60_000);
    assert_eq!(setup.pool.load(), (0, 0));
}
