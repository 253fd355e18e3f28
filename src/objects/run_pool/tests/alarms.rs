//! Alarms: old answers, containers that sleep, storage that is deleted.

use super::*;

#[test]
fn alarms_put_the_container_to_sleep_purge_the_answers_and_delete_the_storage() {
    let mut setup = Setup::new();
    drop(setup.call(0, "k", b"a").result());
    setup.end(0);
    setup.submit();
    let mut alarms = Vec::new();
    while setup.bench.storage.alarm_at().is_some() {
        setup.bench.reach_alarm();
        assert_eq!(setup.alarm().result(), Ok(()));
        alarms.push((setup.bench.runtime.clock.now().0, setup.bench.storage.alarm_at()));
    }
    assert_eq!(alarms, [(SLEEP_AFTER_MS, Some(RETENTION_MS)), (RETENTION_MS, None)]);
    assert!(setup.bench.storage.is_empty());
}

#[test]
fn two_alarms_during_a_run_leave_it_alone() {
    let mut setup = Setup::new();
    setup.run(0);
    for _ in 0..2 {
        setup.bench.pass_ms(20_000);
        setup.bench.storage.fire();
        assert_eq!(setup.alarm().result(), Ok(()));
        assert!(setup.runners[0].runs(job(0)) && setup.bench.storage.alarm_at().is_some());
    }
    setup.end(0);
    while setup.bench.storage.alarm_at().is_some() {
        setup.bench.reach_alarm();
        assert_eq!(setup.alarm().result(), Ok(()));
    }
    assert!(setup.bench.storage.is_empty());
}

#[test]
fn a_run_with_a_key_that_comes_while_the_container_goes_to_sleep_is_not_forgotten() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.end(0);
    setup.bench.reach_alarm();
    let (release, waits) = oneshot::channel();
    setup.runners[0].destroy_faults.next([Fault::DoneThenWaitsFor(waits)]);
    // The next start takes a while, so that no container runs when the old one has ended.
    setup.runners[0].dies_at_start.set(1);
    let alarm = setup.alarm();
    let call = setup.call(1, "k", b"a");
    release.send(()).unwrap();
    setup.bench.settle();
    assert_eq!(alarm.result(), Ok(()));
    setup.bench.pass_ms(1_000);
    assert!(call.result().is_ok());
    let key = IdempotencyKey::parse("k").unwrap();
    assert!(storage::get(&*setup.bench.storage, &key).unwrap().is_some());
    assert!(setup.bench.storage.alarm_at().is_some());
}

#[test]
fn a_container_that_cannot_be_ended_is_tried_again_at_the_next_alarm() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.end(0);
    setup.runners[0].destroy_faults.next([Fault::NotDone]);
    let mut alarms = 0;
    while setup.bench.storage.alarm_at().is_some() {
        setup.bench.reach_alarm();
        assert_eq!(setup.alarm().result(), Ok(()));
        alarms += 1;
    }
    assert_eq!((alarms, setup.bench.storage.is_empty()), (2, true));
}

#[test]
fn an_alarm_whose_storage_fails_is_repeated_by_the_runtime() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.end(0);
    setup.bench.reach_alarm();
    setup.bench.storage.faults.next([Fault::NotDone]);
    assert!(setup.alarm().result().is_err());
    assert_eq!(setup.alarm().result(), Ok(()));
    assert!(setup.bench.storage.is_empty());
}

#[test]
fn a_purge_of_many_answers_takes_several_alarms() {
    let mut setup = Setup::new();
    let sql = Rc::clone(&setup.bench.storage);
    storage::create_tables(&*sql).unwrap();
    for number in 0..2_100 {
        let key = IdempotencyKey::parse(&format!("{number}")).unwrap();
        let entry = Entry {
            fingerprint: Fingerprint::of(b"a"),
            run_id: job(0),
            created_at: Timestamp(number),
            finished: false,
        };
        storage::begin(&*sql, &key, &entry).unwrap();
        storage::finish(&*sql, &key).unwrap();
    }
    setup.bench.pass_ms(RETENTION_MS + 2_100);
    let mut alarms = 0;
    while alarms == 0 || sql.alarm_at().is_some() {
        if alarms > 0 {
            assert!(sql.alarm_at().unwrap() <= setup.bench.runtime.clock.now().0, "the next step is due at once");
            sql.fire();
        }
        assert_eq!(setup.alarm().result(), Ok(()));
        alarms += 1;
    }
    assert_eq!((alarms, sql.is_empty()), (3, true));
}
