//! How connections end: with their token, with their key, with their project, and when they do not read.

use super::setup::{Setup, join, result};
use super::*;
use crate::ports::Clock;
use crate::ports::rooms::RunMessage;
use crate::tests::fault::Fault;
use docle_room::limits::{MAX_QUEUED_BYTES, MAX_QUEUED_BYTES_PER_SOCKET};
use docle_room::role::Role;
use serde_json::json;

/// Connects a viewer whose token ends after so many milliseconds.
fn viewer(setup: &mut Setup, ttl_ms: i64) -> u32 {
    let expires_at = Some(setup.clock.now().0 + ttl_ms);
    let id = setup.connect_as(JoinRequest { role: Role::Viewer, expires_at, ..join("Vera") }).unwrap().unwrap();
    setup.sends_at_once(id, &json!({ "type": "sync" }));
    id
}

fn with_key(setup: &mut Setup, key: &str) -> u32 {
    let id = setup.connect_as(JoinRequest { key_hash: Some(key.to_owned()), ..join("Kim") }).unwrap().unwrap();
    setup.sends_at_once(id, &json!({ "type": "sync" }));
    id
}

#[test]
fn a_silent_connection_outlived_its_token() {
    for is_reset in [false, true] {
        let mut setup = Setup::owned();
        let vera = viewer(&mut setup, 30_000);
        let ada = setup.join("Ada");
        if is_reset {
            setup.reset();
        }
        // Greetings come first.
        while setup.sockets.closed(vera).is_none() {
            setup.alarm().unwrap();
        }
        assert_eq!((setup.clock.now().0, setup.sockets.closed(vera)), (30_000, Some(4401)));
        assert_eq!(setup.sockets.received(vera, "error")[0]["data"]["code"], "token_expired");
        assert_eq!(setup.sockets.closed(ada), None);
    }
}

#[test]
fn a_viewer_whose_token_had_ended_still_followed_a_run() {
    let mut setup = Setup::owned();
    let before = viewer(&mut setup, 10_000);
    let during = viewer(&mut setup, 20_000);
    let ada = setup.join("Ada");
    // The alarm is late.
    setup.clock.pass_ms(15_000);
    let end = setup.runs_by_http(None);
    setup.program_says(Some(RunMessage::Event(json!({ "type": "stdout", "data": "1\n" }))));
    setup.clock.pass_ms(15_000);
    setup.program_says(Some(RunMessage::Event(json!({ "type": "stdout", "data": "2\n" }))));
    setup.program_says(Some(RunMessage::Result(result())));
    assert!(end.take().is_some());
    let heard = |id| setup.sockets.received(id, "run").len();
    assert_eq!((heard(before), heard(during), heard(ada)), (0, 1, 3));
    assert_eq!((setup.sockets.closed(before), setup.sockets.closed(during)), (Some(4401), Some(4401)));
    assert_eq!(setup.state().unwrap()["users"].as_array().unwrap().len(), 1);
}

#[test]
fn a_connection_outlived_the_key_that_opened_it() {
    for is_reset in [false, true] {
        let mut setup = Setup::owned();
        let (old, new) = (with_key(&mut setup, "old"), with_key(&mut setup, "new"));
        setup.project.revoked.borrow_mut().insert("old".to_owned());
        for _ in 0..20 {
            setup.sends(old, json!({ "type": "cursor", "data": { "cursor": 0 } })).unwrap();
        }
        assert_eq!(setup.project.asked.get(), 0, "no message asks");
        if is_reset {
            setup.reset();
        }
        while setup.sockets.closed(old).is_none() {
            setup.alarm().unwrap();
        }
        assert_eq!((setup.clock.now().0, setup.sockets.closed(old)), (30_000, Some(4401)));
        assert_eq!(setup.project.asked.get(), 3, "both keys, and the room's own");
        assert_eq!(setup.sockets.closed(new), None);
        setup.project.revoked.borrow_mut().insert("new".to_owned());
        setup.alarm().unwrap();
        assert_eq!((setup.clock.now().0, setup.sockets.closed(new)), (60_000, Some(4401)));
    }
}

#[test]
fn a_key_that_cannot_be_checked_closes_nothing_and_is_asked_about_again() {
    let mut setup = Setup::owned();
    let kim = with_key(&mut setup, "old");
    setup.project.faults.next([Fault::NotDone, Fault::NotDone]);
    setup.project.revoked.borrow_mut().insert("old".to_owned());
    while setup.clock.now().0 < 30_000 {
        setup.alarm().unwrap();
    }
    assert_eq!(setup.sockets.closed(kim), None);
    setup.alarm().unwrap();
    assert_eq!((setup.clock.now().0, setup.sockets.closed(kim)), (60_000, Some(4401)));
}

#[test]
fn a_room_of_a_deleted_project_kept_its_connections() {
    let mut setup = Setup::owned();
    let vera = viewer(&mut setup, 86_400_000);
    setup.project.revoked.borrow_mut().insert("a".to_owned());
    while setup.clock.now().0 < 30_000 {
        setup.alarm().unwrap();
    }
    assert_eq!(setup.sockets.closed(vera), None, "another key of the project may be valid");
    setup.project.is_gone.set(true);
    setup.alarm().unwrap();
    assert_eq!((setup.clock.now().0, setup.sockets.closed(vera)), (60_000, Some(4410)));
    assert!(setup.storage.is_empty());
}

#[test]
fn a_room_of_a_suspended_account_kept_its_connections() {
    let mut setup = Setup::owned();
    let (vera, kim) = (viewer(&mut setup, 86_400_000), with_key(&mut setup, "a"));
    setup.project.revoked.borrow_mut().insert("a".to_owned());
    setup.project.is_suspended.set(true);
    while setup.sockets.closed(vera).is_none() {
        setup.alarm().unwrap();
    }
    assert_eq!((setup.clock.now().0, setup.sockets.closed(vera)), (30_000, Some(4403)));
    assert_eq!(setup.sockets.closed(kim), Some(4403));
    assert!(!setup.storage.is_empty(), "nothing is deleted");
}

#[test]
fn a_client_that_did_not_read_filled_the_memory_of_the_object() {
    let mut setup = Setup::new();
    let (ada, slow, bob) = (setup.join("Ada"), setup.join("Slow"), setup.join("Bob"));
    setup.sockets.queue(slow, MAX_QUEUED_BYTES_PER_SOCKET + 1);
    let large = |letter: &str| letter.repeat(300_000);
    setup.types(ada, &large("a")).unwrap();
    assert_eq!((setup.sockets.closed(slow), setup.sockets.closed(bob)), (Some(4508), None));
    assert_eq!(setup.sockets.received(bob, "leave").len(), 1);
    // Many that are a little slow fill it as well.
    let readers: Vec<u32> = (0..8).map(|_| setup.join("Reader")).collect();
    for id in &readers {
        setup.sockets.queue(*id, MAX_QUEUED_BYTES / 6);
    }
    for letter in ["b", "c"] {
        setup.types(ada, &large(letter)).unwrap();
    }
    let open = readers.iter().filter(|id| setup.sockets.closed(**id).is_none()).count();
    assert_eq!(open, 6, "they have what all may have together");
    // A client that asks again and again for what it does not read fills it alone.
    let greedy = setup.join("Greedy");
    setup.sockets.queue(greedy, MAX_QUEUED_BYTES_PER_SOCKET + 1);
    setup.sends(greedy, json!({ "type": "sync" })).unwrap();
    assert_eq!(setup.sockets.closed(greedy), Some(4508));
    assert!(setup.code() == large("c"));
}
