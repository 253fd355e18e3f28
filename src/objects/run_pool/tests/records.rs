//! Finished runs on their way to a log that fails, and after their project was deleted.

use super::*;

#[test]
fn a_log_that_threw_once_lost_every_run_of_its_batch() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.run(1);
    setup.logs.submit_faults.next([Fault::NotDone]);
    setup.end(0);
    setup.end(1);
    setup.submit();
    assert!(setup.logs.records().is_empty());
    setup.bench.reach_alarm();
    assert_eq!(setup.alarm().result(), Ok(()));
    assert_eq!(setup.logs.records().len(), 2);
}

#[test]
fn a_run_whose_log_fails_for_a_while_survives_a_reset_of_its_object() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.logs.fails.set(true);
    setup.end(0);
    setup.submit();
    setup = setup.reset();
    for _ in 0..3 {
        setup.bench.reach_alarm();
        assert_eq!(setup.alarm().result(), Ok(()));
        assert!(setup.logs.submit_faults.are_over());
    }
    setup.logs.fails.set(false);
    assert!(setup.logs.records().is_empty());
    setup.bench.reach_alarm();
    assert_eq!(setup.alarm().result(), Ok(()));
    assert_eq!(setup.recorded()["status"], "success");
    while setup.bench.storage.alarm_at().is_some() {
        setup.bench.reach_alarm();
        assert_eq!(setup.alarm().result(), Ok(()));
    }
    assert!(setup.bench.storage.is_empty());
}

#[test]
fn a_log_that_took_a_run_and_failed_to_say_so_counts_it_once() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.logs.submit_faults.next([Fault::DoneButFailed]);
    setup.end(0);
    setup.submit();
    assert_eq!(setup.recorded()["status"], "success");
    setup.bench.reach_alarm();
    assert_eq!(setup.alarm().result(), Ok(()));
    assert_eq!(setup.recorded()["status"], "success");
}

#[test]
fn a_repeated_call_is_told_to_come_back_while_the_log_has_no_record() {
    let mut setup = Setup::new();
    drop(setup.call(0, "k", b"a").result());
    setup.logs.submit_faults.next([Fault::NotDone]);
    setup.end(0);
    setup.submit();
    assert_eq!(code(setup.call(1, "k", b"a").result()), Some(PoolFailureCode::Unavailable));
    setup.bench.reach_alarm();
    assert_eq!(setup.alarm().result(), Ok(()));
    assert_eq!(replayed(setup.call(2, "k", b"a").result()), job(0));
}

#[test]
fn a_deleted_project_went_on_running_and_recording() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.run(1);
    let queued = setup.start(2, &ClientSignal::default());
    let (pool, recorder) = (Rc::clone(&setup.pool), Rc::clone(&setup.runs.recorder));
    setup.bench.run(async move {
        recorder.stop();
        pool.delete().await;
        pool.destroy_others().await;
    });
    assert_eq!(*setup.runners[0].cancelled.borrow(), [job(0)]);
    assert_eq!(*setup.runners[1].cancelled.borrow(), [job(1)]);
    setup.end(0);
    setup.submit();
    assert_eq!(code(queued.result()), Some(PoolFailureCode::Unavailable));
    assert!(setup.logs.records().is_empty());
    assert_eq!(setup.executed().concat().len(), 2);
}
