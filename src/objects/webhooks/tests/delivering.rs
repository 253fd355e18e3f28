//! What a receiver gets, once or again.

use super::*;
use crate::domain::timestamp::Timestamp;
use crate::domain::webhook::delivery::{Delivery, WebhookError, busy_hosts, choose};
use crate::domain::webhook::secret::OVERLAP_MS;
use crate::objects::webhooks::storage;
use crate::tests::fault::Fault;
use futures::channel::oneshot;

#[test]
fn a_receiver_gets_a_signed_result_without_the_input() {
    let mut setup = Setup::new();
    let one = notice(1, "a.com", 0);
    setup.end(&one);
    assert_eq!(setup.bench.storage.alarm_at(), Some(0));
    setup.alarm();
    let sent = setup.sent();
    let [request] = &sent[..] else { panic!("one request") };
    assert_eq!((request.url.as_str(), request.id.clone()), ("https://a.com/h?t=s", one.id()));
    assert_eq!(request.signatures, secret(1).sign(&one.id(), request.at_seconds, &request.body));
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!((&body["type"], &body["data"]["stdout"]), (&json!("run.completed"), &json!("1\n")));
    assert_eq!(body["data"]["id"], json!(one.run_id));
    for input in ["whisper", "hush", "secret", "TOKEN", "print(1)"] {
        assert!(!request.body.contains(input), "{input}");
    }
    let listed = setup.listed();
    assert_eq!((listed[0].state, listed[0].attempts[0].status), (WebhookState::Delivered, Some(204)));
    assert_eq!(listed[0].notice.to.url, "", "a URL is kept until the report is delivered");
}

#[test]
fn a_notice_that_arrives_twice_is_one_report() {
    let mut setup = Setup::new();
    let one = notice(1, "a.com", 0);
    setup.end(&one);
    setup.enqueue(&one).unwrap();
    setup.alarm();
    setup.enqueue(&one).unwrap();
    assert_eq!(setup.states(), [WebhookState::Delivered]);
    setup.alarm();
    assert_eq!((setup.sent().len(), setup.listed().len()), (1, 0), "the next alarm is that of its end");
}

#[test]
fn the_beginning_of_output_that_is_apart_is_in_the_report() {
    let mut setup = Setup::new();
    let one = notice(1, "a.com", 0);
    let chunk = "x".repeat(100_000);
    let (kv, id) = (Rc::clone(&setup.kv), one.run_id);
    setup.record(&one, &StoredOutput::Apart(Chunks { stdout: 2, stderr: 0 }));
    setup.enqueue(&one).unwrap();
    setup.alarm();
    assert!(setup.sent().is_empty(), "the first chunk is not there yet");
    assert_eq!(setup.listed()[0].attempts, [], "that is no attempt");
    setup.bench.run(async move { kv.put(&format!("output:{id}:stdout:0"), chunk.as_bytes(), 1).await }).unwrap();
    setup.alarm();
    let body: Value = serde_json::from_str(&setup.sent()[0].body).unwrap();
    assert_eq!(body["data"]["stdout"].as_str().map(str::len), Some(65_536));
    assert_eq!(body["data"]["shortened"], json!({ "stdout": true, "stderr": false }));
}

#[test]
fn a_report_waits_for_the_record_of_its_run() {
    let mut setup = Setup::new();
    let one = notice(1, "a.com", 0);
    setup.enqueue(&one).unwrap();
    setup.alarm();
    assert_eq!((setup.sent().len(), setup.states()), (0, vec![WebhookState::Pending]));
    setup.end(&one);
    setup.alarm();
    assert_eq!(setup.states(), [WebhookState::Delivered]);
}

#[test]
fn a_receiver_that_fails_gets_the_same_message_again_with_another_signature() {
    let mut setup = Setup::new();
    setup.end(&notice(1, "a.com", 0));
    setup.receivers.answer.set(Ok(302));
    setup.alarm();
    assert_eq!(setup.listed()[0].attempts[0].status, Some(302));
    setup.receivers.answer.set(Ok(200));
    setup.alarm();
    let sent = setup.sent();
    assert_eq!((sent.len(), sent[0].id == sent[1].id, sent[0].body == sent[1].body), (2, true, true));
    assert!((4..=5).contains(&(sent[1].at_seconds - sent[0].at_seconds)));
    assert_ne!(sent[0].signatures, sent[1].signatures);
    assert_eq!(setup.states(), [WebhookState::Delivered]);
}

#[test]
fn a_request_that_was_received_and_got_no_answer_is_sent_again() {
    let mut setup = Setup::new();
    setup.end(&notice(1, "a.com", 0));
    setup.receivers.faults.next([Fault::DoneButFailed]);
    setup.alarm();
    assert_eq!(setup.listed()[0].attempts[0].error, Some(WebhookError::Unreachable));
    setup.alarm();
    assert_eq!((setup.sent().len(), setup.states()), (2, vec![WebhookState::Delivered]));
}

