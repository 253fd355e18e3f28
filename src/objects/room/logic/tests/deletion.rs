//! How rooms end: by themselves, or by their project, also while a client connects.

use super::setup::{Setup, join, room_id, update};
use crate::objects::room::live::{KEEP_MS, KEEP_OWNED_MS};
use crate::ports::{Clock, LocalSql};
use crate::tests::fault::Fault;
use futures::channel::oneshot;
use serde_json::json;

/// Fires alarms until none is set.
fn rest(setup: &mut Setup) {
    let mut alarms = 0;
    while setup.storage.alarm_at().is_some() {
        setup.alarm().unwrap();
        alarms += 1;
        assert!(alarms < 10, "the alarm fires for ever");
    }
}

#[test]
fn an_open_room_deletes_itself_a_week_after_its_last_connection() {
    let mut setup = Setup::new();
    let ada = setup.join("Ada");
    setup.types(ada, "one").unwrap();
    setup.leaves(ada).unwrap();
    let left = setup.clock.now().0;
    while setup.storage.alarm_at().is_some_and(|at| at <= left + 60_000) {
        setup.alarm().unwrap();
    }
    assert_eq!(setup.storage.exec("SELECT 1 FROM log", &[]), Ok(vec![]), "a room without connections replays nothing");
    assert_eq!(setup.storage.alarm_at(), Some(left + KEEP_MS));
    setup.reset();
    rest(&mut setup);
    assert!(setup.storage.is_empty());
    assert_eq!(setup.clock.now().0, left + KEEP_MS);
}

#[test]
fn a_connection_before_the_end_keeps_an_open_room() {
    let mut setup = Setup::new();
    let ada = setup.join("Ada");
    setup.types(ada, "one").unwrap();
    setup.leaves(ada).unwrap();
    setup.alarm().unwrap();
    let bob = setup.join("Bob");
    rest(&mut setup);
    assert_eq!((setup.code().as_str(), setup.sockets.open()), ("one", vec![bob]));
    setup.leaves(bob).unwrap();
    rest(&mut setup);
    assert!(setup.storage.is_empty());
}

#[test]
fn a_projects_room_that_nobody_used_was_kept_for_ever() {
    let mut setup = Setup::owned();
    let ada = setup.join("Ada");
    setup.types(ada, "one").unwrap();
    setup.leaves(ada).unwrap();
    let left = setup.clock.now().0;
    setup.alarm().unwrap();
    setup.clock.pass_ms(2 * KEEP_MS);
    assert_eq!(setup.code(), "one", "it outlives an open room");
    // The list of rooms fails first; the runtime repeats the alarm.
    setup.project.faults.next([Fault::NotDone]);
    while setup.storage.alarm_at().is_some() {
        let _ = setup.alarm();
    }
    assert_eq!((setup.clock.now().0, setup.storage.is_empty()), (left + KEEP_OWNED_MS, true));
    assert_eq!(*setup.project.removed.borrow(), [room_id()]);
}

#[test]
fn a_projects_room_into_which_nobody_ever_came_was_kept_for_ever() {
    let mut setup = Setup::owned();
    assert_eq!(setup.storage.alarm_at(), Some(KEEP_OWNED_MS));
    // A run is a use of the room, too.
    setup.clock.pass_ms(KEEP_OWNED_MS - 1);
    setup.runs_by_http(Some("b"));
    setup.program_says(None);
    setup.alarm().unwrap();
    assert!(!setup.storage.is_empty());
    rest(&mut setup);
    assert!(setup.storage.is_empty());
    assert_eq!(setup.clock.now().0, 2 * KEEP_OWNED_MS - 1);
}

#[test]
fn a_deleted_room_closes_its_connections_and_stores_nothing() {
    let mut setup = Setup::owned();
    let ada = setup.join("Ada");
    setup.types(ada, "one").unwrap();
    setup.reset();
    setup.delete().unwrap();
    assert_eq!((setup.sockets.closed(ada), setup.storage.alarm_at()), (Some(4410), None));
    // The runtime reports what the client still sent, and then that it has closed.
    setup.sends(ada, update(&json!(1), "two")).unwrap();
    setup.leaves(ada).unwrap();
    assert_eq!((setup.connect("Bob"), setup.state()), (Ok(None), None));
    assert!(setup.storage.is_empty());
}

#[test]
fn a_deletion_that_fails_either_way_can_be_repeated() {
    for fault in [Fault::NotDone, Fault::DoneButFailed] {
        let mut setup = Setup::owned();
        let ada = setup.join("Ada");
        setup.types(ada, "one").unwrap();
        setup.storage.faults.next([fault]);
        assert!(setup.delete().is_err());
        assert_eq!(setup.sockets.closed(ada), Some(4410));
        setup.delete().unwrap();
        assert!(setup.storage.is_empty());
    }
}

#[test]
fn a_room_whose_document_is_unreadable_can_be_deleted() {
    let mut setup = Setup::owned();
    let ada = setup.join("Ada");
    setup.types(ada, "one").unwrap();
    setup.storage.exec("UPDATE log SET bytes = x'ff'", &[]).unwrap();
    setup.reset();
    assert!(setup.sends(ada, update(&json!(1), "two")).is_err());
    assert_eq!(setup.sockets.closed(ada), Some(1011));
    setup.delete().unwrap();
    assert!(setup.storage.is_empty());
}

#[test]
fn a_client_that_comes_during_the_deletion_finds_no_room() {
    for is_done_first in [false, true] {
        let mut setup = Setup::owned();
        let ada = setup.join("Ada");
        setup.types(ada, "one").unwrap();
        let (release, waiting) = oneshot::channel();
        let fault = if is_done_first { Fault::DoneThenWaitsFor(waiting) } else { Fault::WaitsFor(waiting) };
        setup.storage.faults.next([fault]);
        let deleted = setup.begin(|room| async move { room.delete().await });
        let (kind, join) = (setup.kind, join("Bob"));
        let joined = setup.begin(|room| async move { room.connect(kind, join).await.map(|socket| socket.is_some()) });
        assert_eq!((deleted.take(), joined.take()), (None, None));
        release.send(()).unwrap();
        setup.pool.run_until_stalled();
        assert_eq!((deleted.take(), joined.take()), (Some(Ok(())), Some(Ok(false))));
        assert!(setup.storage.is_empty());
    }
}
