//! Receivers that stay away: when a report is given up, and when the webhooks of a project are switched off.

use super::*;
use crate::domain::timestamp::{DAY_MS, HOUR_MS};
use crate::domain::webhook::delivery::{WebhookDrop, WebhookError};
use crate::tests::fault::Fault;

impl Setup {
    /// A receiver that accepts nothing, and a run that ends every 12 hours for so many days.
    fn fail_for(&mut self, days: i64) {
        self.receivers.answer.set(Err(WebhookError::Unreachable));
        let end = self.now().0 + days * DAY_MS;
        let mut next = self.now().0;
        while next < end {
            let number = u8::try_from(next / (HOUR_MS * 12) + 1).unwrap();
            self.end(&notice(number, "a.com", next));
            next += 12 * HOUR_MS;
            self.alarms_before(next);
        }
    }

    fn alarms_before(&mut self, end: i64) {
        while self.bench.storage.alarm_at().is_some_and(|at| at <= end) {
            self.alarm();
        }
        self.bench.pass_ms((end - self.now().0).max(0));
    }
}

#[test]
fn a_report_is_given_up_after_a_day_and_forgotten_after_seven() {
    let mut setup = Setup::new();
    setup.receivers.answer.set(Ok(500));
    setup.end(&notice(1, "a.com", 0));
    setup.alarms_before(DAY_MS);
    assert_eq!((setup.states(), setup.sent().len()), (vec![WebhookState::Failed], 11));
    setup.alarms_before(7 * DAY_MS - 1);
    assert_eq!((setup.listed().len(), setup.sent().len()), (1, 11));
    setup.alarms_before(7 * DAY_MS);
    assert!(setup.listed().is_empty());
    assert_eq!((setup.disabled_at(), setup.mailer.sent.borrow().len()), (None, 0), "one report proves nothing");
}

#[test]
fn a_receiver_that_was_away_for_hours_gets_every_report() {
    let mut setup = Setup::new();
    setup.receivers.answer.set(Err(WebhookError::Timeout));
    for number in 1..=3 {
        setup.end(&notice(number, "a.com", 0));
    }
    setup.alarms_before(5 * HOUR_MS);
    assert_eq!(setup.states(), [WebhookState::Pending; 3]);
    setup.receivers.answer.set(Ok(200));
    setup.alarms_before(DAY_MS);
    assert_eq!(setup.states(), [WebhookState::Delivered; 3]);
}

#[test]
fn seven_days_of_failures_switch_the_webhooks_off_and_tell_the_owner_once() {
    let mut setup = Setup::new();
    setup.fail_for(7);
    assert_eq!((setup.disabled_at(), setup.mailer.sent.borrow().len()), (None, 0));
    setup.fail_for(1);
    assert!(setup.disabled_at().is_some_and(|at| at >= 7 * DAY_MS));
    let mails = setup.mailer.sent.borrow().clone();
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, "ada@example.com"));
    assert!(mails[0].html.contains("&lt;One&gt;") && mails[0].text.contains("\"<One>\""));
    let sent = setup.sent().len();
    setup.fail_for(1);
    assert_eq!(setup.sent().len(), sent, "nothing is sent any more");
    assert_eq!(setup.listed()[0].reason, Some(WebhookDrop::Disabled));
}

#[test]
fn one_report_that_arrives_begins_the_seven_days_again() {
    let mut setup = Setup::new();
    setup.fail_for(6);
    setup.receivers.answer.set(Ok(200));
    setup.end(&notice(200, "a.com", setup.now().0));
    setup.alarm();
    setup.fail_for(6);
    assert_eq!(setup.disabled_at(), None);
}

