//! Runs programs in a room: broadcasts their events to every client, and stores the last result.

use crate::objects::room::memory::{GrantedRun, RoomMemory};
use crate::objects::room::storage;
use crate::ports::PortError;
use crate::ports::rooms::{ProgramRequest, Programs, Refused, RoomRun, RoomRunEnd, RunAs, RunMessage};
use docle_room::room::{NoRun, RunInput};
use futures::StreamExt;
use serde_json::Value;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Runs programs in a room, one at a time.
pub struct RoomRuns {
    pub memory: Rc<RoomMemory>,
    pub programs: Rc<dyn Programs>,
}

impl RoomRuns {
    /// Runs a program that an authorized client requested by HTTP. The client's API key becomes the key of the room,
    /// because the previous key may have been revoked.
    ///
    /// # Errors
    /// A port has failed; the program may have run.
    pub async fn run_by_http(&self, run: RoomRun) -> Result<RoomRunEnd, PortError> {
        let memory = &self.memory;
        let RoomRun { user_id, admitted, host, code, lang, stdin, policy } = run;
        let input = RunInput { code, lang, stdin, policy };
        let granted = memory.with(|live| {
            let Some(billing_key) = live.metadata.billing_key.clone() else { return Ok(Err(RoomRunEnd::NoSuchRoom)) };
            let request = match live.room.begin_run(&user_id, input) {
                Ok(request) => request,
                Err(NoRun::Busy) => return Ok(Err(RoomRunEnd::Busy)),
                Err(NoRun::Empty) => return Ok(Err(RoomRunEnd::NoProgram)),
            };
            live.note_use(&memory.ports)?;
            let run_as = match admitted {
                Some(admitted) => {
                    if admitted.billing_key != billing_key {
                        live.metadata.billing_key = Some(admitted.billing_key.clone());
                        live.save_metadata(&memory.ports)?;
                    }
                    RunAs::Admitted(admitted)
                }
                None => RunAs::Room { billing_key, host },
            };
            Ok(Ok(memory.begin_run(user_id, ProgramRequest { billing_key: run_as, request })))
        })?;
        match granted {
            Ok(run) => self.run(run).await,
            Err(end) => Ok(end),
        }
    }

    /// Runs a program to its end. The object stays in memory for it, because the caller is an event handler.
    ///
    /// # Errors
    /// A port has failed; the program may have run.
    pub async fn run(&self, run: GrantedRun) -> Result<RoomRunEnd, PortError> {
        let GrantedRun { generation, program } = run;
        let memory = &self.memory;
        match self.follow(generation, program).await {
            Ok(Ok(result)) => {
                let store = || storage::save_result(&*memory.ports.storage, &result);
                memory.end_run(generation, store, |room, now| room.on_run_result(result.clone(), now))?;
                Ok(RoomRunEnd::Result(result))
            }
            Ok(Err(refused)) => {
                let Refused { code, message, .. } = &refused;
                memory.end_run(generation, || Ok(()), |room, now| room.on_run_refused(code, message, now))?;
                Ok(RoomRunEnd::Refused(refused))
            }
            Err(error) => {
                let message = "The room could not run the program; try again.";
                memory.end_run(generation, || Ok(()), |room, now| room.on_run_refused("internal", message, now))?;
                Err(error)
            }
        }
    }

    /// Broadcasts the events of a program until it ends. It also reads the stream of a run whose room was deleted,
    /// because dropping the stream would end the program.
    async fn follow(&self, generation: u64, program: ProgramRequest) -> Result<Result<Value, Refused>, PortError> {
        let mut messages = match self.programs.start(program).await {
            Ok(messages) => messages,
            Err(refused) => return Ok(Err(refused)),
        };
        while let Some(message) = messages.next().await {
            match message {
                RunMessage::Event(event) => {
                    if event["type"] == "start"
                        && let Some(run) = event["id"].as_str()
                    {
                        self.memory.note_started(generation, run);
                    }
                    self.memory.on_run(generation, |room, now| room.on_run_event(event, now))?
                }
                RunMessage::Result(result) => return Ok(Ok(result)),
            }
        }
        let message = "The run ended without a result; try again.".to_owned();
        Ok(Err(Refused { code: "internal".to_owned(), message, fields: BTreeMap::new() }))
    }
}
