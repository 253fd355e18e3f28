//! Runs in a room: started by whoever may, heard by everybody.

use crate::objects::room::object::{Room, programs};
use crate::objects::room::storage;
use crate::ports::PortError;
use crate::ports::rooms::{ProgramRequest, Refused, RoomRun, RoomRunEnd, RunAs, RunMessage};
use docle_room::room::RunRequest;
use futures::StreamExt;
use serde_json::Value;
use std::collections::BTreeMap;
use worker::Result;

/// A run that the room has granted.
pub enum Asked {
    InRoom(RunRequest),
    ByHttp { run: RoomRun, request: Value },
}

/// Runs what was asked for by HTTP, if nothing runs yet.
pub async fn run_by_http(room: &Room, run: RoomRun, exists: bool) -> Result<RoomRunEnd> {
    if !exists {
        return Ok(RoomRunEnd::NoSuchRoom);
    }
    let begun = room.with(|live| Ok(live.logic.begin_run(&run.user_id, run.code.clone(), run.lang.clone())))?;
    let Ok(request) = begun else { return Ok(RoomRunEnd::Busy) };
    if let Some(admitted) = &run.admitted {
        adopt(room, &admitted.billing_key)?;
    }
    self::run(room, Asked::ByHttp { run, request }).await
}

/// The room goes on with the key that was used last: others may have been revoked.
fn adopt(room: &Room, billing_key: &crate::ports::rooms::BillingKey) -> Result<()> {
    let sql = room.sql();
    room.with(|live| {
        if live.metadata.billing_key.as_ref() == Some(billing_key) {
            return Ok(());
        }
        live.metadata.billing_key = Some(billing_key.clone());
        storage::save_metadata(&sql, &live.metadata)
    })
}

/// Follows a run to its end. The object stays awake for it, because this is its handler.
pub async fn run(room: &Room, asked: Asked) -> Result<RoomRunEnd> {
    let ended = follow(room, asked).await;
    let end = match ended {
        Ok(Ok(result)) => {
            let sql = room.sql();
            room.with(|live| {
                live.create(&sql)?;
                storage::save_result(&sql, &result)
            })?;
            room.act(|logic| logic.on_run_result(result.clone()))?;
            RoomRunEnd::Result(result)
        }
        Ok(Err(refused)) => {
            room.act(|logic| logic.on_run_refused(&refused.code, &refused.message))?;
            RoomRunEnd::Refused(refused)
        }
        Err(error) => {
            room.act(|logic| logic.on_run_refused("internal", "The program could not be run."))?;
            return Err(error);
        }
    };
    Ok(end)
}

async fn follow(room: &Room, asked: Asked) -> Result<std::result::Result<Value, Refused>> {
    let billing_key = room.with(|live| {
        live.metadata
            .billing_key
            .clone()
            .ok_or_else(|| PortError("A room without a billing_key was asked to run.".to_owned()))
    })?;
    let ask = match asked {
        Asked::InRoom(RunRequest { host, request, .. }) => {
            ProgramRequest { billing_key: RunAs::Room { billing_key, host }, request }
        }
        Asked::ByHttp { run: RoomRun { admitted: Some(admitted), .. }, request } => {
            ProgramRequest { billing_key: RunAs::Admitted(admitted), request }
        }
        Asked::ByHttp { run, request } => {
            ProgramRequest { billing_key: RunAs::Room { billing_key, host: run.host }, request }
        }
    };
    let mut heard = match programs(room)?.start(ask).await {
        Ok(heard) => heard,
        Err(refused) => return Ok(Err(refused)),
    };
    while let Some(heard) = heard.next().await {
        match heard {
            RunMessage::Event(event) => drop(room.act(|logic| logic.on_run_event(event))?),
            RunMessage::Result(result) => return Ok(Ok(result)),
        }
    }
    let message = "The run ended without a result.".to_owned();
    Ok(Err(Refused { code: "internal".to_owned(), message, fields: BTreeMap::new() }))
}
