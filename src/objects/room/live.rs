//! A room in memory: stores and sends the output of [`docle_room`], and computes the next alarm.

use crate::domain::room::id::Kind;
use crate::domain::timestamp::Timestamp;
use crate::objects::room::storage::{self, RoomMetadata, UpdateLog};
use crate::ports::room_sockets::RoomSockets;
use crate::ports::{Clock, Entropy, ObjectStorage, PortError};
use docle_room::close::CloseReason;
use docle_room::connection::Connection;
use docle_room::room::{Effect, Output, Room, RunRequest};
use std::rc::Rc;

/// Rows after which the log is compacted. A load replays them: 500 take some milliseconds.
pub const COMPACT_ROWS: usize = 500;
/// Bytes after which the log is compacted.
const COMPACT_BYTES: usize = 1 << 20;
/// How long an open room is kept after its last connection has closed, in milliseconds.
pub const KEEP_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// The ports of a room, except [`crate::ports::rooms::Programs`].
pub struct RoomPorts {
    pub storage: Rc<dyn ObjectStorage>,
    pub sockets: Rc<dyn RoomSockets>,
    pub clock: Rc<dyn Clock>,
    pub entropy: Rc<dyn Entropy>,
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
}

/// A room in memory.
pub struct Live {
    pub room: Room,
    pub metadata: RoomMetadata,
    /// The alarm that is set, as far as this object knows.
    pub alarm: Option<i64>,
    log: UpdateLog,
    /// Whether the tables and the metadata are stored.
    is_stored: bool,
}

impl Live {
    /// Rebuilds the room from its storage and the attachments of its sockets.
    pub fn load(ports: &RoomPorts) -> Result<Self, PortError> {
        let sql = &*ports.storage;
        let found = storage::metadata(sql)?;
        let is_stored = found.is_some();
        let metadata = found.unwrap_or_else(|| RoomMetadata { client: ports.random(), ..RoomMetadata::default() });
        let (mut stored, log) = if is_stored { storage::load(sql, &metadata)? } else { Default::default() };
        stored.client = metadata.client;
        let attachments = ports.sockets.list().into_iter().filter_map(|(_, attachment)| attachment);
        stored.connections = attachments.filter_map(|attachment| Connection::decode(&attachment)).collect();
        let unreadable = || PortError("The document of a room is unreadable.".to_owned());
        let room = Room::load(stored).ok_or_else(unreadable)?;
        Ok(Self { room, metadata, alarm: None, log, is_stored })
    }

    /// Whether there is a room of this kind: a project's room exists once its project has opened it.
    pub fn exists(&self, kind: Kind) -> bool {
        kind == Kind::Open || self.metadata.billing_key.is_some()
    }

    /// Stores the changes, then sends the frames. Returns the run that the room has granted.
    pub fn carry_out(&mut self, output: Output, ports: &RoomPorts) -> Result<Option<RunRequest>, PortError> {
        let Output { append, attach, effects } = output;
        if !append.is_empty() {
            self.create(ports)?;
        }
        let first = self.room.rev() + 1 - append.len() as u64;
        for (rev, update) in (first..).zip(append) {
            self.log.rows += 1;
            self.log.bytes += update.len();
            storage::append(&*ports.storage, rev, Timestamp(ports.now()), update)?;
        }
        for connection in attach.into_iter().filter_map(|id| self.room.connection(id)) {
            ports.sockets.attach(connection.id, &connection.encode())?;
        }
        let mut run = None;
        for effect in effects {
            match effect {
                Effect::Send { to, frame } => to.into_iter().for_each(|id| ports.sockets.send(id, &frame)),
                Effect::Close { connection, reason } => ports.close(connection, reason),
                Effect::Run(request) => run = Some(request),
            }
        }
        Ok(run)
    }

    /// Stores changed metadata.
    pub fn save_metadata(&mut self, ports: &RoomPorts) -> Result<(), PortError> {
        self.create(ports)?;
        storage::save_metadata(&*ports.storage, &self.metadata)
    }

    /// Stores when the last connection closed. A room that has stored nothing so far still stores nothing.
    pub fn note_if_empty(&mut self, ports: &RoomPorts) -> Result<(), PortError> {
        if !self.room.is_empty() || !self.is_stored || self.metadata.empty_since.is_some() {
            return Ok(());
        }
        self.metadata.empty_since = Some(ports.now());
        self.save_metadata(ports)
    }

    /// Replaces the updates by a snapshot when there are too many of them.
    pub fn compact_if_due(&mut self, ports: &RoomPorts) -> Result<(), PortError> {
        if self.is_compact() {
            return Ok(());
        }
        self.metadata.last_update = self.room.last_update();
        let (snapshot, history) = self.room.snapshot();
        storage::compact(&*ports.storage, &snapshot, history, &self.metadata)?;
        self.log = UpdateLog::default();
        Ok(())
    }

    /// When an open room is deleted, unless a client connects before.
    pub fn end(&self) -> Option<i64> {
        let is_open = self.metadata.billing_key.is_none();
        self.metadata.empty_since.filter(|_| is_open && self.room.is_empty()).map(|since| since + KEEP_MS)
    }

    /// When the alarm has to fire next.
    pub fn next_alarm(&self, now: i64) -> Option<i64> {
        let compaction = (!self.is_compact()).then_some(now);
        [self.room.next_greeting(), compaction, self.end()].into_iter().flatten().min()
    }

    fn create(&mut self, ports: &RoomPorts) -> Result<(), PortError> {
        if !self.is_stored {
            storage::create_tables(&*ports.storage)?;
            storage::save_metadata(&*ports.storage, &self.metadata)?;
            self.is_stored = true;
        }
        Ok(())
    }

    /// Whether the log is short enough. In a room without connections it must be empty.
    fn is_compact(&self) -> bool {
        if self.room.is_empty() {
            return self.log.rows == 0;
        }
        self.log.rows < COMPACT_ROWS && self.log.bytes < COMPACT_BYTES
    }
}
