//! Detached runs whose object is reset: none is lost, and none is begun twice.

use super::*;
use crate::domain::run::phase::Phase;
use crate::objects::run_pool::detached::storage as jobs;

#[test]
fn a_detached_run_that_waits_survives_a_reset_of_its_object_and_one_that_runs_is_not_begun_again() {
    let mut setup = Setup::new();
    setup.run(10);
    for number in 0..3 {
        setup.detach(number);
    }
    setup.emit(0, START);
    assert_eq!(setup.executed().concat().len(), 2);
    setup = setup.reset_and_take_up();
    setup.submit();
    let result = setup.result_of(0);
    assert_eq!(result["status"], "system");
    assert!(result["stderr"].as_str().unwrap().contains("the service was restarted"), "{result}");
    for number in [1, 2] {
        setup.bench.pass_ms(2_000);
        setup.end(number);
    }
    setup.submit();
    assert_eq!(
        (setup.result_of(1)["status"].clone(), setup.result_of(2)["status"].clone()),
        (json!("success"), json!("success"))
    );
    let executed = setup.executed().concat();
    for number in 0..3 {
        assert_eq!(executed.iter().filter(|id| **id == job(number)).count(), 1, "{number}");
    }
    assert_eq!(setup.stored(), []);
}

#[test]
fn a_detached_run_was_lost_with_its_object_while_its_program_ran() {
    for ends_before in [false, true] {
        let mut setup = Setup::new();
        setup.keep_runs();
        setup.detach(0);
        setup.emit(0, START);
        setup.emit(0, &output(Stream::Stdout, "before\n"));
        setup.runner(0).emit(job(0), &output(Stream::Stdout, "unread\n"));
        let runner = setup.runner(0);
        if ends_before {
            runner.emit(job(0), COMPLETE);
            runner.end(job(0));
        }
        setup = setup.reset_and_take_up();
        let phase = if ends_before { Phase::Ending } else { Phase::Running };
        assert_eq!(setup.phase(0), Some(phase));
        if !ends_before {
            setup.emit(0, &output(Stream::Stdout, "after\n"));
            setup.end_kept(0);
        }
        setup.submit();
        let result = setup.result_of(0);
        let expected = if ends_before { "before\nunread\n" } else { "before\nunread\nafter\n" };
        assert_eq!((&result["status"], &result["stdout"]), (&json!("success"), &json!(expected)));
        assert_eq!((setup.executed().concat(), setup.stored()), (vec![job(0)], vec![]));
        assert!(setup.runners.iter().all(|runner| runner.cancelled.borrow().is_empty()));
    }
}

#[test]
fn the_runner_kept_the_events_of_a_run_whose_end_was_stored_already() {
    for (number, is_reset) in [(0, false), (0, true), (1, false)] {
        let mut setup = Setup::new();
        setup.keep_runs();
        if number == 1 {
            // It goes to the member that another object has.
            setup.run(10);
        }
        setup.detach(number);
        setup.emit(number, START);
        if is_reset {
            setup = setup.reset_and_take_up();
        }
        let runner = setup.runner(number);
        assert!(runner.kept().contains(&job(number)));
        setup.end_kept(number);
        setup.submit();
        assert_eq!(setup.result_of(number)["status"], "success");
        assert!(!runner.kept().contains(&job(number)), "{number} {is_reset}");
    }
}

#[test]
fn a_detached_run_whose_container_died_during_the_reset_ends_as_a_failure_of_the_service() {
    let mut setup = Setup::new();
    setup.keep_runs();
    setup.detach(0);
    setup.emit(0, START);
    setup.runner(0).die();
    setup = setup.reset_and_take_up();
    setup.submit();
    let result = setup.result_of(0);
    assert_eq!(result["status"], "system");
    assert!(result["stderr"].as_str().unwrap().contains("the service was restarted"), "{result}");
    assert_eq!((setup.executed().concat(), setup.stored()), (vec![job(0)], vec![]));
}

#[test]
fn a_detached_run_is_cancelled_after_a_reset_with_what_it_has_used() {
    let mut setup = Setup::new();
    setup.keep_runs();
    setup.detach(0);
    setup.emit(0, START);
    setup = setup.reset_and_take_up();
    let cancel = setup.cancel_in_flight_of(0);
    assert_eq!(*setup.runner(0).cancelled.borrow(), [job(0)]);
    setup.emit(0, &COMPLETE.replace("success", "cancelled"));
    setup.runner(0).end(job(0));
    setup.bench.settle();
    setup.submit();
    assert!(cancel.result());
    let result = setup.result_of(0);
    assert_eq!((&result["status"], &result["usage"]["cpuMs"]), (&json!("cancelled"), &json!(1.5)));
}

#[test]
fn a_runner_that_does_not_answer_after_a_reset_is_asked_again() {
    let mut setup = Setup::new();
    setup.keep_runs();
    setup.detach(0);
    setup.emit(0, START);
    let runner = setup.runner(0);
    runner.cancel_faults.next((0..4).map(|_| Fault::NotDone));
    setup = setup.reset_and_take_up();
    for _ in 0..4 {
        setup.bench.pass_ms(1_100);
    }
    setup.end_kept(0);
    setup.submit();
    assert_eq!(setup.result_of(0)["status"], "success");
    assert_eq!(setup.executed().concat(), [job(0)]);
}

#[test]
fn a_call_after_a_reset_finds_the_stored_runs_before_the_alarm() {
    let mut setup = Setup::new();
    setup.run(10);
    setup.run(11);
    setup.detach(0);
    setup = setup.reset();
    assert_eq!(setup.phase(0), None);
    let pool = Rc::clone(&setup.pool);
    setup.runs.take_up_once(|_| Ok(pool)).unwrap();
    setup.bench.settle();
    assert!(setup.phase(0).is_some());
    assert!(setup.cancel_in_flight_of(0).has_ended() || setup.phase(0).is_some());
}

#[test]
fn a_recorded_run_whose_job_was_not_deleted_before_a_reset_keeps_its_result() {
    let mut setup = Setup::new();
    setup.detach(0);
    setup.end(0);
    // The log takes the record, and the object is reset before it deletes the job.
    let stored = jobs::list(&*setup.bench.storage).unwrap().remove(0);
    setup.submit();
    assert_eq!(setup.result_of(0)["status"], "success");
    jobs::insert(&*setup.bench.storage, &stored, b"{}").unwrap();
    jobs::mark(&*setup.bench.storage, job(0), true).unwrap();
    setup = setup.reset_and_take_up();
    setup.submit();
    assert_eq!((setup.result_of(0)["status"].clone(), setup.stored()), (json!("success"), vec![]));
    assert_eq!(setup.executed().concat(), [job(0)]);
}
