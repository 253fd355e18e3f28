//! Calls that cancel a run: at every stage it ends as `cancelled`, and its client gets that result.

use super::*;

/// The line of the report of a cancelled run.
fn cancelled() -> String {
    COMPLETE.replace("success", "cancelled").replace("\"exitCode\":0", "\"exitCode\":137")
}

impl Setup {
    /// Starts a call that cancels a run.
    fn cancel_in_flight(&mut self, number: u8, token: Option<&'static str>) -> Task<bool> {
        let runs = Rc::clone(&self.runs);
        self.bench.start(async move { runs.in_flight.cancel(job(number), token).await })
    }

    fn text(&mut self, lines: Lines) -> String {
        String::from_utf8(self.bench.run(lines.concat())).unwrap()
    }
}

#[test]
fn a_cancelled_run_ends_with_what_it_has_used_and_its_client_gets_the_result() {
    let mut setup = Setup::new();
    let lines = setup.start(0, &ClientSignal::default()).result().unwrap();
    setup.emit(0, START);
    let calls = [setup.cancel_in_flight(0, None), setup.cancel_in_flight(0, None)];
    assert_eq!(*setup.runners[0].cancelled.borrow(), [job(0)], "two calls are one cancellation");
    let reader = setup.bench.start(lines.concat());
    setup.emit(0, &output(Stream::Stdout, "so far"));
    setup.emit(0, &cancelled());
    setup.submit();
    let [first, second] = calls.map(|call| call.result());
    let text = String::from_utf8(reader.result()).unwrap();
    assert!(first && second && text.contains("cancelled") && text.lines().count() == 3, "{text}");
    let result = setup.recorded();
    assert_eq!((&result["status"], &result["stdout"]), (&json!("cancelled"), &json!("so far")));
    assert_eq!((&result["usage"]["cpuMs"], setup.pool.load()), (&json!(1.5), (0, 0)));
    assert!(!setup.cancel_in_flight(0, None).result(), "it has ended");
}

#[test]
fn a_run_that_is_cancelled_while_it_waits_for_a_slot_is_sent_nowhere_and_recorded() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.run(1);
    let waiting = setup.start(2, &ClientSignal::default());
    setup.bench.pass_ms(300);
    let call = setup.cancel_in_flight(2, None);
    let lines = waiting.result().unwrap();
    setup.submit();
    assert!(call.result());
    let text = setup.text(lines);
    assert!(text.contains("cancelled"), "{text}");
    assert_eq!((setup.executed().concat().len(), setup.pool.load()), (2, (2, 0)));
    let result = setup.recorded();
    assert_eq!((&result["status"], &result["usage"]["queueMs"]), (&json!("cancelled"), &json!(300.0)));
    setup.end(0);
    setup.end(1);
    assert_eq!((setup.executed().concat().len(), setup.pool.load()), (2, (0, 0)), "its slot is free");
}

#[test]
fn a_run_with_an_idempotency_key_is_cancelled_and_a_repeated_call_gets_the_cancelled_run() {
    let mut setup = Setup::new();
    let first = setup.call(0, "k", b"a").result();
    setup.emit(0, START);
    let call = setup.cancel_in_flight(0, None);
    setup.emit(0, &cancelled());
    setup.submit();
    assert!(call.result());
    assert!(received(first, &mut setup.bench).contains("cancelled"));
    assert_eq!(replayed(setup.call(1, "k", b"a").result()), job(0));
    assert_eq!(setup.executed().concat(), [job(0)]);
}

#[test]
fn a_token_cancels_no_run_of_another_client() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.emit(0, START);
    assert!(!setup.cancel_in_flight(0, Some("another")).result());
    assert!(setup.runners[0].cancelled.borrow().is_empty());
}

#[test]
fn a_runner_that_does_not_report_holds_a_cancelling_call_for_five_seconds() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.emit(0, START);
    let call = setup.cancel_in_flight(0, None);
    setup.bench.pass_ms(4_900);
    assert!(!call.has_ended());
    setup.bench.pass_ms(200);
    assert!(call.result());
    assert_eq!((&setup.recorded()["status"], setup.pool.load()), (&json!("cancelled"), (0, 0)));
}
