//! Hostile updates: none of them makes the document panic, which would end the Worker's isolate.
//!
//! There are three kinds of attack: damaged bytes, well-formed nonsense, and a mix of both, in which accepted nonsense meets
//! more nonsense.

#![expect(clippy::unwrap_used, reason = "all of this file is a test")]

use docle_room::connection::Protocol;
use docle_room::document::{Applied, Document};
use docle_room::lib0_encoding::{Reader, Writer};
use docle_room::relative_position::RelativePosition;
use docle_room::role::Role;
use docle_room::room::{Effect, Incoming, NewConnection, Room, Stored};
use serde_json::json;
use std::cell::Cell;
use std::collections::HashMap;
use yrs::updates::decoder::Decode;
use yrs::{
    Any, Array, ClientID, Doc, Map, OffsetKind, Options, ReadTxn, StateVector, Text, Transact, Update, WriteTxn,
};

/// Random numbers that a seed determines.
struct Dice(Cell<u64>);

impl Dice {
    fn below(&self, limit: u64) -> u64 {
        let next = self.0.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0.set(next);
        (next >> 33) % limit.max(1)
    }

    fn of<T: Copy>(&self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }
}

/// Rooms for each kind of attack.
const SEEDS: u64 = 300;

/// Numbers around possible overflows.
const EDGES: &[u64] =
    &[0, 1, 2, 127, 128, 255, 65_535, 1 << 30, (1 << 31) - 1, 1 << 31, u32::MAX as u64, 1 << 40, (1 << 53) - 1];

/// The updates of a busy room: texts with emoji and deletions, maps, lists, texts in maps.
fn honest(seed: u64) -> Vec<Vec<u8>> {
    let dice = Dice(Cell::new(seed));
    let mut updates: Vec<Vec<u8>> = Vec::new();
    for client in 1..4 {
        let options = Options { offset_kind: OffsetKind::Utf16, ..Options::with_client_id(ClientID::new(client)) };
        let doc = Doc::with_options(options);
        for update in &updates {
            doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
        }
        for _ in 0..6 {
            let mut txn = doc.transact_mut();
            let (code, files, meta) =
                (txn.get_or_insert_text("code"), txn.get_or_insert_map("files"), txn.get_or_insert_map("meta"));
            match dice.below(5) {
                0 => drop(files.insert(&mut txn, format!("{}.py", dice.below(3)), yrs::TextPrelim::new("import os"))),
                1 => drop(meta.insert(&mut txn, "packages", Any::from(vec![Any::from("numpy"), Any::from(1.5)]))),
                2 => {
                    let list = meta.insert(&mut txn, "list", yrs::ArrayPrelim::default());
                    list.push_back(&mut txn, 7);
                }
                3 if code_len(&txn, &code) > 4 => code.remove_range(&mut txn, 1, 2),
                _ => code.insert(&mut txn, 0, "a\u{1f600}b"),
            }
            updates.push(txn.encode_update_v1());
        }
        updates.push(doc.transact().encode_state_as_update_v1(&StateVector::default()));
    }
    updates
}

fn code_len(txn: &impl ReadTxn, code: &yrs::TextRef) -> u32 {
    code.len(txn)
}

/// An honest update with some damaged bytes.
fn damaged(dice: &Dice, honest: &[Vec<u8>]) -> Vec<u8> {
    let mut update = honest[dice.below(honest.len() as u64) as usize].clone();
    for _ in 0..=dice.below(3) {
        let at = dice.below(update.len() as u64) as usize;
        match dice.below(5) {
            0 => update.truncate(at),
            1 => update.insert(at.min(update.len()), dice.below(256) as u8),
            2 if !update.is_empty() => drop(update.remove(at)),
            3 if !update.is_empty() => update[at] ^= 1 << dice.below(8),
            _ if !update.is_empty() => update[at] = dice.of(&[0, 1, 4, 7, 8, 10, 0x44, 0x84, 0xc4, 0xff]),
            _ => {}
        }
    }
    update
}

