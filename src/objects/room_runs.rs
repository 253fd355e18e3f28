//! Runs in a room: started by whoever may, heard by everybody.

use crate::objects::room::{Room, programs};
use crate::objects::room_storage as storage;
use crate::ports::PortError;
use crate::ports::rooms::{Heard, PaidBy, ProgramAsked, Refused, RoomRun, RoomRunEnd};
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
        adopt(room, &admitted.payer)?;
    }
    self::run(room, Asked::ByHttp { run, request }).await
}

/// The room goes on with the key that was used last: others may have been revoked.
fn adopt(room: &Room, payer: &crate::ports::rooms::Payer) -> Result<()> {
    let sql = room.sql();
    room.with(|live| {
        if live.facts.payer.as_ref() == Some(payer) {
            return Ok(());
        }
        live.facts.payer = Some(payer.clone());
        storage::save_facts(&sql, &live.facts)
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
    let payer = room.with(|live| {
        live.facts.payer.clone().ok_or_else(|| PortError("A room without a payer was asked to run.".to_owned()))
    })?;
    let ask = match asked {
        Asked::InRoom(RunRequest { host, request, .. }) => {
            ProgramAsked { payer: PaidBy::Room { payer, host }, request }
        }
        Asked::ByHttp { run: RoomRun { admitted: Some(admitted), .. }, request } => {
            ProgramAsked { payer: PaidBy::Admitted(admitted), request }
        }
        Asked::ByHttp { run, request } => ProgramAsked { payer: PaidBy::Room { payer, host: run.host }, request },
    };
    let mut heard = match programs(room)?.start(ask).await {
        Ok(heard) => heard,
        Err(refused) => return Ok(Err(refused)),
    };
    while let Some(heard) = heard.next().await {
        match heard {
            Heard::Event(event) => drop(room.act(|logic| logic.on_run_event(event))?),
            Heard::Result(result) => return Ok(Ok(result)),
        }
    }
    let message = "The run ended without a result.".to_owned();
    Ok(Err(Refused { code: "internal".to_owned(), message, fields: BTreeMap::new() }))
}
