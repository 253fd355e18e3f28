//! What a Room object does: the shell of [`docle_room`], over ports.
//!
//! For each event the object loads the room if it is not in memory, passes the event to [`docle_room`], stores the
//! changes, and only then sends. The runtime holds messages back until the writes before them are durable (its output
//! gate), so no client sees a change that a crash could undo. There is no await between the event and the last write,
//! so two events never interleave.
//!
//! Every socket hibernates. The room is rebuilt from its database and from the attachments of its sockets, which are
//! exactly the open connections. An open room deletes itself a week after its last connection has closed. A project's
//! room is deleted by a call.

use crate::domain::room::id::Kind;
use crate::objects::room::live::RoomPorts;
use crate::objects::room::memory::RoomMemory;
use crate::objects::room::runs::RoomRuns;
use crate::ports::PortError;
use crate::ports::http_messages::Upgrade;
use crate::ports::rooms::{BillingKey, JoinRequest, Programs, RoomRun, RoomRunEnd};
use docle_room::connection::Protocol;
use docle_room::room::{Incoming, NewConnection};
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
    pub async fn open(&self, billing_key: BillingKey) -> Result<(), PortError> {
        self.memory.settled().await;
        self.memory.with(|live| {
            live.metadata.billing_key = Some(billing_key);
            live.room.set_owned();
            live.save_metadata(&self.memory.ports)
        })
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
            Ok(Some((id, upgrade)))
        })?;
        let Some((id, upgrade)) = accepted else { return Ok(None) };
        let JoinRequest { role, name, expires_at, host, speaks_yjs, wants_events } = join;
        let protocol = speaks_yjs.then_some(Protocol::Yjs);
        let new = NewConnection { id, protocol, name, role, expires_at, host, wants_events };
        self.memory.act(|room, now| room.join(new, now))?;
        self.memory.set_alarm().await?;
        Ok(Some(upgrade))
    }

    /// The public state of the room; `None` if there is no such room.
    pub async fn state(&self, kind: Kind) -> Result<Option<Value>, PortError> {
        self.memory.settled().await;
        self.memory.with(|live| Ok(live.exists(kind).then(|| live.room.state())))
    }

    /// Runs a program that an authorized client requested by HTTP.
    ///
    /// # Errors
    /// A port has failed; the program may have run.
    pub async fn run(&self, run: RoomRun) -> Result<RoomRunEnd, PortError> {
        self.memory.settled().await;
        self.runs.run_by_http(run).await
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
        self.memory.with(|live| live.note_if_empty(&self.memory.ports))?;
        self.memory.set_alarm().await
    }

    /// Deletes, greets and compacts, as far as each is due. After an error the alarm must fire again.
    pub async fn alarm(&self) -> Result<(), PortError> {
        self.memory.settled().await;
        let ports = &self.memory.ports;
        let is_over = self.memory.with(|live| {
            live.alarm = None;
            Ok(live.end().is_some_and(|end| end <= ports.now()))
        })?;
        if is_over {
            return self.memory.delete().await;
        }
        self.memory.act(|room, now| room.on_alarm(now))?;
        self.memory.with(|live| live.compact_if_due(ports))?;
        self.memory.set_alarm().await
    }
}

#[cfg(test)]
mod tests;