/// A well-formed update of random structs. Clocks are near existing ones, so the document accepts much of it.
fn nonsense(dice: &Dice, document: &Document) -> Vec<u8> {
    let known = known(document);
    let next = |client| known.get(&client).copied().unwrap_or(0);
    let client = || dice.of(&[1, 2, 3, 4, 5, 1000]);
    let id = |writer: Writer| {
        let client = client();
        let clock = if dice.below(60) == 0 { dice.of(EDGES) } else { dice.below(next(client) + 2) };
        writer.number(client).number(clock)
    };
    let sections = 1 + dice.below(2);
    let mut update = Writer::default().number(sections);
    let first = dice.below(6);
    for section in 0..sections {
        let structs = 1 + dice.below(4);
        let client = (first + section) % 6 + 1;
        let start = next(client).saturating_sub(dice.of(&[0, 0, 0, 0, 1, 5]));
        let start = if dice.below(60) == 0 { dice.of(EDGES) } else { start };
        update = update.number(structs).number(client).number(start);
        for _ in 0..structs {
            let kind =
                if dice.below(20) == 0 { dice.of(&[10, 2, 3, 5, 6, 9]) } else { dice.of(&[0, 1, 4, 4, 4, 7, 7, 8]) };
            let parent = dice.of(&[0, 0x20, 0x40, 0x80, 0xc0, 0xe0]);
            if matches!(kind, 0 | 10) {
                update = update.number(kind).number(1 + dice.below(5));
                continue;
            }
            let info = kind | parent;
            // A number above 127 takes two bytes, so the byte is appended as it is.
            update = byte(update, info as u8);
            for side in [0x80, 0x40] {
                if info & side != 0 {
                    update = id(update);
                }
            }
            if info & 0xc0 == 0 {
                update = match dice.below(3) {
                    0 => id(update.number(0)),
                    _ => update.number(1).buffer(dice.of(&["code", "files", "meta", "x", ""]).as_bytes()),
                };
                if info & 0x20 != 0 {
                    update = update.buffer(dice.of(&["main.py", "lang", ""]).as_bytes());
                }
            }
            update = match kind {
                1 => update.number(dice.below(5)),
                4 | 5 => {
                    update.buffer(dice.of(&["a", "\u{1f600}", "", "hello\u{0}", "é\u{1f600}\u{1f600}x"]).as_bytes())
                }
                7 => update.number(dice.of(&[0, 1, 2, 0, 1, 2, 0, 1, 2, 3, 7])),
                8 => byte(byte(update.number(2), 126), 120),
                6 => update.buffer(b"bold").buffer(b"true"),
                _ => update.buffer(b"{}"),
            };
        }
    }
    let deletions = dice.below(2);
    update = update.number(deletions);
    for _ in 0..deletions {
        let client = first + 1;
        update = update.number(client).number(1).number(dice.below(next(client) + 1)).number(1 + dice.below(6));
    }
    update.finish()
}

/// The next clock of each client in a document.
fn known(document: &Document) -> HashMap<u64, u64> {
    let bytes = document.state_vector();
    let mut reader = Reader::new(&bytes);
    (0..reader.number().unwrap()).map(|_| (reader.number().unwrap(), reader.number().unwrap())).collect()
}

/// Appends one byte as it is.
fn byte(writer: Writer, byte: u8) -> Writer {
    let mut bytes = writer.finish();
    bytes.push(byte);
    Writer::from(bytes)
}

/// Calls every method that a room calls, so that accepted nonsense is read as well.
fn exercise(document: &mut Document, dice: &Dice) {
    let snapshot = document.snapshot();
    let mut again = Document::new(99);
    assert!(again.restore(&snapshot), "a snapshot can be read again");
    let _ = (document.files(), document.state_vector());
    let known: Vec<(u64, u32)> = (1..6).map(|client| (client, dice.below(40) as u32)).collect();
    document.update_since(&known);
    let position = document.relative_position(dice.below(20) as u32);
    assert!(document.offset_of(&position).is_some());
    for _ in 0..4 {
        let item = json!({ "client": dice.of(&[1, 2, 3, 4, 5, 99]), "clock": dice.below(40) });
        let position = json!({ "item": item, "assoc": -(dice.below(2) as i64) });
        let position: RelativePosition = serde_json::from_value(position).unwrap();
        document.offset_of(&position);
    }
    let change = docle_room::diff::diff(document.code(), &format!("x{}", document.code()));
    document.edit(&change);
    document.set_meta(&docle_room::document::Meta { lang: Some("python".into()), ..document.meta() });
}

