//! The room: what happens when somebody comes, says something, or leaves.
//!
//! Everything goes through [`Output`]: the shell around a room stores what is to be stored and only then sends what is to
//! be sent, so that nobody sees a change that could still be lost.

mod json;
mod runs;
#[cfg(test)]
mod tests;
mod yjs;

use crate::close::Close;
use crate::document::Document;
use crate::history::History;
use crate::limits::{MAX_CONNECTIONS, MAX_FRAME_BYTES, MAX_MESSAGES_PER_SECOND, MAX_NAME_CHARS};
use crate::seat::{Pace, Role, Seat, Speaks, color_beside};
use crate::shadow::Shadow;
use crate::wire;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;

pub use runs::RunAsked;

/// How long a connection that may speak either protocol is waited for before it is greeted in JSON. Whoever speaks Yjs
/// does so as soon as the connection stands, one round trip after it was accepted.
const GREET_AFTER_MS: i64 = 500;

/// See the module.
pub struct Room {
    document: Document,
    history: History,
    seats: BTreeMap<u32, Seat>,
    /// When the document last changed, in milliseconds since 1970.
    last_update: i64,
    runs: runs::Runs,
    output: Output,
}

/// What a room is made of again after it was put away.
#[derive(Default)]
pub struct Stored {
    /// The client id of the room's own edits.
    pub client: u32,
    /// The document at revision `rev`, and what was remembered of revisions before.
    pub snapshot: Option<Vec<u8>>,
    pub history: History,
    /// What happened since, a revision each.
    pub updates: Vec<Vec<u8>>,
    pub last_update: i64,
    /// Whether programs can be run here.
    pub has_owner: bool,
    /// The result of the last run.
    pub result: Option<Value>,
    /// Who is connected.
    pub seats: Vec<Seat>,
}

/// Somebody who connects.
pub struct Arrival {
    /// Unique in the room, also among those who have left; it becomes part of what others see.
    pub id: u32,
    /// What the connection will speak; `None` where its first frame shall say so.
    pub speaks: Option<Speaks>,
    pub name: Option<String>,
    pub role: Role,
    pub expires_at: Option<i64>,
    pub host: Option<String>,
    pub wants_events: bool,
}

/// A frame as it came.
#[derive(Debug, Clone, Copy)]
pub enum Incoming<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

/// A frame as it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    Text(Rc<str>),
    Binary(Rc<[u8]>),
}

/// What the shell has to do, in this order: append, keep, then the effects one after the other.
#[derive(Debug, Default)]
pub struct Output {
    /// Updates to be appended to the log, each a revision.
    pub append: Vec<Vec<u8>>,
    /// Seats whose kept form has changed.
    pub keep: Vec<u32>,
    pub effects: Vec<Effect>,
}

/// See [`Output`].
#[derive(Debug)]
pub enum Effect {
    Send {
        to: Vec<u32>,
        frame: Frame,
    },
    Close {
        seat: u32,
        why: Close,
    },
    /// Run the program.
    Run(RunAsked),
}

impl Room {
    /// A room as it was stored; `None` where what was stored is unreadable.
    pub fn load(stored: Stored) -> Option<Self> {
        let mut document = Document::new(stored.client);
        if let Some(snapshot) = &stored.snapshot
            && !document.restore(snapshot)
        {
            return None;
        }
        let mut room = Self {
            document,
            history: stored.history,
            seats: stored.seats.into_iter().map(|seat| (seat.id, seat)).collect(),
            last_update: stored.last_update,
            runs: runs::Runs::new(stored.has_owner, stored.result),
            output: Output::default(),
        };
        for update in &stored.updates {
            let before = room.code_before();
            if !room.document.restore(update) {
                return None;
            }
            room.remember(before);
        }
        let rev = room.rev();
        room.seats.values_mut().for_each(|seat| seat.shadow.tell(rev));
        Some(room)
    }

