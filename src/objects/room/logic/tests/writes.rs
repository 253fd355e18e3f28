//! What a room stores of many changes, and what an eviction and a crash leave of them.

use super::setup::{Setup, update};
use serde_json::json;

/// A client types `letters` letters, one each 20 ms, without a revision.
fn types_fast(setup: &mut Setup, id: u32, letters: usize) -> String {
    let mut text = setup.state().unwrap()["code"].as_str().unwrap().to_owned();
    for _ in 0..letters {
        text.push('x');
        setup.sends_at_once(id, &json!({ "type": "update", "data": { "code": text } }));
        setup.pass_ms(20);
    }
    text
}

#[test]
fn each_update_of_an_open_room_was_a_row() {
    let mut setup = Setup::new();
    let ada = setup.join("Ada");
    setup.pass_ms(10_000);
    let text = types_fast(&mut setup, ada, 50);
    assert!((4..=5).contains(&setup.rows()), "{} rows in a second", setup.rows());
    setup.pass_ms(250);
    assert_eq!((setup.rows(), setup.code()), (5, text));
}

#[test]
fn the_first_change_after_a_pause_is_stored_before_it_is_sent() {
    let mut setup = Setup::new();
    let (ada, bob) = (setup.join("Ada"), setup.join("Bob"));
    setup.types(ada, "one").unwrap();
    assert_eq!((setup.rows(), setup.sockets.received(bob, "update").len()), (1, 1));
}

#[test]
fn what_was_sent_and_not_yet_stored_was_lost_when_the_room_left_memory() {
    let mut setup = Setup::new();
    let (ada, bob) = (setup.join("Ada"), setup.join("Bob"));
    setup.pass_ms(10_000);
    let text = types_fast(&mut setup, ada, 5);
    let (before, rows) = (setup.state(), setup.rows());
    assert_eq!(rows, 1, "the others are not stored");
    setup.reset();
    let after = setup.state();
    assert_eq!((&after.as_ref().unwrap()["code"], &before.unwrap()["code"]), (&json!(text), &json!(text)));
    // Bob, who types now, merges with them, and nothing is stored twice.
    let rev = after.unwrap()["rev"].clone();
    setup.sends(bob, update(&rev, &format!("{text}!"))).unwrap();
    setup.leaves(ada).unwrap();
    assert_eq!(setup.code(), format!("{text}!"));
    setup.reset();
    setup.leaves(bob).unwrap();
    setup.alarm().unwrap();
    assert_eq!(setup.code(), format!("{text}!"));
}

#[test]
fn a_client_that_leaves_takes_nothing_with_it() {
    let mut setup = Setup::new();
    let ada = setup.join("Ada");
    setup.pass_ms(10_000);
    let text = types_fast(&mut setup, ada, 5);
    setup.leaves(ada).unwrap();
    assert_eq!(setup.code(), text);
}

#[test]
fn a_crash_loses_at_most_a_quarter_of_a_second_and_reuses_no_clock() {
    let mut setup = Setup::new();
    let ada = setup.join("Ada");
    setup.pass_ms(10_000);
    let text = types_fast(&mut setup, ada, 50);
    let client = |setup: &Setup| {
        let metadata = crate::objects::room::storage::metadata(&*setup.storage).unwrap().unwrap();
        metadata.client
    };
    let first = client(&setup);
    setup.crash();
    let code = setup.state().unwrap()["code"].as_str().unwrap().to_owned();
    assert!(text.starts_with(&code) && text.len() - code.len() <= 250 / 20 + 1, "{} of {}", code.len(), text.len());
    let bob = setup.join("Bob");
    setup.types(bob, "after the crash").unwrap();
    assert_ne!(client(&setup), first, "edits that the crash took may have used its clocks");
    let second = client(&setup);
    setup.reset();
    setup.types(bob, "after an eviction").unwrap();
    assert_eq!((client(&setup), setup.code().as_str()), (second, "after an eviction"));
}

#[test]
fn a_change_that_does_not_fit_beside_its_connection_is_stored_all_the_same() {
    let mut setup = Setup::new();
    let ada = setup.join("Ada");
    setup.pass_ms(10_000);
    let mut text = String::new();
    for letter in ["a", "b", "c"] {
        text.push_str(&letter.repeat(9_000));
        setup.sends_at_once(ada, &json!({ "type": "update", "data": { "code": text } }));
    }
    assert_eq!(setup.rows(), 1);
    setup.pass_ms(250);
    assert_eq!(setup.rows(), 2);
    assert!(setup.code() == text);
}