/// Attacks some rooms with some updates each. Returns how many updates the documents accepted.
fn attack(seeds: u64, rounds: u64, update: impl Fn(&Dice, &[Vec<u8>], &Document) -> Vec<u8>) -> u64 {
    let mut accepted = 0;
    for seed in 0..seeds {
        let honest = honest(seed);
        let dice = Dice(Cell::new(seed));
        let mut document = Document::new(50);
        for update in honest.iter().take(1 + dice.below(8) as usize) {
            document.apply(update);
        }
        for _ in 0..rounds {
            let update = update(&dice, &honest, &document);
            accepted += u64::from(matches!(document.apply(&update), Applied::Changed(Some(_))));
        }
        exercise(&mut document, &dice);
    }
    accepted
}

#[test]
fn damaged_updates_do_not_panic() {
    assert!(attack(SEEDS, 40, |dice, honest, _| damaged(dice, honest)) > SEEDS / 10);
}

#[test]
fn nonsensical_updates_do_not_panic() {
    assert!(attack(SEEDS, 60, |dice, _, document| nonsense(dice, document)) > SEEDS);
}

#[test]
fn a_mix_of_both_does_not_panic() {
    let both = |dice: &Dice, honest: &[Vec<u8>], document: &Document| match dice.below(3) {
        0 => damaged(dice, honest),
        1 => honest[dice.below(honest.len() as u64) as usize].clone(),
        _ => nonsense(dice, document),
    };
    assert!(attack(SEEDS, 60, both) > SEEDS);
}

#[test]
fn a_room_takes_any_frame_of_either_protocol() {
    let words = [
        "{", "null", "\"", "type", "update", "cursor", "join", "sync", "run", "data", "code", "rev", ":", ",", "}",
        "-1", "1e99", "\\u0000",
    ];
    let mut closed = 0;
    for seed in 0..SEEDS {
        let (dice, honest) = (Dice(Cell::new(seed)), honest(seed));
        let mut room = Room::load(Stored { client: 50, ..Stored::default() }).unwrap();
        for turn in 0..60 {
            let now = i64::from(turn) * 100;
            let id = 1 + dice.below(3) as u32;
            if room.connection(id).is_none() {
                let protocol = [Some(Protocol::Yjs), Some(Protocol::Json), None][dice.below(3) as usize];
                let (name, host) = (None, None);
                room.join(
                    NewConnection {
                        id,
                        protocol,
                        name,
                        role: Role::Editor,
                        expires_at: None,
                        host,
                        wants_events: true,
                        key_hash: None,
                        check_at: None,
                    },
                    now,
                );
            }
            let mut frame = vec![dice.below(4) as u8, dice.below(4) as u8];
            let body = if dice.below(2) == 0 { damaged(&dice, &honest) } else { vec![255; dice.below(9) as usize] };
            frame.extend(Writer::default().buffer(&body).finish());
            let text: String = (0..dice.below(12)).map(|_| dice.of(&words)).collect();
            let texts = [text, json!({ "type": "update", "data": { "code": dice.of(&words) } }).to_string()];
            let output = match dice.below(2) {
                0 => room.on_frame(id, Incoming::Binary(&frame), now),
                _ => room.on_frame(id, Incoming::Text(&texts[dice.below(2) as usize]), now),
            };
            closed += output.effects.iter().filter(|effect| matches!(effect, Effect::Close { .. })).count();
            room.on_alarm(now);
        }
        room.state();
    }
    assert!(closed as u64 > SEEDS);
}
