//! What is deleted, also while it is on its way.

use super::*;
use crate::domain::timestamp::DAY_MS;
use crate::domain::webhook::delivery::WebhookDrop;
use crate::objects::webhooks::storage::{self, MAX_REPORTS};
use crate::ports::webhooks::ReportsOf;
use crate::tests::fault::Fault;
use futures::channel::oneshot;

#[test]
fn a_project_that_is_deleted_while_a_report_is_on_its_way_leaves_nothing() {
    let mut setup = Setup::new();
    setup.end(&notice(1, "a.com", 0));
    let (slow, waits) = oneshot::channel();
    setup.receivers.faults.next([Fault::DoneThenWaitsFor(waits)]);
    let alarm = setup.start_alarm();
    setup.logic.erase(&ReportsOf::Project("proj_1".into())).unwrap();
    assert!(setup.listed().is_empty());
    drop(slow);
    setup.bench.settle();
    assert_eq!(alarm.result(), Ok(()));
    assert!(setup.bench.storage.is_empty());
}

#[test]
fn the_reports_of_an_end_user_are_deleted_and_the_others_stay() {
    let mut setup = Setup::new();
    let of = |number, user: &str| RunNotice { end_user_id: Some(user.into()), ..notice(number, "a.com", 0) };
    setup.end(&of(1, "ada"));
    setup.end(&of(2, "bob"));
    setup.logic.erase(&ReportsOf::EndUser { project_id: "proj_2".into(), end_user_id: "ada".into() }).unwrap();
    setup.logic.erase(&ReportsOf::EndUser { project_id: "proj_1".into(), end_user_id: "ada".into() }).unwrap();
    setup.alarm();
    let sent: Vec<_> = setup.sent().into_iter().map(|request| request.id).collect();
    assert_eq!(sent, [notice(2, "a.com", 0).id()]);
}

#[test]
fn a_report_whose_result_was_deleted_is_dropped() {
    let mut setup = Setup::new();
    setup.enqueue(&notice(1, "a.com", 0)).unwrap();
    while setup.states() == [WebhookState::Pending] {
        setup.alarm();
    }
    assert_eq!(setup.listed()[0].reason, Some(WebhookDrop::RunDeleted));
    assert!(setup.now().0 <= DAY_MS && setup.sent().is_empty());
}

#[test]
fn the_object_deletes_its_storage_when_the_last_report_is_forgotten() {
    let mut setup = Setup::new();
    setup.end(&notice(1, "a.com", 0));
    while setup.bench.storage.alarm_at().is_some() {
        setup.alarm();
    }
    assert!(setup.bench.storage.is_empty() && setup.now().0 >= 7 * DAY_MS);
}

#[test]
fn a_project_that_reports_much_dropped_the_reports_of_another_one() {
    let setup = Setup::new();
    let storage = &*setup.bench.storage;
    storage::create_tables(storage).unwrap();
    let of = |number, project: &str| {
        let notice = RunNotice { project_id: project.into(), ..notice(number, "a.com", 0) };
        Delivery::new(notice, Timestamp(0))
    };
    let (first, other) = (of(1, "proj_1"), of(2, "proj_2"));
    storage::add(storage, &first).unwrap();
    storage::add(storage, &other).unwrap();
    let query = "INSERT INTO deliveries (id, project_id, place, host, created_at, tried, delivery) \
                 VALUES ('x', 'proj_1', ?, 'a.com', 0, 0, '{}')";
    setup.bench.runtime.storage.exec(query, &[SqlValue::Integer(MAX_REPORTS)]).unwrap();
    assert!(storage::find(storage, &first.notice.id()).unwrap().is_some());
    storage::add(storage, &of(3, "proj_1")).unwrap();
    assert_eq!(storage::find(storage, &first.notice.id()), Ok(None));
    assert!(storage::find(storage, &other.notice.id()).unwrap().is_some());
}

#[test]
fn the_alarm_comes_again_when_the_storage_fails() {
    let mut setup = Setup::new();
    setup.bench.storage.faults.next([Fault::NotDone]);
    let one = notice(1, "a.com", 0);
    setup.record(&one, &StoredOutput::Inline(Output::default()));
    assert!(setup.enqueue(&one).is_err(), "the report is stored, and its alarm is not set");
    setup.enqueue(&one).unwrap();
    setup.bench.storage.faults.next([Fault::NotDone]);
    setup.alarm();
    assert_eq!(setup.sent().len(), 0, "no request goes out before its attempt is stored");
    setup.alarm();
    assert_eq!(setup.states(), [WebhookState::Delivered]);
}