    /// Somebody connects.
    pub fn join(&mut self, arrival: Arrival, now: i64) -> Output {
        self.close_expired(now);
        let Arrival { id, speaks, name, role, expires_at, host, wants_events } = arrival;
        let color = color_beside(self.seats.values().map(|seat| seat.color.as_str())).to_owned();
        let name = name.and_then(|name| proper_name(&name)).unwrap_or_else(|| format!("Guest {:04x}", id & 0xffff));
        let speaks = speaks.unwrap_or(Speaks::Undecided { greet_at: now + GREET_AFTER_MS });
        let shadow = Shadow::of(self.history.rev());
        let (presence, cursor, pace) = (None, None, Pace::default());
        let seat =
            Seat { id, name, color, role, speaks, expires_at, host, wants_events, presence, cursor, shadow, pace };
        let is_full = self.seats.len() >= MAX_CONNECTIONS;
        self.seats.insert(id, seat);
        if is_full {
            self.seats.remove(&id);
            self.output.effects.push(Effect::Close { seat: id, why: Close::Full });
            return self.take_output();
        }
        self.output.keep.push(id);
        self.tell_who_came(id);
        if speaks == Speaks::Yjs {
            self.hello(id);
        }
        self.take_output()
    }

    /// A connection sends a frame.
    pub fn receive(&mut self, id: u32, frame: Incoming<'_>, now: i64) -> Output {
        self.close_expired(now);
        let Some(seat) = self.seats.get_mut(&id) else { return self.take_output() };
        let length = match frame {
            Incoming::Text(text) => text.len(),
            Incoming::Binary(bytes) => bytes.len(),
        };
        if !seat.pace.count(MAX_MESSAGES_PER_SECOND, now) {
            self.close(id, Close::TooFast);
        } else if length > MAX_FRAME_BYTES {
            self.close(id, Close::FrameTooLarge);
        } else {
            self.decide_language(id, frame, now);
            match (frame, self.seats.get(&id).map(|seat| seat.speaks)) {
                (Incoming::Text(text), Some(Speaks::Json)) => self.hear_json(id, text, now),
                (Incoming::Binary(bytes), Some(Speaks::Yjs)) => self.hear_yjs(id, bytes, now),
                (_, Some(Speaks::Json)) => self.close(id, Close::Malformed("After text frames only text follows.")),
                _ => self.close(id, Close::Malformed("Yjs is spoken in binary frames.")),
            }
        }
        self.take_output()
    }

    /// A connection is gone.
    pub fn leave(&mut self, id: u32) -> Output {
        self.remove(id);
        self.take_output()
    }

    /// Time has passed: greets who was waited for, and ends what has expired.
    pub fn wake(&mut self, now: i64) -> Output {
        self.close_expired(now);
        let due = |seat: &&Seat| matches!(seat.speaks, Speaks::Undecided { greet_at } if greet_at <= now);
        for id in self.seats.values().filter(due).map(|seat| seat.id).collect::<Vec<_>>() {
            self.speak_json(id, now);
        }
        self.take_output()
    }

    /// Closes every connection, for good.
    pub fn close_all(&mut self, why: Close) -> Output {
        for id in self.seats.keys().copied().collect::<Vec<_>>() {
            self.close(id, why);
        }
        self.take_output()
    }

    /// When somebody has to be greeted next.
    pub fn next_greeting(&self) -> Option<i64> {
        let times = self.seats.values().filter_map(|seat| match seat.speaks {
            Speaks::Undecided { greet_at } => Some(greet_at),
            Speaks::Json | Speaks::Yjs => None,
        });
        times.min()
    }

    /// What a connection is kept as.
    pub fn seat(&self, id: u32) -> Option<&Seat> {
        self.seats.get(&id)
    }

    /// Whether nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// The revision of now: how many updates were ever stored.
    pub fn rev(&self) -> u64 {
        self.history.rev()
    }

    /// When the document last changed, in milliseconds since 1970.
    pub fn last_update(&self) -> i64 {
        self.last_update
    }

    /// Programs can be run here from now on.
    pub fn set_owned(&mut self) {
        self.runs.set_owned();
    }

    /// What anybody may see of the room at any time: the text, what belongs to it, and who is there.
    pub fn state(&self) -> Value {
        let meta = self.document.meta();
        let files = self.document.files();
        let users: Vec<Value> = self.seats.values().map(Seat::user).collect();
        let mut state = json!({
            "code": self.document.code(),
            "lang": meta.lang,
            "users": users,
            "lastUpdate": self.last_update,
            "rev": self.rev(),
            "entrypoint": meta.entrypoint,
            "packages": meta.packages,
        });
        if !files.is_empty() {
            state["files"] = json!(files);
        }
        if let Some(result) = self.runs.result() {
            state["result"] = result.clone();
        }
        state
    }

