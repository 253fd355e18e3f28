//! Runs that outlive their client, their room, or the memory of the object.

use super::setup::{Setup, result};
use super::*;
use crate::ports::rooms::{RunAs, RunMessage};
use crate::tests::fault::Fault;
use futures::channel::oneshot;
use serde_json::json;

fn output() -> Option<RunMessage> {
    Some(RunMessage::Event(json!({ "type": "stdout", "data": "1\n" })))
}

fn complete() -> Option<RunMessage> {
    Some(RunMessage::Result(result()))
}

/// The types of the messages about runs that a client has received.
fn run_messages(setup: &Setup, id: u32) -> Vec<Value> {
    setup.sockets.received(id, "run").into_iter().map(|message| message["data"]["type"].clone()).collect()
}

fn is_busy(setup: &mut Setup) -> bool {
    matches!(setup.runs_by_http(None).take(), Some(Ok(RoomRunEnd::Busy)))
}

#[test]
fn every_client_follows_a_run_and_the_result_outlives_a_reset() {
    let mut setup = Setup::owned();
    let (ada, bob) = (setup.join("Ada"), setup.join("Bob"));
    setup.types(ada, "print(1)").unwrap();
    let end = setup.runs_by_http(None);
    assert_eq!(setup.programs.started.borrow()[0].program.request["code"], "print(1)");
    assert_eq!(setup.project.asked.get(), 0, "a run asks the gate itself");
    setup.program_says(output());
    assert!(is_busy(&mut setup));
    setup.program_says(complete());
    assert_eq!(end.take(), Some(Ok(RoomRunEnd::Result(result()))));
    for id in [ada, bob] {
        assert_eq!(run_messages(&setup, id), ["stdout", "complete"]);
    }
    setup.reset();
    assert_eq!(setup.state().unwrap()["result"], result());
    assert!(!is_busy(&mut setup));
}

#[test]
fn a_program_can_be_named_from_its_start_to_its_end() {
    let mut setup = Setup::owned();
    let start = || Some(RunMessage::Event(json!({ "type": "start", "id": "550e8400", "createdAt": "…" })));
    assert_eq!(setup.logic.running(), None);
    let _end = setup.runs_by_http(None);
    assert_eq!(setup.logic.running(), None, "it has not started");
    setup.program_says(start());
    let running = setup.logic.running().map(|running| (running.project_id, running.run));
    assert_eq!(running, Some(("proj_1".to_owned(), "550e8400".to_owned())));
    setup.program_says(complete());
    assert_eq!(setup.logic.running(), None);
    let _deleted = setup.runs_by_http(None);
    setup.delete().unwrap();
    setup.program_says(start());
    assert_eq!(setup.logic.running(), None, "a run of a deleted room is not the room's");
}

#[test]
fn a_run_goes_on_when_its_client_leaves() {
    let mut setup = Setup::owned();
    let (ada, bob) = (setup.join("Ada"), setup.join("Bob"));
    let end = setup.runs(ada);
    setup.program_says(output());
    setup.leaves(ada).unwrap();
    setup.program_says(output());
    setup.program_says(complete());
    assert_eq!(end.take(), Some(Ok(())));
    assert_eq!(run_messages(&setup, bob), ["stdout", "stdout", "complete"]);
    assert_eq!(run_messages(&setup, ada), ["stdout"]);
    assert_eq!(setup.state().unwrap()["result"], result());
}

#[test]
fn a_run_that_outlives_its_room_stores_nothing_in_the_deleted_object() {
    let mut setup = Setup::owned();
    let ada = setup.join("Ada");
    for is_by_http in [true, false] {
        setup.open().unwrap();
        let ada = if is_by_http { ada } else { setup.join("Ada") };
        let by_http = is_by_http.then(|| setup.runs_by_http(None));
        let in_room = (!is_by_http).then(|| setup.runs(ada));
        setup.program_says(output());
        setup.delete().unwrap();
        setup.program_says(output());
        setup.program_says(complete());
        setup.program_says(None);
        if let Some(end) = by_http {
            assert_eq!(end.take(), Some(Ok(RoomRunEnd::Result(result()))), "the client still learns the result");
        }
        if let Some(end) = in_room {
            assert_eq!(end.take(), Some(Ok(())));
        }
        assert!(setup.storage.is_empty());
        assert_eq!((setup.state(), setup.storage.alarm_at()), (None, None));
        assert_eq!(run_messages(&setup, ada), ["stdout"]);
    }
}

