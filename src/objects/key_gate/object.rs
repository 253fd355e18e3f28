//! The KeyGate object: one per API key, called for every request with the key. The shell around [`KeyGateLogic`].

use crate::bindings;
use crate::objects::call::{self, Incoming};
use crate::objects::key_gate::call::{GateCall, key_of_object};
use crate::objects::key_gate::logic::KeyGateLogic;
use crate::platform::clock::RuntimeClock;
use crate::platform::console::Console;
use crate::platform::object_storage::RuntimeStorage;
use crate::ports::{Level, Log, PortError};
use serde_json::json;
use std::rc::Rc;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object, wasm_bindgen};

/// One per API key; [`KeyGateLogic`] says what it does.
#[durable_object(alarm)]
pub struct KeyGate {
    logic: KeyGateLogic,
}

impl DurableObject for KeyGate {
    fn new(state: State, env: Env) -> Self {
        let storage = Rc::new(RuntimeStorage::of(&state));
        let quotas = bindings::gate_quota_ports(&env);
        Self { logic: KeyGateLogic::new(storage, bindings::ledger(&env), Rc::new(RuntimeClock), quotas) }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let Incoming { object, call } = call::receive::<GateCall>(&request)?;
        let key_hash = key_of_object(&object).ok_or("This object is not named after a key.")?;
        match self.answer(key_hash, call).await {
            Ok(response) => response,
            Err(error) => {
                let line = json!({ "message": "A key's gate could not answer.", "error": error.0 });
                Console.write(Level::Error, line);
                call::refuse(&())
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        if let Err(error) = self.logic.alarm().await {
            let line =
                json!({ "message": "A key's gate could not do what was due; it tries again.", "error": error.0 });
            Console.write(Level::Error, line);
        }
        Response::empty()
    }
}

impl KeyGate {
    async fn answer(&self, key_hash: &str, call: GateCall) -> std::result::Result<Result<Response>, PortError> {
        Ok(match call {
            GateCall::Check(check) => call::answer(&self.logic.check(key_hash, &check).await?),
            GateCall::NoteUse(amounts) => call::answer(&self.logic.note_models(amounts).await?),
            GateCall::Erase => call::answer(&self.logic.erase().await?),
            GateCall::Refresh => call::answer(&self.logic.refresh()),
        })
    }
}
