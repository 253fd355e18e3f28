//! Asks every 30 s whether the API keys behind a room's connections are valid, and whether its project exists.
//!
//! So a key that is revoked loses its connections within a minute, and a room of a deleted project ends within a minute,
//! without a call for each message. A room without connections asks nothing.

use crate::objects::room::live::CHECK_EVERY_MS;
use crate::objects::room::memory::RoomMemory;
use crate::ports::{Level, PortError};
use docle_room::close::CloseReason;
use serde_json::json;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Checks the connections that are due. Returns whether the room was deleted, because its project is gone. A question that
/// nobody answers closes nothing: it is asked again 30 s later.
pub async fn check_connections(memory: &Rc<RoomMemory>) -> Result<bool, PortError> {
    let ports = &memory.ports;
    let (due, billing_key, room) = memory.with(|live| {
        let due = live.room.checks(ports.now()).0;
        let billing_key = live.metadata.billing_key.as_ref().map(|key| key.key_hash.clone());
        Ok((due, billing_key, live.metadata.room.clone()))
    })?;
    if due.is_empty() {
        return Ok(false);
    }
    let mut is_valid = BTreeMap::new();
    for key in due.iter().filter_map(|(_, key)| key.as_ref()).chain(&billing_key) {
        if !is_valid.contains_key(key) {
            is_valid.insert(key.clone(), answered(memory, ports.project.has_key(key).await));
        }
    }
    // A project's keys end with it. The list of rooms is asked only then, because it is in the shared database.
    let mut is_suspended = false;
    if billing_key.is_some_and(|key| is_valid.get(&key) == Some(&Some(false)))
        && let Some(room) = &room
    {
        if answered(memory, ports.project.has_room(room).await) == Some(false) {
            memory.delete().await?;
            return Ok(true);
        }
        is_suspended = answered(memory, ports.project.is_suspended(room).await) == Some(true);
    }
    let next = ports.now() + CHECK_EVERY_MS;
    for (id, key) in due {
        let has_ended = key.is_some_and(|key| is_valid.get(&key) == Some(&Some(false)));
        memory.act(|room, _| match (is_suspended, has_ended) {
            (true, _) => room.close_connection(id, CloseReason::Suspended),
            (false, true) => room.close_connection(id, CloseReason::KeyRevoked),
            (false, false) => room.set_check(id, next),
        })?;
    }
    Ok(false)
}

/// An answer; `None` if nobody answered, which is logged.
fn answered(memory: &RoomMemory, answer: Result<bool, PortError>) -> Option<bool> {
    let log = |error: &PortError| {
        let line = json!({ "message": "A room could not check its connections.", "error": error.0 });
        memory.ports.log.write(Level::Error, line);
    };
    answer.inspect_err(log).ok()
}
