//! The Webhooks object: one per account. The shell around [`WebhooksLogic`].

use crate::bindings;
use crate::objects::call::{self, Incoming};
use crate::objects::runtime::ObjectRuntime;
use crate::objects::webhooks::call::{WebhooksCall, account_of_object};
use crate::objects::webhooks::logic::{RETRY_AFTER_MS, WebhooksLogic};
use crate::platform::console::Console;
use crate::ports::{Level, Log, PortError};
use serde_json::json;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object, wasm_bindgen};

/// One per account; [`WebhooksLogic`] says what it does.
#[durable_object(alarm)]
pub struct Webhooks {
    runtime: ObjectRuntime,
    logic: std::result::Result<WebhooksLogic, String>,
}

impl DurableObject for Webhooks {
    fn new(state: State, env: Env) -> Self {
        let runtime = bindings::object_runtime(&state);
        let logic = bindings::webhook_ports(&env).map(|ports| WebhooksLogic::new(runtime.clone(), ports));
        Self { runtime, logic }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let Incoming { object, call } = call::receive::<WebhooksCall>(&request)?;
        account_of_object(&object).ok_or("This object is not named after an account.")?;
        match self.answer(call).await {
            Ok(response) => response,
            Err(error) => {
                let line = json!({ "message": "The webhooks of an account could not answer.", "error": error.0 });
                Console.write(Level::Error, line);
                call::refuse(&())
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        let done = match &self.logic {
            Ok(logic) => logic.alarm().await,
            // The reports wait until the settings of the deployment are right.
            Err(wrong) => {
                self.runtime.log_failure("The webhooks of an account cannot be delivered; they try again.", wrong);
                self.runtime.storage.set_alarm(self.runtime.clock.now().plus_ms(RETRY_AFTER_MS)).await
            }
        };
        done.map_err(|error| error.0)?;
        Response::empty()
    }
}

impl Webhooks {
    async fn answer(&self, call: WebhooksCall) -> std::result::Result<Result<Response>, PortError> {
        let logic = self.logic.as_ref().map_err(|wrong| PortError(wrong.clone()))?;
        Ok(match call {
            WebhooksCall::Enqueue(notice) => call::answer(&logic.enqueue(notice).await?),
            WebhooksCall::Deliveries { project_id, page } => {
                Response::from_bytes(serde_json::to_vec(&logic.deliveries(&project_id, &page)?).unwrap_or_default())
            }
            WebhooksCall::Resume(project_id) => call::answer(&logic.resume(&project_id)?),
            WebhooksCall::Erase(reports) => call::answer(&logic.erase(&reports)?),
        })
    }
}
