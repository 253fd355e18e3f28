//! A room in memory: stores and sends the output of [`docle_room`], and computes the next alarm.

use crate::domain::room::id::Kind;
use crate::domain::timestamp::{DAY_MS, Timestamp};
use crate::objects::room::storage::{self, RoomMetadata, UpdateLog};
use crate::objects::room::write_budget::WriteBudget;
use crate::ports::room_sockets::RoomSockets;
use crate::ports::rooms::RoomProject;
use crate::ports::{Background, Clock, Entropy, Log, ObjectStorage, PortError};
use docle_api::limits::MAX_UNUSED_ROOM_DAYS;
use docle_room::close::CloseReason;
use docle_room::connection::Connection;
use docle_room::limits::{MAX_QUEUED_BYTES, MAX_QUEUED_BYTES_PER_SOCKET};
use docle_room::room::{Effect, Output, Room, RunRequest};
use std::rc::Rc;

/// Updates after which the log is compacted. A load replays them: 1,000 take some milliseconds.
pub const COMPACT_UPDATES: usize = 1_000;
/// Bytes after which the log is compacted.
const COMPACT_BYTES: usize = 1 << 20;
/// How long the log of a room without connections waits for its compaction, in milliseconds: clients that reconnect
/// must not cause one each time.
const COMPACT_EMPTY_AFTER_MS: i64 = 60_000;
/// How long an open room is kept after its last connection has closed, in milliseconds.
pub const KEEP_MS: i64 = 7 * DAY_MS;
/// How long a room of a project is kept after its last use, in milliseconds.
pub const KEEP_OWNED_MS: i64 = MAX_UNUSED_ROOM_DAYS * DAY_MS;
/// Bytes that a room sends before it looks at what waits in the queues of its sockets.
const CHECK_QUEUES_AFTER_BYTES: usize = 256 << 10;
/// How often a room asks whether the API keys of its connections are valid, in milliseconds.
pub const CHECK_EVERY_MS: i64 = 30_000;

/// The ports of a room, except [`crate::ports::rooms::Programs`].
pub struct RoomPorts {
    pub storage: Rc<dyn ObjectStorage>,
    pub sockets: Rc<dyn RoomSockets>,
    pub project: Rc<dyn RoomProject>,
    pub clock: Rc<dyn Clock>,
    pub entropy: Rc<dyn Entropy>,
    pub background: Rc<dyn Background>,
    pub log: Rc<dyn Log>,
}

impl RoomPorts {
    /// The time, in milliseconds since 1970.
    pub fn now(&self) -> i64 {
        self.clock.now().0
    }

    /// A random number.
    pub fn random(&self) -> u32 {
        let mut bytes = [0; 4];
        self.entropy.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    /// Closes a socket for a reason.
    pub fn close(&self, connection: u32, reason: CloseReason) {
        self.sockets.close(connection, reason.code(), reason.message());
    }

    /// The connections that do not read what is sent to them: those with too much in their queue, and the slowest one if
    /// there is too much in all queues together.
    fn slow_readers(&self, all: impl Iterator<Item = u32>) -> Vec<u32> {
        let queues: Vec<(usize, u32)> = all.map(|id| (self.sockets.queued_bytes(id), id)).collect();
        let total: usize = queues.iter().map(|(bytes, _)| bytes).sum();
        let slowest = queues.iter().max().filter(|_| total > MAX_QUEUED_BYTES).map(|(_, id)| *id);
        let is_slow = |(bytes, id): &(usize, u32)| *bytes > MAX_QUEUED_BYTES_PER_SOCKET || slowest == Some(*id);
        queues.into_iter().filter(is_slow).map(|(_, id)| id).collect()
    }
}

/// A room in memory.
pub struct Live {
    pub room: Room,
    pub metadata: RoomMetadata,
    /// The alarm that is set, as far as this object knows.
    pub alarm: Option<i64>,
    log: UpdateLog,
    budget: WriteBudget,
    /// Bytes that were sent since the queues of the sockets were last looked at.
    unchecked_bytes: usize,
    /// Whether the tables and the metadata are stored.
    is_stored: bool,
    /// Whether the stored metadata have the client id of this load.
    is_client_stored: bool,
}

impl Live {
    /// Rebuilds the room from its storage and the attachments of its sockets.
    pub fn load(ports: &RoomPorts) -> Result<Self, PortError> {
        let sql = &*ports.storage;
        let found = storage::metadata(sql)?;
        let is_stored = found.is_some();
        let mut metadata = found.unwrap_or_default();
        let (mut stored, log) = if is_stored { storage::load(sql, &metadata)? } else { Default::default() };
        let attachments = ports.sockets.list().into_iter().filter_map(|(_, attachment)| attachment);
        stored.connections = attachments.filter_map(|attachment| Connection::decode(&attachment)).collect();
        // See the field: without sockets, nothing shows that all edits under the old id were stored.
        let keeps_client = is_stored && !stored.connections.is_empty();
        if !keeps_client {
            metadata.client = ports.random();
        }
        (stored.client, stored.now) = (metadata.client, ports.now());
        let unreadable = || PortError("The document of a room is unreadable.".to_owned());
        let room = Room::load(stored).ok_or_else(unreadable)?;
        let budget = WriteBudget::new(ports.now());
        let is_client_stored = keeps_client;
        Ok(Self { room, metadata, alarm: None, log, budget, unchecked_bytes: 0, is_stored, is_client_stored })
    }

    /// Whether there is a room of this kind: a project's room exists once its project has opened it.
    pub fn exists(&self, kind: Kind) -> bool {
        kind == Kind::Open || self.metadata.billing_key.is_some()
    }