    /// The whole document and what is remembered of how it came about, for the next [`Room::load`].
    pub fn snapshot(&mut self) -> (Vec<u8>, &History) {
        (self.document.snapshot(), &self.history)
    }

    /// The first frame decides what an undecided connection speaks.
    fn decide_language(&mut self, id: u32, frame: Incoming<'_>, now: i64) {
        let Some(seat) = self.seats.get_mut(&id) else { return };
        if !matches!(seat.speaks, Speaks::Undecided { .. }) {
            return;
        }
        match frame {
            Incoming::Text(_) => self.speak_json(id, now),
            Incoming::Binary(_) => {
                seat.speaks = Speaks::Yjs;
                self.output.keep.push(id);
                self.hello(id);
            }
        }
    }

    /// `code` as it is, where somebody may need to be told the difference later.
    fn code_before(&self) -> Option<String> {
        let needs_history = self.seats.values().any(|seat| !seat.speaks_yjs());
        needs_history.then(|| self.document.code().to_owned())
    }

    /// Counts a revision; `before` is what `code` was.
    fn remember(&mut self, before: Option<String>) {
        match before {
            Some(before) => self.history.push(&before, self.document.code()),
            None => self.history.skip(),
        }
    }

    /// An update has changed the document: it is stored and, except to the one that it came from, passed on.
    fn changed(&mut self, by: u32, update: Vec<u8>, before: Option<String>, now: i64) {
        self.remember(before);
        self.last_update = now;
        let frame = wire::update(&update);
        self.output.append.push(update);
        self.send_yjs(Some(by), frame);
    }

    fn close_expired(&mut self, now: i64) {
        let expired = self.seats.values().filter(|seat| seat.has_expired(now)).map(|seat| seat.id);
        for id in expired.collect::<Vec<_>>() {
            self.close(id, Close::Expired);
        }
    }

    fn close(&mut self, id: u32, why: Close) {
        self.output.effects.push(Effect::Close { seat: id, why });
        self.remove(id);
    }

    fn remove(&mut self, id: u32) {
        let Some(seat) = self.seats.remove(&id) else { return };
        if let Some(presence) = &seat.presence {
            self.send_yjs(None, wire::presence([presence.farewell()].into_iter()));
        }
        self.send_json(None, &json!({ "type": "leave", "userId": seat.user_id() }));
    }

    fn send(&mut self, to: Vec<u32>, frame: Frame) {
        if !to.is_empty() {
            self.output.effects.push(Effect::Send { to, frame });
        }
    }

    fn send_yjs(&mut self, except: Option<u32>, frame: Vec<u8>) {
        let to = self.seats.values().filter(|seat| seat.speaks_yjs() && Some(seat.id) != except);
        self.send(to.map(|seat| seat.id).collect(), Frame::Binary(frame.into()));
    }

    fn send_json(&mut self, except: Option<u32>, message: &Value) {
        let to = self.seats.values().filter(|seat| seat.speaks_json() && Some(seat.id) != except);
        let to: Vec<u32> = to.map(|seat| seat.id).collect();
        if !to.is_empty() {
            self.send(to, Frame::Text(message.to_string().into()));
        }
    }

    fn reply_yjs(&mut self, id: u32, frame: Vec<u8>) {
        self.send(vec![id], Frame::Binary(frame.into()));
    }

    fn reply_json(&mut self, id: u32, message: &Value) {
        self.send(vec![id], Frame::Text(message.to_string().into()));
    }

    fn tell_who_came(&mut self, id: u32) {
        let Some(seat) = self.seats.get(&id) else { return };
        let data = json!({ "name": seat.name, "color": seat.color });
        let message = json!({ "type": "join", "userId": seat.user_id(), "data": data });
        self.send_json(Some(id), &message);
    }

    fn take_output(&mut self) -> Output {
        std::mem::take(&mut self.output)
    }
}

/// A name as it is shown: without control characters and not too long; `None` where nothing is left.
fn proper_name(name: &str) -> Option<String> {
    let name: String = name.trim().chars().filter(|character| !character.is_control()).take(MAX_NAME_CHARS).collect();
    (!name.is_empty()).then_some(name)
}
