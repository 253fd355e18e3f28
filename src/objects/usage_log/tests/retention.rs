//! What a log keeps for how long, and what it does when it is full.

use super::*;
use crate::domain::usage_log::retention::MAX_STORED_BYTES;
use crate::objects::usage_log::storage::{results, runs};

#[test]
fn results_are_kept_for_a_week_runs_for_ninety_days_and_counts_for_ever() {
    let mut setup = Setup::new();
    setup.submit(0..4);
    let begun = setup.clock.now();
    setup.pass_to(begun.plus_ms(7 * DAY_MS));
    assert!(setup.record(1).unwrap().is_some());
    setup.pass_to(begun.plus_ms(8 * DAY_MS));
    assert_eq!((setup.record(1), results::days(&*setup.storage)), (Ok(None), Ok(vec![])));
    assert_eq!(setup.history(Filter::All).len(), 4);
    setup.pass_to(begun.plus_ms(90 * DAY_MS));
    assert_eq!((setup.history(Filter::All).len(), setup.copied().1), (4, 4));
    setup.pass_to(begun.plus_ms(91 * DAY_MS));
    assert_eq!((setup.history(Filter::All).len(), setup.copied().1), (0, 0), "the copy has none of them either");
    assert_eq!(setup.counted().0, 4);
    assert_eq!(setup.counted().1, 0, "the series shows 30 days");
    assert_eq!(setup.storage.alarm_at(), None);
}

#[test]
fn a_log_in_use_wakes_up_for_its_copies_and_once_a_day() {
    let mut setup = Setup::new();
    let mut alarms = 0;
    let begun = setup.clock.now();
    for day in 0..20 {
        setup.clock.pass_ms((begun.0 + i64::from(day) * DAY_MS - setup.clock.now().0).max(0));
        setup.submit(day..day + 1);
        let end = begun.plus_ms(i64::from(day + 1) * DAY_MS - 1);
        while setup.storage.alarm_at().is_some_and(|at| at <= end.0) {
            setup.alarm().unwrap();
            alarms += 1;
        }
    }
    assert!(alarms <= 40, "{alarms} alarms in 20 days with one run each");
    assert!(results::days(&*setup.storage).unwrap().len() <= 8);
}

#[test]
fn deletions_of_end_users_are_forgotten_with_the_results() {
    let mut setup = Setup::new();
    setup.erase("u0").unwrap();
    setup.pass_ms(7 * DAY_MS);
    assert!(runs::oldest_erasure(&*setup.storage).unwrap().is_some());
    setup.pass_ms(1_000);
    assert_eq!((runs::oldest_erasure(&*setup.storage), setup.storage.alarm_at()), (Ok(None), None));
}

#[test]
fn a_full_log_keeps_records_in_kv_and_deletes_its_oldest_runs() {
    let mut setup = Setup::new();
    setup.submit(0..3);
    setup.clock.pass_ms(1);
    setup.storage.size.set(MAX_STORED_BYTES + 1);
    setup.submit(3..4);
    assert_eq!(setup.record(3).unwrap().unwrap().record, None, "KV has it");
    assert!(setup.kv.values.borrow().contains_key(&format!("run:{}", id(3))));
    assert_eq!(setup.counted().0, 4);
    setup.alarm().unwrap();
    assert_eq!((setup.history(Filter::All).len(), setup.record(0)), (0, Ok(None)));
    assert_eq!(setup.counted().0, 4, "counts stay");
    setup.storage.size.set(0);
    setup.pass_ms(10_000);
    assert!(setup.kv.values.borrow().is_empty(), "what KV had of them is deleted");
}
