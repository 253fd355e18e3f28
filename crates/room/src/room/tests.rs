//! Many users at once: clients of both protocols, random latency, and hibernation between any two messages.

use super::*;
use crate::connection::{Connection, Protocol};
use crate::lib0_encoding::Reader;
use crate::role::Role;
use crate::yjs_protocol::{self, YjsMessage};
use serde_json::{Value, json};
use std::collections::{HashSet, VecDeque};
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Text, TextRef, Transact, Update};

mod alone;
mod texts;

/// An editor who joins.
fn editor(id: u32, protocol: Protocol) -> NewConnection {
    NewConnection {
        id,
        protocol: Some(protocol),
        name: None,
        role: Role::Editor,
        expires_at: None,
        host: None,
        wants_events: false,
        key_hash: None,
        check_at: None,
    }
}

/// Random numbers that a seed determines.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

enum Kind {
    Yjs { doc: Doc, text: TextRef },
    Json { text: String, rev: u64, says_rev: bool, is_greeted: bool },
}

struct Client {
    id: u32,
    kind: Kind,
    /// Frames in transit.
    to_room: VecDeque<Vec<u8>>,
    from_room: VecDeque<Frame>,
}

struct World {
    room: Option<Room>,
    stored: Stored,
    clients: Vec<Client>,
    dice: Dice,
    now: i64,
    typed: Vec<char>,
    deleted: HashSet<char>,
}

impl World {
    fn new(seed: u64, kinds: impl IntoIterator<Item = Kind>) -> Self {
        let stored = Stored { client: 1, ..Stored::default() };
        let room = Room::load(Stored { client: 1, ..Stored::default() });
        let mut world = Self {
            room,
            stored,
            clients: vec![],
            dice: Dice(seed),
            now: 1_000,
            typed: vec![],
            deleted: HashSet::new(),
        };
        for (index, kind) in kinds.into_iter().enumerate() {
            let id = 100 + index as u32;
            let protocol =
                if matches!(kind, Kind::Yjs { .. }) { Protocol::Yjs } else { Protocol::Undecided { greet_at: 0 } };
            world.clients.push(Client { id, kind, to_room: VecDeque::new(), from_room: VecDeque::new() });
            let now = world.now;
            world.act(|room| room.join(editor(id, protocol), now));
            world.act(|room| room.on_alarm(now));
            if protocol == Protocol::Yjs {
                world.clients[index].to_room.push_back(yjs_protocol::step_1(&[0]));
            }
        }
        world
    }