    /// Attaches and stores the changes, then sends the frames. Returns the run that the room has granted.
    pub fn carry_out(&mut self, output: Output, ports: &RoomPorts) -> Result<Option<RunRequest>, PortError> {
        let (mut run, mut outputs) = (None, vec![output]);
        while let Some(Output { attach, effects }) = outputs.pop() {
            for connection in attach.into_iter().filter_map(|id| self.room.connection(id)) {
                ports.sockets.attach(connection.id, &connection.encode())?;
            }
            self.save_if_due(ports)?;
            for effect in effects {
                match effect {
                    Effect::Send { to, frame } => {
                        self.unchecked_bytes += to.len() * frame.len();
                        to.into_iter().for_each(|id| ports.sockets.send(id, &frame));
                    }
                    Effect::Close { connection, reason } => ports.close(connection, reason),
                    Effect::Run(request) => run = Some(request),
                }
            }
            // To ask about each socket after each frame would cost as much as to send.
            if self.unchecked_bytes >= CHECK_QUEUES_AFTER_BYTES {
                self.unchecked_bytes = 0;
                let slow = ports.slow_readers(self.room.connection_ids());
                outputs.extend(slow.into_iter().map(|id| self.room.close_connection(id, CloseReason::SlowReader)));
            }
        }
        Ok(run)
    }

    /// Stores the updates that are not stored yet, unless they can wait.
    fn save_if_due(&mut self, ports: &RoomPorts) -> Result<(), PortError> {
        let now = ports.now();
        let is_due = self.room.must_save() || self.budget.due() <= now;
        if is_due { self.save(ports) } else { Ok(()) }
    }

    /// Stores the updates that are not stored yet, as one row.
    fn save(&mut self, ports: &RoomPorts) -> Result<(), PortError> {
        if !self.room.has_unsaved() {
            return Ok(());
        }
        self.create(ports)?;
        if !self.is_client_stored {
            self.save_metadata(ports)?;
        }
        for connection in self.room.without_text() {
            ports.sockets.attach(connection.id, &connection.encode())?;
        }
        let unsaved = self.room.unsaved();
        storage::append(&*ports.storage, Timestamp(ports.now()), &unsaved)?;
        self.log.updates += unsaved.len();
        self.log.bytes += unsaved.iter().map(|one| one.update.len()).sum::<usize>();
        self.room.mark_saved();
        self.budget.take(ports.now());
        Ok(())
    }

    /// When the room has to store or to send something, unless something happens before; in milliseconds since 1970.
    pub fn next_timer(&self) -> Option<i64> {
        let save = self.room.has_unsaved().then(|| self.budget.due());
        save.into_iter().chain(self.room.next_text()).min()
    }

    /// Stores changed metadata.
    pub fn save_metadata(&mut self, ports: &RoomPorts) -> Result<(), PortError> {
        self.create(ports)?;
        storage::save_metadata(&*ports.storage, &self.metadata)?;
        self.is_client_stored = true;
        Ok(())
    }

    /// Stores when the last connection closed. A room that has stored nothing so far still stores nothing.
    pub fn note_if_empty(&mut self, ports: &RoomPorts) -> Result<(), PortError> {
        if !self.room.is_empty() || !self.is_stored || self.metadata.empty_since.is_some() {
            return Ok(());
        }
        self.metadata.empty_since = Some(ports.now());
        self.save_metadata(ports)
    }

    /// Stores that a room without connections is used, once a day.
    pub fn note_use(&mut self, ports: &RoomPorts) -> Result<(), PortError> {
        let now = ports.now();
        if self.metadata.empty_since.is_none_or(|since| now - since < DAY_MS) {
            return Ok(());
        }
        self.metadata.empty_since = Some(now);
        self.save_metadata(ports)
    }

    /// Replaces the updates by a snapshot when there are too many of them.
    pub fn compact_if_due(&mut self, ports: &RoomPorts) -> Result<(), PortError> {
        if self.compaction(ports.now()).is_none_or(|due| due > ports.now()) {
            return Ok(());
        }
        self.save(ports)?;
        self.metadata.last_update = self.room.last_update();
        let (snapshot, history) = self.room.snapshot();
        storage::compact(&*ports.storage, &snapshot, history, &self.metadata)?;
        self.log = UpdateLog::default();
        Ok(())
    }

    /// When the room is deleted, unless it is used before.
    pub fn end(&self) -> Option<i64> {
        let keep = if self.metadata.billing_key.is_none() { KEEP_MS } else { KEEP_OWNED_MS };
        let is_unused = self.room.is_empty() && !self.room.is_running();
        self.metadata.empty_since.filter(|_| is_unused).map(|since| since + keep)
    }

    /// When the alarm has to fire next.
    pub fn next_alarm(&self, now: i64) -> Option<i64> {
        let (due, next_check) = self.room.checks(now);
        let check = if due.is_empty() { next_check } else { Some(now) };
        [self.room.next_alarm(), check, self.compaction(now), self.end()].into_iter().flatten().min()
    }

    fn create(&mut self, ports: &RoomPorts) -> Result<(), PortError> {
        if !self.is_stored {
            storage::create_tables(&*ports.storage)?;
            storage::save_metadata(&*ports.storage, &self.metadata)?;
            (self.is_stored, self.is_client_stored) = (true, true);
        }
        Ok(())
    }

    /// When the log is due to be replaced by a snapshot; `None` while it is short enough. A room without connections
    /// keeps no log.
    fn compaction(&self, now: i64) -> Option<i64> {
        if self.log.updates >= COMPACT_UPDATES || self.log.bytes >= COMPACT_BYTES {
            return Some(now);
        }
        let is_empty = self.room.is_empty() && self.log.updates > 0;
        is_empty.then(|| self.metadata.empty_since.unwrap_or(now) + COMPACT_EMPTY_AFTER_MS)
    }
}