#[test]
fn a_receiver_has_ten_seconds() {
    let mut setup = Setup::new();
    setup.end(&notice(1, "a.com", 0));
    let (_slow, waits) = oneshot::channel();
    setup.receivers.faults.next([Fault::DoneThenWaitsFor(waits)]);
    let alarm = setup.start_alarm();
    setup.bench.pass_ms(9_999);
    assert!(!alarm.has_ended());
    setup.bench.pass_ms(1);
    assert_eq!(alarm.result(), Ok(()));
    assert_eq!(setup.listed()[0].attempts[0].error, Some(WebhookError::Timeout));
}

#[test]
fn a_report_that_was_on_its_way_at_a_reset_is_sent_again() {
    let mut setup = Setup::new();
    setup.end(&notice(1, "a.com", 0));
    let (slow, waits) = oneshot::channel();
    setup.receivers.faults.next([Fault::DoneThenWaitsFor(waits)]);
    let _lost = setup.start_alarm();
    assert_eq!(setup.listed()[0].attempts[0].error, Some(WebhookError::Interrupted));
    let mut setup = setup.reset();
    assert_eq!(setup.bench.storage.alarm_at(), Some(20_000), "the first attempt is over by then");
    setup.alarm();
    let sent = setup.sent();
    assert_eq!((sent.len(), sent[0].id == sent[1].id), (2, true));
    assert_eq!(setup.states(), [WebhookState::Delivered]);
    drop(slow);
}

#[test]
fn no_more_than_three_are_on_their_way_and_a_slow_receiver_leaves_room() {
    let mut setup = Setup::new();
    for (number, host) in [(1, "slow.com"), (2, "slow.com"), (3, "slow.com"), (4, "b.com"), (5, "c.com")] {
        setup.end(&notice(number, host, i64::from(number)));
    }
    let (senders, waits): (Vec<_>, Vec<_>) = (0..2).map(|_| oneshot::channel()).unzip();
    setup.receivers.faults.next(waits.into_iter().map(Fault::DoneThenWaitsFor));
    let alarm = setup.start_alarm();
    let hosts: Vec<_> = setup.sent().iter().map(|request| request.url.clone()).collect();
    assert_eq!(hosts.len(), 4, "two to the slow one, and the others one after the other: {hosts:?}");
    assert_eq!(setup.states().iter().filter(|state| **state == WebhookState::Delivered).count(), 2);
    drop(senders);
    setup.bench.settle();
    assert_eq!(alarm.result(), Ok(()));
    assert_eq!(setup.sent().len(), 5);
}

#[test]
fn both_secrets_sign_for_a_day_after_a_rotation() {
    let mut setup = Setup::new();
    let sealed = seal(&keys(), "proj_1", &secret(2), [1; 12]);
    setup.sql.run(&format!(
        "UPDATE webhook_secrets SET previous_secret = secret, previous_until = {OVERLAP_MS}, secret = '{sealed}'"
    ));
    let one = notice(1, "a.com", 0);
    setup.end(&one);
    setup.alarm();
    setup.bench.pass_ms(OVERLAP_MS - setup.now().0);
    let two = notice(2, "a.com", setup.now().0);
    setup.end(&two);
    setup.alarm();
    let sent = setup.sent();
    let signed = |request: &ReportRequest, by| secret(by).sign(&request.id, request.at_seconds, &request.body);
    assert_eq!(sent[0].signatures, format!("{} {}", signed(&sent[0], 2), signed(&sent[0], 1)));
    assert_eq!(sent[1].signatures, signed(&sent[1], 2));
}

#[test]
fn fifty_reports_for_a_slow_host_held_up_every_other_host() {
    let setup = Setup::new();
    let storage = &*setup.bench.storage;
    storage::create_tables(storage).unwrap();
    for number in 0..60 {
        storage::add(storage, &Delivery::new(notice(number, "slow.com", 0), Timestamp(0))).unwrap();
    }
    let other = Delivery::new(notice(99, "quick.com", 1), Timestamp(1));
    storage::add(storage, &other).unwrap();
    let mut in_flight = Vec::new();
    for expected in ["slow.com", "slow.com", "quick.com"] {
        let due = storage::due(storage, Timestamp(1), &busy_hosts(&in_flight)).unwrap();
        let one = choose(&due, &in_flight).expect("a report is due");
        assert_eq!(one.notice.to.host, expected);
        in_flight.push((one.notice.id(), expected.to_owned()));
    }
}
