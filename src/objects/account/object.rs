//! The Account object: one per user. The shell around [`AccountLogic`].

use crate::bindings;
use crate::objects::account::call::{AccountCall, account_of_object};
use crate::objects::account::logic::AccountLogic;
use crate::objects::call::{self, Incoming};
use crate::platform::console::Console;
use crate::ports::{Level, Log, PortError};
use serde_json::json;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object, wasm_bindgen};

/// One per user; [`AccountLogic`] says what it does.
#[durable_object(alarm)]
pub struct Account {
    logic: std::result::Result<AccountLogic, String>,
}

impl DurableObject for Account {
    fn new(state: State, env: Env) -> Self {
        let runtime = bindings::object_runtime(&state);
        let logic = bindings::quotas(&env)
            .map(|(limits, ledger, accounts)| AccountLogic::new(runtime, ledger, accounts, limits));
        Self { logic }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let Incoming { object, call } = call::receive::<AccountCall>(&request)?;
        let account = account_of_object(&object).ok_or("This object is not named after an account.")?;
        match self.answer(account, call).await {
            Ok(response) => response,
            Err(error) => {
                let line = json!({ "message": "The object of an account could not answer.", "error": error.0 });
                Console.write(Level::Error, line);
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

impl Account {
    async fn answer(&self, account: &str, call: AccountCall) -> std::result::Result<Result<Response>, PortError> {
        let logic = self.logic.as_ref().map_err(|wrong| PortError(wrong.clone()))?;
        Ok(match call {
            AccountCall::Lease(request) => call::answer(&logic.lease(account, &request).await?),
            AccountCall::EndLease { lease, used } => call::answer(&logic.end_lease(account, &lease, &used).await?),
            AccountCall::Usage => call::answer(&logic.usage(account).await?),
        })
    }
}
