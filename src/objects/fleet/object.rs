//! The Fleet object: one per class of containers, and one for the sandboxes that are awake. The shell around [`FleetLogic`].

use crate::bindings;
use crate::objects::call::{self, Incoming};
use crate::objects::fleet::call::{AWAKE_SANDBOXES, FleetCall, RUN_CONTAINERS};
use crate::objects::fleet::logic::FleetLogic;
use crate::objects::runtime::ObjectRuntime;
use crate::platform::console::Console;
use crate::ports::{Level, Log, PortError};
use serde_json::json;
use std::cell::OnceCell;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object, wasm_bindgen};

/// One per class of containers, and one for the sandboxes that are awake; [`FleetLogic`] says what it does.
#[durable_object(alarm)]
pub struct Fleet {
    env: Env,
    runtime: ObjectRuntime,
    /// Made by the first call, which says the name of the object, or by an alarm, for which limits do not matter.
    logic: OnceCell<std::result::Result<FleetLogic, String>>,
}

impl DurableObject for Fleet {
    fn new(state: State, env: Env) -> Self {
        let runtime = bindings::object_runtime(&state);
        Self { env, runtime, logic: OnceCell::new() }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let Incoming { object, call } = call::receive::<FleetCall>(&request)?;
        match self.answer(&object, call).await {
            Ok(response) => response,
            Err(error) => {
                Console.write(Level::Error, json!({ "message": "The fleet could not answer.", "error": error.0 }));
                call::refuse(&())
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        let logic = self.logic(RUN_CONTAINERS).as_ref().map_err(Clone::clone)?;
        logic.alarm().await.map_err(|error| error.0)?;
        Response::empty()
    }
}

impl Fleet {
    fn logic(&self, object: &str) -> &std::result::Result<FleetLogic, String> {
        self.logic.get_or_init(|| {
            let limits = match object {
                AWAKE_SANDBOXES => bindings::awake_limits(&self.env),
                _ => bindings::fleet_limits(&self.env),
            };
            limits.map(|limits| FleetLogic::new(self.runtime.clone(), limits))
        })
    }

    async fn answer(&self, object: &str, call: FleetCall) -> std::result::Result<Result<Response>, PortError> {
        let logic = self.logic(object).as_ref().map_err(|wrong| PortError(wrong.clone()))?;
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
