//! The room in memory, and what the shell reads from it.

use super::output::Output;
use super::run_state::RunState;
use crate::connection::{Connection, Protocol};
use crate::document::Document;
use crate::history::History;
use crate::unsaved::Unsaved;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A room in memory.
pub struct Room {
    pub(super) document: Document,
    pub(super) history: History,
    pub(super) connections: BTreeMap<u32, Connection>,
    /// When the document last changed, in milliseconds since 1970.
    pub(super) last_update: i64,
    pub(super) runs: RunState,
    /// Unsaved updates of connections that have closed.
    pub(super) departed: Vec<Unsaved>,
    /// Bytes of all unsaved updates.
    pub(super) unsaved_bytes: usize,
    pub(super) texts: Texts,
    pub(super) output: Output,
}

/// When the room sends its text to JSON clients.
#[derive(Default)]
pub(super) struct Texts {
    /// The user who changed the text last.
    pub by: String,
    /// Before this time the next text must wait, in milliseconds since 1970.
    pub not_before: i64,
    /// The clients that need the text may have received it, because the room was loaded meanwhile.
    pub may_have_been_sent: bool,
}

impl Room {
    /// The public state of the room: the program, its settings and the users.
    pub fn state(&self) -> Value {
        let meta = self.document.meta();
        let files = self.document.files();
        let users: Vec<Value> = self.connections.values().map(Connection::user).collect();
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

    /// An open connection.
    pub fn connection(&self, id: u32) -> Option<&Connection> {
        self.connections.get(&id)
    }

    /// The open connections.
    pub fn connection_ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.connections.keys().copied()
    }

    /// Whether the room has no connections.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// The current revision: the number of updates that were ever stored.
    pub fn rev(&self) -> u64 {
        self.history.rev()
    }

    /// When the document last changed, in milliseconds since 1970.
    pub fn last_update(&self) -> i64 {
        self.last_update
    }

    /// When [`Room::on_alarm`] has something to do next, in milliseconds since 1970: to greet an undecided connection, or to
    /// close one whose token expires.
    pub fn next_alarm(&self) -> Option<i64> {
        let times = self.connections.values().flat_map(|connection| match connection.protocol {
            Protocol::Undecided { greet_at } => [Some(greet_at), connection.expires_at],
            Protocol::Json | Protocol::Yjs => [None, connection.expires_at],
        });
        times.flatten().min()
    }

    /// When [`Room::on_timer`] has to send the text to JSON clients, in milliseconds since 1970.
    pub fn next_text(&self) -> Option<i64> {
        self.connections.values().any(|connection| connection.needs_text).then_some(self.texts.not_before)
    }

    /// The document and the history, for the next [`Room::load`].
    pub fn snapshot(&mut self) -> (Vec<u8>, &History) {
        (self.document.snapshot(), &self.history)
    }

    pub(super) fn take_output(&mut self) -> Output {
        std::mem::take(&mut self.output)
    }
}
