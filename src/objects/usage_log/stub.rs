//! The stub that calls UsageLog objects.

use crate::domain::pool::name::PoolName;
use crate::domain::run::finished::FinishedRun;
use crate::domain::run::id::RunId;
use crate::domain::usage_log::name::LogName;
use crate::domain::usage_log::query::{Erased, HistoryQuery, Hours, UsageCounts, UsageRun};
use crate::objects::call::{self, Answer, CallError};
use crate::objects::run_pool::call::PoolCall;
use crate::objects::usage_log::batch;
use crate::objects::usage_log::call::{Found, LogCall};
use crate::objects::usage_log::deliver::deliver;
use crate::platform::clock::RuntimeClock;
use crate::platform::console::Console;
use crate::platform::fetch;
use crate::ports::{Clock, FoundRecord, PortError, UsageLogs};
use async_trait::async_trait;
use serde::de::DeserializeOwned;
use worker::ObjectNamespace;
use worker::wasm_bindgen::JsValue;

/// [`UsageLogs`] by calling UsageLog objects.
pub struct UsageLogStub {
    pub namespace: ObjectNamespace,
    /// The RunPool objects, which keep runs whose log fails.
    pub pools: ObjectNamespace,
}

impl UsageLogStub {
    async fn call(&self, log: LogName, log_call: LogCall, runs: Option<String>) -> Result<Answer, PortError> {
        let body = runs.map(JsValue::from);
        let answer = call::call(&self.namespace, &log.to_string(), &log_call, body.as_ref(), None).await;
        answer.map_err(|error| match error {
            CallError::Refused(()) => PortError("The log of a project refused a call.".to_owned()),
            CallError::Lost(why) => PortError(format!("Calling the log of a project failed: {why}")),
        })
    }

    /// Calls an object whose answer is a value. Runs that wait in this isolate are submitted first.
    async fn value<T: DeserializeOwned>(&self, log: LogName, log_call: LogCall) -> Result<T, PortError> {
        self.submit_waiting(log).await?;
        let answer = self.call(log, log_call, None).await?;
        let value = answer.value().map_err(|error| unreadable(&error))?;
        value.ok_or_else(|| PortError("The log of a project answered without a value.".to_owned()))
    }

    /// The same for an answer in the body.
    async fn body<T: DeserializeOwned>(&self, log: LogName, log_call: LogCall) -> Result<T, PortError> {
        self.submit_waiting(log).await?;
        let body = bytes(&self.call(log, log_call, None).await?).await?;
        serde_json::from_slice(&body).map_err(|error| unreadable(&error))
    }

    /// Submits the runs of a log that wait in this isolate.
    async fn submit_waiting(&self, log: LogName) -> Result<(), PortError> {
        let Some(lines) = batch::take(log) else { return Ok(()) };
        let runs =
            FinishedRun::from_lines(&lines).ok_or_else(|| PortError("A batch of runs is unreadable.".to_owned()))?;
        let submit = async |runs: &[FinishedRun]| self.submit_all(log, runs).await;
        let keep = async |runs: &[FinishedRun]| self.keep(log, runs).await;
        deliver(&runs, submit, keep, &RuntimeClock, &Console).await;
        Ok(())
    }

    /// Hands runs to the pool of their project, which submits them later.
    async fn keep(&self, log: LogName, runs: &[FinishedRun]) -> Result<(), PortError> {
        let project_id = runs.first().and_then(FinishedRun::project_id);
        let project_id = project_id.ok_or_else(|| PortError("A finished run names no project.".to_owned()))?;
        let body = JsValue::from(FinishedRun::to_lines(runs));
        let keep = PoolCall::Keep { log };
        let object = PoolName::of_project(&project_id).to_string();
        match call::call(&self.pools, &object, &keep, Some(&body), None).await {
            Ok(_) => Ok(()),
            Err(CallError::Refused(failure)) => Err(PortError(failure.message)),
            Err(CallError::Lost(why)) => Err(PortError(format!("Calling a RunPool object failed: {why}"))),
        }
    }
}

#[async_trait(?Send)]
impl UsageLogs for UsageLogStub {
    async fn submit(&self, run: FinishedRun) -> Result<(), PortError> {
        let log = run.id.log();
        let Some(wait) = batch::add(log, run.to_line(), RuntimeClock.now()) else { return Ok(()) };
        RuntimeClock.sleep(wait).await;
        self.submit_waiting(log).await
    }

    async fn submit_all(&self, log: LogName, runs: &[FinishedRun]) -> Result<(), PortError> {
        self.call(log, LogCall::Submit, Some(FinishedRun::to_lines(runs))).await.map(drop)
    }

    async fn record(&self, id: RunId) -> Result<Option<FoundRecord>, PortError> {
        let answer = self.call(id.log(), LogCall::Record(id), None).await?;
        let found: Option<Found> = answer.value().map_err(|error| unreadable(&error))?;
        Ok(match found {
            None => None,
            Some(Found { guard, in_kv: true }) => Some(FoundRecord { guard, record: None }),
            Some(Found { guard, in_kv: false }) => Some(FoundRecord { guard, record: Some(bytes(&answer).await?) }),
        })
    }

    async fn history(&self, log: LogName, query: &HistoryQuery) -> Result<Vec<UsageRun>, PortError> {
        self.body(log, LogCall::History(query.clone())).await
    }

    async fn counts(&self, log: LogName, hours: Hours) -> Result<UsageCounts, PortError> {
        self.body(log, LogCall::Counts(hours)).await
    }

    async fn erase_end_user(&self, log: LogName, end_user_id: &str) -> Result<Erased, PortError> {
        self.value(log, LogCall::EraseEndUser(end_user_id.to_owned())).await
    }

    async fn refresh(&self, log: LogName) -> Result<(), PortError> {
        self.call(log, LogCall::Refresh, None).await.map(drop)
    }

    async fn delete(&self, log: LogName) -> Result<bool, PortError> {
        self.value(log, LogCall::Delete).await
    }
}

async fn bytes(answer: &Answer) -> Result<Vec<u8>, PortError> {
    let bytes = fetch::bytes(&answer.0).await;
    bytes.map_err(|error| PortError(format!("Reading the answer of a log failed: {error}")))
}

fn unreadable(error: &serde_json::Error) -> PortError {
    PortError(format!("The answer of a log is unreadable: {error}"))
}