    /// Plays the shell: stores now and then, and sends.
    fn act(&mut self, act: impl FnOnce(&mut Room) -> Output) {
        let output = act(self.room.as_mut().unwrap());
        let room = self.room.as_ref().unwrap();
        if room.must_save() || room.has_unattached() || self.dice.below(3) == 0 {
            self.save();
        }
        for effect in output.effects {
            match effect {
                Effect::Send { to, frame } => {
                    for client in self.clients.iter_mut().filter(|client| to.contains(&client.id)) {
                        client.from_room.push_back(frame.clone());
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Evicts the room and loads it from its storage and the attachments.
    fn evict(&mut self) {
        let old = self.room.take().unwrap();
        let attached = |connection: &Connection| Connection::decode(&connection.encode()).unwrap();
        let connections = old.connections.values().map(attached).collect();
        let Stored { client, snapshot, history, updates, .. } = &self.stored;
        let (client, snapshot, history, updates) = (*client, snapshot.clone(), history.clone(), updates.clone());
        self.room =
            Room::load(Stored { client, snapshot, history, updates, connections, now: self.now, ..Stored::default() });
        assert_eq!(self.room.as_ref().unwrap().rev(), old.rev());
        assert_eq!(self.room.as_ref().unwrap().document.code(), old.document.code());
    }

    fn save(&mut self) {
        let room = self.room.as_mut().unwrap();
        self.stored.updates.extend(room.unsaved().into_iter().map(|one| one.update));
        room.mark_saved();
    }

    /// Compacts the log, as the alarm of the shell does.
    fn compact(&mut self) {
        self.save();
        let (snapshot, history) = self.room.as_mut().unwrap().snapshot();
        (self.stored.snapshot, self.stored.history) = (Some(snapshot), history.clone());
        self.stored.updates.clear();
    }

    fn deliver_to_room(&mut self, index: usize) {
        let (id, now) = (self.clients[index].id, self.now);
        let is_yjs = matches!(self.clients[index].kind, Kind::Yjs { .. });
        let Some(frame) = self.clients[index].to_room.pop_front() else { return };
        // The clients stay within the rate limit.
        self.now += 20;
        if is_yjs {
            self.act(|room| room.on_frame(id, Incoming::Binary(&frame), now));
        } else {
            self.act(|room| room.on_frame(id, Incoming::Text(std::str::from_utf8(&frame).unwrap()), now));
        }
    }

    fn deliver_to_client(&mut self, index: usize) {
        let client = &mut self.clients[index];
        match (client.from_room.pop_front(), &mut client.kind) {
            (Some(Frame::Binary(frame)), Kind::Yjs { doc, .. }) => match yjs_protocol::read(&frame) {
                Some(YjsMessage::Step1(_)) => {
                    let mut reader = Reader::new(&frame[2..]);
                    let known = StateVector::decode_v1(reader.buffer().unwrap()).unwrap();
                    client.to_room.push_back(yjs_protocol::step_2(&doc.transact().encode_state_as_update_v1(&known)));
                }
                Some(YjsMessage::Step2(update) | YjsMessage::Update(update)) => {
                    doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
                }
                _ => {}
            },
            (Some(Frame::Text(message)), Kind::Json { text, rev, is_greeted, .. }) => {
                let message: Value = serde_json::from_str(&message).unwrap();
                match message["type"].as_str().unwrap() {
                    "init" | "sync" | "update" => {
                        *is_greeted = true;
                        *text = message["data"]["code"].as_str().unwrap().to_owned();
                        *rev = message["data"]["rev"].as_u64().unwrap();
                    }
                    "error" => panic!("{message}"),
                    _ => {}
                }
            }
            (None, _) => {}
            _ => panic!("a frame of the other protocol"),
        }
    }

    fn type_something(&mut self, index: usize) {
        let text = match &self.clients[index].kind {
            Kind::Yjs { doc, text } => text.get_string(&doc.transact()),
            Kind::Json { is_greeted: false, .. } => return,
            Kind::Json { text, .. } => text.clone(),
        };
        let mut chars: Vec<char> = text.chars().collect();
        let at = self.dice.below(chars.len() + 1);
        let mut removed = 0;
        let mut inserted = String::new();
        if self.dice.below(4) == 0 && at < chars.len() {
            removed = 1 + self.dice.below((chars.len() - at).min(3));
            self.deleted.extend(chars.drain(at..at + removed));
        } else {
            for _ in 0..=self.dice.below(3) {
                // Each character is typed only once, so the test can follow it. All of them take two code units.
                let typed = char::from_u32(0x1f300 + self.typed.len() as u32).unwrap();
                self.typed.push(typed);
                inserted.push(typed);
            }
        }
        let client = &mut self.clients[index];
        match &mut client.kind {
            Kind::Yjs { doc, text } => {
                let mut txn = doc.transact_mut();
                text.remove_range(&mut txn, 2 * at as u32, 2 * removed as u32);
                text.insert(&mut txn, 2 * at as u32, &inserted);
                client.to_room.push_back(yjs_protocol::update(&txn.encode_update_v1()));
            }
            Kind::Json { text, rev, says_rev, .. } => {
                let new: String =
                    chars[..at].iter().chain(&inserted.chars().collect::<Vec<_>>()).chain(&chars[at..]).collect();
                text.clone_from(&new);
                let mut message = json!({ "type": "update", "data": { "code": new, "lang": "python" } });
                if *says_rev {
                    message["rev"] = json!(*rev);
                }
                client.to_room.push_back(message.to_string().into());
            }
        }
    }

    fn play(&mut self, turns: usize) {
        for _ in 0..turns {
            let index = self.dice.below(self.clients.len());
            match self.dice.below(100) {
                0..30 => self.type_something(index),
                30..62 => self.deliver_to_room(index),
                62..95 => self.deliver_to_client(index),
                95 => self.time_passes(20),
                96..99 => self.evict(),
                _ => self.compact(),
            }
        }
        self.settle();
    }

    /// Lets time pass, and the room send what is due.
    fn time_passes(&mut self, milliseconds: i64) {
        self.now += milliseconds;
        let now = self.now;
        self.act(|room| room.on_timer(now));
    }

    /// Delivers everything, until nothing is left to send.
    fn settle(&mut self) {
        let is_busy = |client: &Client| !client.to_room.is_empty() || !client.from_room.is_empty();
        while self.clients.iter().any(is_busy) || self.room.as_ref().unwrap().next_text().is_some() {
            for index in 0..self.clients.len() {
                self.deliver_to_room(index);
                self.deliver_to_client(index);
            }
            self.time_passes(50);
        }
    }

    /// Checks that all clients have the same text. Returns the number of lost characters and of typed ones.
    fn check(&self, seed: u64) -> (usize, usize) {
        let text = self.room.as_ref().unwrap().document.code();
        for client in &self.clients {
            let own = match &client.kind {
                Kind::Yjs { doc, text } => text.get_string(&doc.transact()),
                Kind::Json { text, .. } => text.clone(),
            };
            assert_eq!(own, text, "seed {seed}, client {}", client.id);
        }
        let there: HashSet<char> = text.chars().collect();
        let kept: Vec<&char> = self.typed.iter().filter(|typed| !self.deleted.contains(typed)).collect();
        (kept.iter().filter(|typed| !there.contains(typed)).count(), kept.len())
    }
}

fn yjs(client: u64) -> Kind {
    let options = Options { offset_kind: OffsetKind::Utf16, ..Options::with_client_id(yrs::ClientID::new(client)) };
    let doc = Doc::with_options(options);
    let text = doc.get_or_insert_text("code");
    Kind::Yjs { doc, text }
}

fn json_client(says_rev: bool) -> Kind {
    Kind::Json { text: String::new(), rev: 0, says_rev, is_greeted: false }
}

#[test]
fn all_clients_converge_and_with_revisions_no_character_is_lost() {
    for seed in 0..100 {
        let mut world = World::new(seed, [yjs(10), yjs(11), json_client(true), json_client(true), json_client(true)]);
        world.play(400);
        assert_eq!(world.check(seed).0, 0, "seed {seed}");
        let text = world.room.as_ref().unwrap().document.code();
        assert_eq!(
            text.chars().count(),
            text.chars().collect::<HashSet<_>>().len(),
            "seed {seed}: no character appears twice"
        );
    }
}

#[test]
fn without_revisions_less_than_one_percent_of_the_characters_is_lost() {
    let (mut lost, mut typed) = (0, 0);
    for seed in 0..100 {
        let mut world = World::new(seed, [yjs(10), yjs(11), json_client(false), json_client(false), json_client(true)]);
        world.play(400);
        let (more_lost, more_typed) = world.check(seed);
        lost += more_lost;
        typed += more_typed;
    }
    assert!(lost * 100 < typed, "{lost} of {typed} characters are lost");
}

#[test]
fn an_update_with_missing_dependencies_is_dropped_and_requested_again() {
    let mut world = World::new(1, [yjs(10), yjs(11)]);
    world.play(0);
    world.type_something(0);
    let early = world.clients[0].to_room.pop_back().unwrap();
    world.type_something(0);
    // The first update is lost; the second depends on it.
    world.deliver_to_room(0);
    assert_eq!(world.room.as_ref().unwrap().document.code(), "");
    let asked = world.clients[0].from_room.front().cloned();
    assert!(matches!(asked, Some(Frame::Binary(frame)) if frame.starts_with(&[0, 0])), "the room sends step 1");
    world.play(0);
    assert_eq!(world.check(1), (0, world.typed.len()));
    assert!(!world.typed.is_empty() && !early.is_empty());
}
