//! Ports that fail before and after they have done it: sockets are closed, and no client diverges from what is stored.

use super::setup::{Setup, update};
use super::*;
use crate::tests::fault::{Fault, Faults};
use serde_json::json;

/// A client that comes back when its socket was closed, as stock clients do, and sends its text again.
fn persists(setup: &mut Setup, client: &mut Option<u32>, name: &str, code: &str) {
    for _ in 0..5 {
        let done = try_once(setup, client, name, code);
        match done {
            Ok(()) => return,
            Err(_) => assert_eq!(setup.sockets.open(), [0; 0], "a failure closes every socket"),
        }
    }
    panic!("one fault fails once");
}

fn try_once(setup: &mut Setup, client: &mut Option<u32>, name: &str, code: &str) -> Result<(), PortError> {
    let open = client.filter(|id| setup.sockets.closed(*id).is_none());
    let id = match open {
        Some(id) => id,
        None => *client.insert(setup.connect(name)?.expect("the room exists")),
    };
    setup.sends(id, json!({ "type": "sync" }))?;
    let messages = [setup.sockets.received(id, "init"), setup.sockets.received(id, "sync")].concat();
    let rev = messages.last().expect("the client was answered")["data"]["rev"].clone();
    setup.sends(id, update(&rev, code))
}

/// The state of the room, asked for again after a failure.
fn reads(setup: &mut Setup) -> Option<Value> {
    let kind = setup.kind;
    let mut read = || setup.until(|room| async move { room.state(kind).await });
    read().or_else(|_| read()).expect("one fault fails once")
}

/// Two clients type and leave, twice, while the call number `at` of a port fails. Answers whether there was such a call.
fn play(faults: fn(&Setup) -> &Faults, at: usize, fault: fn() -> Fault) -> bool {
    let mut setup = Setup::new();
    let before = (0..at).map(|_| Fault::None);
    faults(&setup).next(before.chain([fault()]));
    for texts in [["one", "one two", "one two three"], ["four", "four five", "six"]] {
        let (mut ada, mut bob) = (None, None);
        persists(&mut setup, &mut ada, "Ada", texts[0]);
        persists(&mut setup, &mut bob, "Bob", texts[1]);
        persists(&mut setup, &mut ada, "Ada", texts[2]);
        for client in [ada, bob].into_iter().flatten() {
            // The runtime does not repeat this event.
            let _ = setup.leaves(client);
        }
        let before = reads(&mut setup);
        // It repeats this one, which makes a snapshot.
        let _ = setup.alarm();
        assert_eq!(reads(&mut setup), before, "the alarm changes the room when call {at} fails");
    }
    let was_called = faults(&setup).are_over();
    faults(&setup).clear();
    let before = setup.state();
    assert_eq!(setup.code(), "six");
    assert_eq!(setup.state(), before, "memory and storage differ when call {at} fails");
    was_called
}

fn play_all(faults: fn(&Setup) -> &Faults, at_least: usize) {
    for fault in [(|| Fault::NotDone) as fn() -> Fault, || Fault::DoneButFailed] {
        let calls = (0..).take_while(|at| play(faults, *at, fault)).count();
        assert!(calls >= at_least, "{calls} calls could fail");
    }
}

#[test]
fn a_statement_that_fails_closes_the_sockets_and_loses_nothing() {
    play_all(|setup| &setup.storage.sql_faults, 12);
}

#[test]
fn an_alarm_that_cannot_be_set_closes_the_sockets_and_loses_nothing() {
    play_all(|setup| &setup.storage.faults, 2);
}

#[test]
fn a_socket_that_fails_closes_the_sockets_and_loses_nothing() {
    play_all(|setup| &setup.sockets.faults, 5);
}