#[test]
fn a_run_of_a_deleted_room_does_not_end_the_run_of_the_room_after_it() {
    let mut setup = Setup::owned();
    let first = setup.runs_by_http(None);
    setup.delete().unwrap();
    setup.open().unwrap();
    let second = setup.runs_by_http(None);
    setup.program_says(complete());
    assert_eq!((first.take().is_some(), second.take()), (true, None));
    assert!(is_busy(&mut setup));
    assert_eq!(setup.state().unwrap().get("result"), None);
    setup.program_says(None);
    setup.program_says(complete());
    assert!(!is_busy(&mut setup));
}

#[test]
fn a_program_that_never_starts_leaves_the_room_usable_and_deletable() {
    let mut setup = Setup::owned();
    let ada = setup.join("Ada");
    let (_never, waiting) = oneshot::channel();
    setup.programs.faults.next([Fault::WaitsFor(waiting)]);
    let end = setup.runs(ada);
    setup.types(ada, "two").unwrap();
    let _ = setup.runs(ada);
    assert_eq!(setup.sockets.received(ada, "error")[0]["data"]["code"], "already_running");
    assert!(is_busy(&mut setup));
    setup.delete().unwrap();
    assert!(setup.storage.is_empty());
    setup.open().unwrap();
    assert!(!is_busy(&mut setup), "the room after it runs programs");
    assert_eq!(end.take(), None);
}

#[test]
fn a_refused_run_is_told_and_frees_the_room() {
    let mut setup = Setup::owned();
    let ada = setup.join("Ada");
    setup.programs.faults.next([Fault::NotDone]);
    assert!(matches!(setup.runs_by_http(None).take(), Some(Ok(RoomRunEnd::Refused(_)))));
    setup.runs_by_http(None);
    // The stream ends without a result.
    setup.program_says(None);
    assert_eq!(run_messages(&setup, ada), ["refused", "refused"]);
    assert!(!is_busy(&mut setup));
}

#[test]
fn a_run_goes_on_when_the_room_is_loaded_again_after_a_failure() {
    let mut setup = Setup::owned();
    let ada = setup.join("Ada");
    let end = setup.runs(ada);
    setup.sockets.faults.next([Fault::NotDone]);
    assert!(setup.connect("Bob").is_err());
    assert_eq!(setup.sockets.open(), [0; 0]);
    let ada_again = setup.join("Ada");
    assert!(is_busy(&mut setup));
    setup.program_says(output());
    setup.program_says(complete());
    assert_eq!(end.take(), Some(Ok(())));
    let messages = setup.sockets.received(ada_again, "run");
    let user_id = format!("user-{ada:08x}");
    assert!(messages.len() == 2 && messages.iter().all(|message| message["userId"] == user_id), "{messages:?}");
    assert!(!is_busy(&mut setup));
}

#[test]
fn a_result_that_cannot_be_stored_closes_the_sockets_and_frees_the_room() {
    for fault in [Fault::NotDone, Fault::DoneButFailed] {
        let mut setup = Setup::owned();
        let ada = setup.join("Ada");
        let end = setup.runs_by_http(None);
        setup.storage.sql_faults.next([fault]);
        setup.program_says(complete());
        assert!(matches!(end.take(), Some(Err(_))));
        assert_eq!((setup.sockets.closed(ada), run_messages(&setup, ada)), (Some(1011), vec![]));
        assert_eq!(setup.state().unwrap().get("result"), None);
        assert!(!is_busy(&mut setup));
    }
}

#[test]
fn the_room_keeps_the_key_of_the_last_run() {
    let mut setup = Setup::owned();
    let key_of = |setup: &Setup| match setup.programs.started.borrow().last().unwrap().program.billing_key.clone() {
        RunAs::Room { billing_key, .. } => billing_key.key_hash,
        RunAs::Admitted(admitted) => format!("{}, admitted", admitted.billing_key.key_hash),
    };
    let mut keys = vec![];
    for key in [None, Some("b"), None] {
        let _ = setup.runs_by_http(key);
        keys.push(key_of(&setup));
        setup.program_says(None);
        setup.reset();
    }
    assert_eq!(keys, ["a", "b, admitted", "b"]);
}

#[test]
fn a_room_without_a_project_runs_nothing() {
    for kind in [Kind::Open, Kind::Owned] {
        let mut setup = Setup::of(kind);
        for key in [None, Some("a")] {
            assert_eq!(setup.runs_by_http(key).take(), Some(Ok(RoomRunEnd::NoSuchRoom)));
        }
        assert!(setup.programs.started.borrow().is_empty() && setup.storage.is_empty());
    }
    let mut setup = Setup::new();
    let ada = setup.join("Ada");
    let _ = setup.runs(ada);
    assert_eq!(setup.sockets.received(ada, "error")[0]["data"]["code"], "room_without_owner");
}
