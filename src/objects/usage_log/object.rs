//! The UsageLog object: one per project. The shell around [`UsageLogLogic`].

use crate::bindings;
use crate::domain::run::finished::FinishedRun;
use crate::domain::usage_log::name::LogName;
use crate::objects::call::{self, Incoming};
use crate::objects::usage_log::call::{Found, LogCall};
use crate::objects::usage_log::logic::UsageLogLogic;
use crate::platform::clock::RuntimeClock;
use crate::platform::console::Console;
use crate::platform::object_storage::RuntimeStorage;
use crate::ports::{FoundRecord, Level, Log, PortError};
use serde::Serialize;
use serde_json::json;
use std::rc::Rc;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object, wasm_bindgen};

/// One per project; [`UsageLogLogic`] says what it does.
#[durable_object(alarm)]
pub struct UsageLog {
    logic: std::result::Result<UsageLogLogic, PortError>,
}

impl DurableObject for UsageLog {
    fn new(state: State, env: Env) -> Self {
        let storage = Rc::new(RuntimeStorage::of(&state));
        let logic = bindings::log_ports(&env)
            .map(|ports| UsageLogLogic::new(storage, ports, Rc::new(RuntimeClock)))
            .map_err(PortError);
        Self { logic }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let Incoming { object, call } = call::receive::<LogCall>(&request)?;
        let log = LogName::parse(&object).ok_or("This object is not named after a log.")?;
        let lines = if call == LogCall::Submit { request.text().await? } else { String::new() };
        match self.answer(log, call, &lines).await {
            Ok(response) => response,
            Err(error) => {
                let line = json!({ "message": "The log of a project could not answer.", "error": error.0 });
                Console.write(Level::Error, line);
                call::refuse(&())
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        let done = async { self.logic()?.alarm().await };
        if let Err(error) = done.await {
            let message = "The log of a project could not do what was due; it tries again.";
            Console.write(Level::Error, json!({ "message": message, "error": error.0 }));
        }
        Response::empty()
    }
}

impl UsageLog {
    fn logic(&self) -> std::result::Result<&UsageLogLogic, PortError> {
        self.logic.as_ref().map_err(Clone::clone)
    }

    async fn answer(
        &self,
        log: LogName,
        call: LogCall,
        lines: &str,
    ) -> std::result::Result<Result<Response>, PortError> {
        let logic = self.logic()?;
        Ok(match call {
            LogCall::Submit => {
                let runs = FinishedRun::from_lines(lines);
                let runs = runs.ok_or_else(|| PortError("The submitted runs are unreadable.".to_owned()))?;
                call::answer(&logic.submit(log, runs).await?)
            }
            LogCall::Record(id) => match logic.record(log, id).await? {
                None => Response::empty(),
                Some(FoundRecord { guard, record }) => {
                    let found = Found { guard, in_kv: record.is_none() };
                    call::answer_with_body(&found, record.unwrap_or_default())
                }
            },
            LogCall::History(query) => body(&logic.history(&query)?),
            LogCall::Counts(hours) => body(&logic.counts(hours)?),
            LogCall::EraseEndUser(id) => call::answer(&logic.erase_end_user(log, &id).await?),
            LogCall::Refresh => call::answer(&logic.refresh()),
            LogCall::Delete => call::answer(&logic.delete().await?),
        })
    }
}

/// An answer that may be too large for a header.
fn body(value: &impl Serialize) -> Result<Response> {
    Response::from_bytes(serde_json::to_vec(value)?)
}
