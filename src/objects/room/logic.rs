//! What a Room object does: the shell of [`docle_room`], over ports.
//!
//! For each event the object loads the room if it is not in memory, passes the event to [`docle_room`], attaches or stores
//! the changes, and only then sends. The first change after a pause is stored before it is sent: the runtime holds messages
//! back until the writes before them are durable (its output gate). Changes that follow within a quarter of a second are in
//! the attachment of the sender's socket first, and become one row at the end of that time. There is no await between the
//! event and the last write, so two events never interleave.
//!
//! Every socket hibernates. The room is rebuilt from its database and from the attachments of its sockets, which are
//! exactly the open connections. An open room deletes itself a week after its last connection has closed, a project's
//! room when nobody has used it for 90 days. A call deletes a room at once.

use crate::domain::room::id::{Kind, RoomId};
use crate::objects::room::checks::check_connections;
use crate::objects::room::live::{CHECK_EVERY_MS, RoomPorts};
use crate::objects::room::memory::RoomMemory;
use crate::objects::room::runs::RoomRuns;
use crate::ports::PortError;
use crate::ports::http_messages::Upgrade;
use crate::ports::rooms::{BillingKey, JoinRequest, Programs, RoomRun, RoomRunEnd, RunningProgram};
use docle_room::connection::Protocol;
use docle_room::room::{Incoming, NewConnection, Room};
use serde_json::Value;
use std::rc::Rc;

/// The close code of RFC 6455 for a normal closure.
const NORMAL: u16 = 1000;

/// One room. After an error of any method every socket is closed.
pub struct RoomLogic {
    memory: Rc<RoomMemory>,
    runs: RoomRuns,
}

impl RoomLogic {
    pub fn new(ports: RoomPorts, programs: Rc<dyn Programs>) -> Self {
        let memory = Rc::new(RoomMemory::new(ports));
        Self { runs: RoomRuns { memory: Rc::clone(&memory), programs }, memory }
    }

    /// Assigns the room to a project. It may be repeated.
    pub async fn open(&self, room: RoomId, billing_key: BillingKey) -> Result<(), PortError> {
        self.memory.settled().await;
        self.memory.with(|live| {
            live.metadata.billing_key = Some(billing_key);
            live.metadata.room = Some(room);
            if live.room.is_empty() {
                live.metadata.empty_since = Some(self.memory.ports.now());
            }
            live.room.set_owned();
            live.save_metadata(&self.memory.ports)
        })?;
        self.memory.set_alarm().await
    }

    /// Opens a connection, and returns the client's end of it; `None` if there is no such room.
    pub async fn connect(&self, kind: Kind, join: JoinRequest) -> Result<Option<Upgrade>, PortError> {
        self.memory.settled().await;
        let ports = &self.memory.ports;
        let accepted = self.memory.with(|live| {
            if !live.exists(kind) {
                return Ok(None);
            }
            let mut ids = std::iter::repeat_with(|| ports.random());
            let id = ids.find(|id| live.room.connection(*id).is_none()).unwrap_or_default();
            let upgrade = ports.sockets.accept(id)?;
            if live.metadata.empty_since.take().is_some() {
                live.save_metadata(ports)?;
            }
            // All connections of a room are checked at the same time, so that one alarm serves them.
            let now = ports.now();
            let check_at = live.room.checks(now).1.unwrap_or(now + CHECK_EVERY_MS);
            Ok(Some((id, upgrade, (kind == Kind::Owned).then_some(check_at))))
        })?;
        let Some((id, upgrade, check_at)) = accepted else { return Ok(None) };
        let JoinRequest { role, name, expires_at, host, speaks_yjs, wants_events, key_hash } = join;
        let protocol = speaks_yjs.then_some(Protocol::Yjs);
        let new = NewConnection { id, protocol, name, role, expires_at, host, wants_events, key_hash, check_at };
        self.memory.act(|room, now| room.join(new, now))?;
        self.memory.set_alarm().await?;
        Ok(Some(upgrade))
    }

    /// The public state of the room; `None` if there is no such room.
    pub async fn state(&self, kind: Kind) -> Result<Option<Value>, PortError> {
        self.memory.settled().await;
        let now = self.memory.ports.now();
        self.memory.with(|live| {
            let output = live.room.on_timer(now);
            live.carry_out(output, &self.memory.ports)?;
            Ok(live.exists(kind).then(|| live.room.state()))
        })
    }

    /// Runs a program that an authorized client requested by HTTP.
    ///
    /// # Errors
    /// A port has failed; the program may have run.
    pub async fn run(&self, run: RoomRun) -> Result<RoomRunEnd, PortError> {
        self.memory.settled().await;
        self.runs.run_by_http(run).await
    }

    /// The program that runs; `None` if none does, or it has not started yet.
    pub fn running(&self) -> Option<RunningProgram> {
        self.memory.running()
    }

    /// Closes every connection and deletes the room. It may be repeated.
    pub async fn delete(&self) -> Result<(), PortError> {
        self.memory.delete().await
    }

    /// Handles a frame of a client. When the frame starts a program, it resolves when the program has ended.
    pub async fn on_frame(&self, connection: u32, frame: Incoming<'_>) -> Result<(), PortError> {
        self.memory.settled().await;
        let granted = self.memory.act(|room, now| room.on_frame(connection, frame, now))?;
        let alarm_set = self.memory.set_alarm().await;
        if let Some(run) = granted {
            self.runs.run(run).await?;
        }
        alarm_set
    }

    /// Removes a connection that its client has closed or lost.
    pub async fn on_close(&self, connection: u32) -> Result<(), PortError> {
        self.memory.settled().await;
        self.memory.act(|room, _| room.detach(connection))?;
        self.memory.ports.sockets.close(connection, NORMAL, "");
        self.memory.set_alarm().await
    }

    /// Deletes, greets, closes what has expired, checks and compacts, as far as each is due. After an error the alarm must fire again.
    pub async fn alarm(&self) -> Result<(), PortError> {
        self.memory.settled().await;
        self.memory.with(|live| {
            live.alarm = None;
            Ok(())
        })?;
        if self.memory.delete_unused().await? {
            return Ok(());
        }
        self.memory.act(Room::on_alarm)?;
        if check_connections(&self.memory).await? {
            return Ok(());
        }
        self.memory.with(|live| live.compact_if_due(&self.memory.ports))?;
        self.memory.set_alarm().await
    }
}

#[cfg(test)]
mod tests;