#[test]
fn a_mail_that_fails_is_sent_later() {
    let mut setup = Setup::new();
    setup.mailer.fails.set(true);
    setup.fail_for(8);
    assert!(setup.disabled_at().is_some() && setup.mailer.sent.borrow().is_empty());
    setup.mailer.fails.set(false);
    let mut setup = setup.reset();
    setup.alarm();
    assert_eq!(setup.mailer.sent.borrow().len(), 1);
    setup.alarms_before(setup.now().0 + DAY_MS + HOUR_MS);
    assert_eq!(setup.mailer.sent.borrow().len(), 1);
}

#[test]
fn a_new_secret_keeps_the_webhooks_on_that_were_being_switched_off() {
    let mut setup = Setup::new();
    setup.fail_for(7);
    setup.sql.run(&format!("UPDATE webhook_secrets SET created_at = {}", i64::MAX));
    setup.fail_for(1);
    assert_eq!((setup.disabled_at(), setup.mailer.sent.borrow().len()), (None, 0));
}

#[test]
fn nothing_of_a_suspended_account_is_sent_until_it_may_go_on() {
    let mut setup = Setup::new();
    setup.sql.run("UPDATE users SET suspended_at = 1");
    setup.end(&notice(1, "a.com", 0));
    setup.end(&notice(2, "a.com", 0));
    setup.alarm();
    setup.sql.run("UPDATE users SET suspended_at = NULL");
    assert_eq!((setup.sent().len(), setup.states()), (0, vec![WebhookState::Pending; 2]));
    setup.alarm();
    assert_eq!(setup.states(), [WebhookState::Delivered; 2]);
    setup.sql.run("UPDATE users SET suspended_at = 1");
    setup.end(&notice(3, "a.com", setup.now().0));
    setup.alarms_before(setup.now().0 + DAY_MS + HOUR_MS);
    assert_eq!((setup.states()[0], setup.listed()[0].attempts.len()), (WebhookState::Failed, 0));
    assert!(setup.bench.logged().is_empty());
}

#[test]
fn whichever_statement_of_the_object_fails_the_receiver_gets_the_report() {
    let (mut position, mut most) = (0, 0);
    loop {
        let mut is_behind_the_last = false;
        for done in [Fault::NotDone, Fault::DoneButFailed] {
            let mut setup = Setup::new();
            let one = notice(1, "a.com", 0);
            setup.record(&one, &StoredOutput::Inline(Output::default()));
            let before = (0..position).map(|_| Fault::None);
            setup.bench.storage.sql_faults.next(before.chain([done]));
            while setup.enqueue(&one).is_err() {}
            while setup.bench.storage.alarm_at().is_some_and(|at| at < DAY_MS) {
                setup.alarm();
            }
            if !setup.bench.storage.sql_faults.are_over() {
                is_behind_the_last = true;
                setup.bench.storage.sql_faults.clear();
            }
            let sent = setup.sent();
            most = most.max(sent.len());
            assert!(sent.iter().all(|request| request.id == one.id()), "position {position}");
            assert_eq!(setup.states(), [WebhookState::Delivered], "position {position}");
        }
        if is_behind_the_last {
            break;
        }
        position += 1;
    }
    assert!(position > 20, "there are as many statements: {position}");
    assert_eq!(most, 2, "what was sent and not noted is sent once more");
}

#[test]
fn a_report_that_cannot_be_signed_is_dropped_or_waits() {
    let mut setup = Setup::new();
    setup.end(&notice(1, "a.com", 0));
    let sealed = seal(&keys(), "proj_2", &secret(1), [0; 12]);
    setup.sql.run(&format!("UPDATE webhook_secrets SET secret = '{sealed}'"));
    setup.alarm();
    assert_eq!((setup.states(), setup.listed()[0].attempts.len()), (vec![WebhookState::Pending], 0));
    setup.sql.run("DELETE FROM webhook_secrets");
    setup.alarm();
    assert_eq!((setup.states(), setup.listed()[0].reason), (vec![WebhookState::Dropped], Some(WebhookDrop::NoSecret)));
    assert!(setup.sent().is_empty());
}
