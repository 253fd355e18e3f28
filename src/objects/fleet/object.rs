//! The Fleet object: one per class of containers. The shell around [`FleetLogic`].

use crate::bindings;
use crate::objects::call::{self, Incoming};
use crate::objects::fleet::call::FleetCall;
use crate::objects::fleet::logic::FleetLogic;
use crate::platform::console::Console;
use crate::ports::{Level, Log, PortError};
use serde_json::json;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object, wasm_bindgen};

/// One per class of containers; [`FleetLogic`] says what it does.
#[durable_object(alarm)]
pub struct Fleet {
    logic: std::result::Result<FleetLogic, String>,
}

impl DurableObject for Fleet {
    fn new(state: State, env: Env) -> Self {
        let runtime = bindings::object_runtime(&state);
        Self { logic: bindings::fleet_limits(&env).map(|limits| FleetLogic::new(runtime, limits)) }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let Incoming { call, .. } = call::receive::<FleetCall>(&request)?;
        match self.answer(call).await {
            Ok(response) => response,
            Err(error) => {
                Console.write(Level::Error, json!({ "message": "The fleet could not answer.", "error": error.0 }));
                call::refuse(&())
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        let logic = self.logic.as_ref().map_err(Clone::clone)?;
        logic.alarm().await.map_err(|error| error.0)?;
        Response::empty()
    }
}

impl Fleet {
    async fn answer(&self, call: FleetCall) -> std::result::Result<Result<Response>, PortError> {
        let logic = self.logic.as_ref().map_err(|wrong| PortError(wrong.clone()))?;
        Ok(match call {
            FleetCall::Ask { object, account } => call::answer(&logic.ask(&object, &account).await?),
            FleetCall::Renew { object, account, running } => {
                call::answer(&logic.renew(&object, &account, running).await?)
            }
            FleetCall::Release { object } => call::answer(&logic.release(&object)?),
            FleetCall::ContainersOf { account } => call::answer(&logic.containers_of(&account)?),
        })
    }
}
