//! The ends of detached runs on their way to the webhooks, whatever happens to both objects.

use super::detached::detached;
use super::*;
use crate::domain::webhook::notice::Receiver;
use crate::objects::run_pool::notices;

impl Setup {
    fn detach_with_webhook(&mut self, number: u8) {
        let (pool, runs) = (Rc::clone(&self.pool), Rc::clone(&self.runs));
        let to = Receiver { url: "https://a.com/h".into(), host: "a.com".into(), account: "user_1".into() };
        let draft = RunDraft { webhook: Some(to), ..draft(number, self.bench.runtime.clock.now()) };
        let call = RunCall { mode: RunMode::Plain, deadline_ms: 60_000, has_network: false };
        let body = json!({ "id": job(number) }).to_string();
        let started = self.bench.start(async move { runs.detach(&pool, (&call, None), draft, body.as_bytes()).await });
        assert_eq!(detached(started.result()).id, job(number));
    }

    fn noticed(&self) -> Vec<RunId> {
        self.webhooks.notices.borrow().iter().map(|notice| notice.run_id).collect()
    }

    fn has_notices(&self) -> bool {
        notices::are_stored(&*self.bench.storage).unwrap()
    }
}

#[test]
fn the_end_of_a_detached_run_is_passed_on_once_when_its_record_can_be_read() {
    let mut setup = Setup::new();
    setup.detach(1);
    setup.detach_with_webhook(0);
    setup.end(0);
    setup.end(1);
    assert!(setup.noticed().is_empty(), "the log has no record yet");
    setup.submit();
    assert_eq!((setup.noticed(), setup.has_notices()), (vec![job(0)], false));
    let notice = setup.webhooks.notices.borrow()[0].clone();
    assert_eq!((notice.project_id.as_str(), notice.to.account.as_str()), ("proj_1", "user_1"));
    while setup.bench.storage.alarm_at().is_some() {
        setup.bench.reach_alarm();
        assert_eq!(setup.alarm().result(), Ok(()));
    }
    assert_eq!((setup.noticed().len(), setup.bench.storage.is_empty()), (1, true));
}

#[test]
fn an_end_that_the_webhooks_did_not_take_survives_a_reset_and_is_passed_on_by_the_alarm() {
    let mut setup = Setup::new();
    setup.detach_with_webhook(0);
    setup.webhooks.fails.set(true);
    setup.end(0);
    setup.submit();
    assert!(setup.has_notices() && setup.stored().is_empty());
    setup = setup.reset();
    for _ in 0..3 {
        setup.bench.reach_alarm();
        assert_eq!(setup.alarm().result(), Ok(()));
    }
    assert!(setup.noticed().is_empty() && setup.has_notices());
    setup.webhooks.fails.set(false);
    setup.bench.reach_alarm();
    assert_eq!(setup.alarm().result(), Ok(()));
    assert_eq!((setup.noticed(), setup.has_notices()), (vec![job(0)], false));
}

#[test]
fn an_end_that_was_taken_and_not_confirmed_is_passed_on_again_as_the_same_report() {
    let mut setup = Setup::new();
    setup.detach_with_webhook(0);
    setup.webhooks.faults.next([Fault::DoneButFailed]);
    setup.end(0);
    setup.submit();
    setup.bench.reach_alarm();
    assert_eq!(setup.alarm().result(), Ok(()));
    assert_eq!((setup.noticed(), setup.has_notices()), (vec![job(0), job(0)], false));
    let page = crate::domain::input::page::Page::first();
    assert_eq!(setup.webhooks.logic.deliveries("proj_1", &page).unwrap().len(), 1);
}

#[test]
fn an_end_is_passed_on_after_a_reset_between_its_record_and_its_notice() {
    let mut setup = Setup::new();
    setup.keep_runs();
    setup.detach_with_webhook(0);
    setup.emit(0, START);
    setup.bench.storage.sql_faults.clear();
    setup.end_kept(0);
    // The log takes the run, and the object is reset before its answer arrives.
    let (release, waits) = oneshot::channel();
    setup.logs.submit_faults.next([Fault::DoneThenWaitsFor(waits)]);
    setup.submit();
    assert_eq!((setup.logs.records().len(), setup.noticed().len(), setup.stored()), (1, 0, vec![job(0)]));
    let mut setup = setup.reset_and_take_up();
    setup.bench.settle();
    assert_eq!((setup.noticed(), setup.stored(), setup.has_notices()), (vec![job(0)], vec![], false));
    drop(release);
    setup.bench.settle();
    assert_eq!(setup.noticed().first(), Some(&job(0)));
    let page = crate::domain::input::page::Page::first();
    assert_eq!(setup.webhooks.logic.deliveries("proj_1", &page).unwrap().len(), 1);
}

#[test]
fn nothing_of_a_deleted_project_is_reported() {
    let mut setup = Setup::new();
    setup.detach_with_webhook(0);
    setup.runs.recorder.stop();
    setup.runs.stop_detached();
    setup.end(0);
    setup.submit();
    assert!(setup.noticed().is_empty() && !setup.has_notices());
}

#[test]
fn a_detached_run_that_was_stored_during_an_alarm_was_deleted_by_it() {
    let mut setup = Setup::new();
    setup.run(1);
    setup.logs.submit_faults.next([Fault::NotDone]);
    setup.end(1);
    setup.submit();
    while setup.bench.storage.alarm_at().is_none() {
        setup.bench.pass_ms(1_000);
    }
    let (release, waits) = oneshot::channel();
    setup.logs.submit_faults.next([Fault::WaitsFor(waits)]);
    setup.bench.reach_alarm();
    let alarm = setup.alarm();
    assert!(!alarm.has_ended());
    setup.detach_with_webhook(0);
    drop(release);
    setup.bench.settle();
    assert_eq!(alarm.result(), Ok(()));
    assert_eq!(setup.stored(), [job(0)]);
    assert!(setup.bench.storage.alarm_at().is_some());
}
