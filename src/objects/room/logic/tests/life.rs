//! Connections, texts, snapshots and alarms, with resets between.

use super::setup::Setup;
use super::*;
use crate::objects::room::live::COMPACT_UPDATES;
use crate::ports::LocalSql;
use serde_json::json;

#[test]
fn a_text_reaches_the_others_and_outlives_a_reset() {
    let mut setup = Setup::new();
    let (ada, bob) = (setup.join("Ada"), setup.join("Bob"));
    setup.types(ada, "print(1)").unwrap();
    assert_eq!(setup.sockets.received(bob, "update").last().unwrap()["data"]["code"], "print(1)");
    assert_eq!(setup.code(), "print(1)");
    assert_eq!(setup.sockets.open(), [ada, bob]);
}

/// One thing that happens to a room.
type Step = fn(&mut Setup, &mut Vec<u32>);

const STEPS: [Step; 14] = [
    |setup, clients| clients.push(setup.connect("Ada").unwrap().unwrap()),
    |setup, _| setup.alarm().unwrap(),
    |setup, clients| setup.types(clients[0], "one").unwrap(),
    |setup, clients| clients.push(setup.join("Bob")),
    |setup, clients| setup.types(clients[1], "one two").unwrap(),
    |setup, clients| setup.types(clients[0], "zero one two").unwrap(),
    |setup, clients| setup.sends(clients[1], json!({ "type": "join", "data": { "name": "Rob" } })).unwrap(),
    |setup, clients| setup.leaves(clients[0]).unwrap(),
    |setup, clients| setup.types(clients[1], "zero one two three").unwrap(),
    |setup, clients| setup.leaves(clients[1]).unwrap(),
    |setup, _| setup.alarm().unwrap(),
    |setup, clients| clients.push(setup.join("Eve")),
    |setup, clients| setup.types(clients[2], "four").unwrap(),
    |setup, clients| clients.push(setup.join("Ann")),
];

#[test]
fn a_reset_at_any_step_loses_nothing() {
    let play = |is_reset: &dyn Fn(usize) -> bool| {
        let (mut setup, mut clients) = (Setup::owned(), vec![]);
        for (at, step) in STEPS.into_iter().enumerate() {
            if is_reset(at) {
                setup.reset();
            }
            step(&mut setup, &mut clients);
        }
        let mut state = setup.state().unwrap();
        // A reset sets alarms again, and this clock jumps to each.
        state["lastUpdate"] = json!(null);
        state["users"].as_array_mut().unwrap().iter_mut().for_each(|user| user["id"] = json!(null));
        let updates: Vec<usize> = clients.iter().map(|id| setup.sockets.received(*id, "update").len()).collect();
        (state, updates)
    };
    let without = play(&|_| false);
    assert_eq!((&without.0["code"], &without.0["rev"]), (&json!("four"), &json!(5)));
    for reset_at in 0..STEPS.len() {
        assert_eq!(play(&|at| at == reset_at), without, "reset before step {reset_at}");
    }
    assert_eq!(play(&|_| true), without, "reset before each step");
}

#[test]
fn a_connection_that_says_nothing_is_greeted_by_the_alarm() {
    let mut setup = Setup::new();
    let ada = setup.connect("Ada").unwrap().unwrap();
    assert_eq!(setup.storage.alarm_at(), Some(500));
    assert!(setup.sockets.received(ada, "init").is_empty());
    setup.reset();
    setup.alarm().unwrap();
    assert_eq!(setup.sockets.received(ada, "init").len(), 1);
    assert_eq!(setup.storage.alarm_at(), None, "nothing else is due");
}

#[test]
fn many_updates_are_replaced_by_a_snapshot_and_the_revision_goes_on() {
    let mut setup = Setup::new();
    let ada = setup.join("Ada");
    setup.alarm().unwrap();
    for number in 0..COMPACT_UPDATES {
        assert_eq!(setup.storage.alarm_at(), None, "after {number} updates");
        setup.types(ada, &format!("print({number})")).unwrap();
    }
    let before = setup.state();
    setup.alarm().unwrap();
    assert_eq!(setup.storage.exec("SELECT 1 FROM log", &[]), Ok(vec![]));
    setup.reset();
    assert_eq!(setup.state(), before);
    setup.types(ada, "print()").unwrap();
    assert_eq!((setup.code().as_str(), &setup.state().unwrap()["rev"]), ("print()", &json!(COMPACT_UPDATES + 1)));
}

#[test]
fn a_room_into_which_nothing_is_written_leaves_nothing_behind() {
    let mut setup = Setup::new();
    setup.state().unwrap();
    let ada = setup.join("Ada");
    setup.leaves(ada).unwrap();
    setup.alarm().unwrap();
    assert!(setup.storage.is_empty());
    assert_eq!((setup.storage.alarm_at(), setup.sockets.closed(ada)), (None, Some(NORMAL)));
}

#[test]
fn a_projects_room_does_not_exist_before_it_is_opened() {
    let mut setup = Setup::of(Kind::Owned);
    assert_eq!((setup.connect("Ada"), setup.state()), (Ok(None), None));
    assert!(setup.storage.is_empty());
    setup.open().unwrap();
    setup.reset();
    setup.open().unwrap();
    assert!(setup.connect("Ada").unwrap().is_some());
}

#[test]
fn a_connection_beyond_the_limit_is_closed_and_the_others_stay() {
    let mut setup = Setup::new();
    for _ in 0..100 {
        setup.connect("Ada").unwrap().unwrap();
    }
    let last = setup.connect("Bob").unwrap().unwrap();
    assert_eq!((setup.sockets.closed(last), setup.sockets.open().len()), (Some(4503), 100));
}
