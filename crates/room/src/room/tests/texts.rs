//! How often the room sends its text to JSON clients, and how it refuses clients for good.

use super::*;
use crate::lib0_encoding::Writer;
use crate::limits::{MAX_FRAME_BYTES, MAX_STRUCTS};

/// The texts that a JSON client has received since the last call.
fn texts(world: &mut World, index: usize) -> Vec<String> {
    let frames = world.clients[index].from_room.drain(..).filter_map(|frame| match frame {
        Frame::Text(text) => serde_json::from_str::<Value>(&text).ok(),
        Frame::Binary(_) => None,
    });
    let updates = frames.filter(|message| message["type"] == "update");
    updates.map(|message| message["data"]["code"].as_str().unwrap().to_owned()).collect()
}

fn types_letter(world: &mut World) {
    let Kind::Yjs { doc, text } = &mut world.clients[0].kind else { panic!("a Yjs client") };
    let mut txn = doc.transact_mut();
    text.insert(&mut txn, 0, "x");
    let update = txn.encode_update_v1();
    drop(txn);
    world.clients[0].to_room.push_back(yjs_protocol::update(&update));
    // The delivery takes 20 ms.
    world.deliver_to_room(0);
}

#[test]
fn a_text_that_was_due_when_the_room_was_stored_and_left_memory_never_came() {
    let mut world = World::new(1, [yjs(10), json_client(true)]);
    world.settle();
    world.time_passes(10_000);
    types_letter(&mut world);
    types_letter(&mut world);
    assert_eq!(texts(&mut world, 1), ["x"], "the second one waits");
    world.save();
    world.evict();
    world.time_passes(1_000);
    assert_eq!(texts(&mut world, 1), ["xx"]);
}

#[test]
fn each_letter_of_a_yjs_client_sent_the_whole_text_to_each_json_client() {
    let mut world = World::new(1, [yjs(10), json_client(true)]);
    world.settle();
    world.time_passes(10_000);
    texts(&mut world, 1);
    types_letter(&mut world);
    assert_eq!(texts(&mut world, 1), ["x"], "the first change after a pause is sent at once");
    for _ in 0..50 {
        types_letter(&mut world);
    }
    let sent = texts(&mut world, 1).len();
    assert!((8..=11).contains(&sent), "{sent} texts in a second");
    world.settle();
    assert!(texts(&mut world, 1).last().is_none_or(|text| *text == "x".repeat(51)));
    assert_eq!(world.room.as_ref().unwrap().next_text(), None);
}

#[test]
fn a_large_text_in_a_full_room_is_sent_less_often() {
    let mut world = World::new(1, (0..20).map(|_| json_client(true)));
    world.settle();
    world.time_passes(10_000);
    world.replace(0, &"x".repeat(1_000_000));
    world.deliver_to_room(0);
    let room = world.room.as_ref().unwrap();
    assert_eq!(room.next_text(), None);
    let now = world.now;
    world.act(|room| room.on_timer(now));
    world.replace(0, "y");
    world.deliver_to_room(0);
    let wait = world.room.as_ref().unwrap().next_text().unwrap() - now;
    // 19 MB at 8 MiB a second.
    assert!((2_000..2_500).contains(&wait), "{wait} ms");
}

/// What the room does with a frame of a client of its own: what it sends to the client, and how it closes.
fn refuses(protocol: Protocol, frame: Incoming<'_>) -> (Vec<Frame>, Option<u16>) {
    let mut room = Room::load(Stored { client: 1, ..Stored::default() }).unwrap();
    room.join(editor(7, protocol), 0);
    room.on_alarm(1_000);
    let (mut sent, mut code) = (vec![], None);
    for effect in room.on_frame(7, frame, 2_000).effects {
        match effect {
            Effect::Send { frame, .. } => sent.push(frame),
            Effect::Close { reason, .. } => code = Some(reason.code()),
            Effect::Run(_) => panic!("no program runs"),
        }
    }
    (sent, code)
}

#[test]
fn a_change_that_is_too_large_was_refused_with_a_code_that_clients_answer_by_trying_again() {
    let (doc, text) = match yjs(10) {
        Kind::Yjs { doc, text } => (doc, text),
        Kind::Json { .. } => unreachable!(),
    };
    text.insert(&mut doc.transact_mut(), 0, &"x".repeat(1_100_000));
    let all = doc.transact().encode_state_as_update_v1(&StateVector::default());
    for frame in [yjs_protocol::update(&all), yjs_protocol::step_2(&all), vec![0; MAX_FRAME_BYTES + 1]] {
        let (sent, code) = refuses(Protocol::Yjs, Incoming::Binary(&frame));
        assert_eq!(code, Some(4413));
        assert!(matches!(&sent[..], [Frame::Binary(frame)] if frame.starts_with(&[2, 0])), "it says why");
    }
}

#[test]
fn a_json_message_that_is_too_large_gets_an_error_and_the_connection_stays() {
    let frame = "x".repeat(MAX_FRAME_BYTES + 1);
    let (sent, code) = refuses(Protocol::Undecided { greet_at: 0 }, Incoming::Text(&frame));
    assert_eq!(code, None);
    assert!(matches!(&sent[..], [Frame::Text(text)] if text.contains("message_too_large")), "{sent:?}");
}

#[test]
fn an_update_that_cuts_a_text_into_too_many_parts_took_a_hundred_times_its_size_in_memory() {
    // One text, and then every second character of it deleted.
    let mut written = Writer::default().number(1).number(1).number(10).number(0);
    written = written.number(4).number(1).buffer(b"code").buffer("x".repeat(2 * MAX_STRUCTS).as_bytes());
    written = written.number(1).number(10).number(MAX_STRUCTS as u64);
    for range in 0..MAX_STRUCTS as u64 {
        written = written.number(2 * range).number(1);
    }
    let all = written.finish();
    assert!(Update::decode_v1(&all).is_ok(), "it is an update");
    assert!(all.len() < MAX_FRAME_BYTES);
    let (_, code) = refuses(Protocol::Yjs, Incoming::Binary(&yjs_protocol::update(&all)));
    assert_eq!(code, Some(4413));
}
