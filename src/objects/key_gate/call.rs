//! The calls of a KeyGate object, and the stub that sends them.

use crate::domain::account::amounts::Amounts;
use crate::domain::key::gate::{CheckKey, Decision};
use crate::domain::pool::name::PoolName;
use crate::domain::run::finished::FinishedRun;
use crate::domain::run::id::RunId;
use crate::objects::call::{self, Answer, CallError, ObjectCall};
use crate::objects::key_gate::batch;
use crate::objects::key_gate::deliver::deliver;
use crate::objects::run_pool::call::PoolCall;
use crate::platform::clock::RuntimeClock;
use crate::platform::console::Console;
use crate::platform::fetch;
use crate::ports::{Clock, DeletedRecord, KeyGates, PortError};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use worker::ObjectNamespace;
use worker::wasm_bindgen::JsValue;

/// The calls of a KeyGate object; [`KeyGates`] documents what each of them does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GateCall {
    /// The answer is a [`Decision`].
    Check(CheckKey),
    /// The body has the runs, each as [`FinishedRun::to_line`] writes it.
    Submit,
    /// The body has the runs that still wait in the Worker, as for `Submit`, or is empty.
    Flush,
    /// The answer is the body; an empty one when no record is kept.
    Record(RunId),
    DeleteRecords(Vec<RunId>),
    Erase,
    Refresh,
    /// What a script has used of models.
    NoteUse(Amounts),
}

impl ObjectCall for GateCall {
    /// The object has logged why.
    type Refusal = ();

    fn may_repeat(&self) -> bool {
        // A check or a use that is repeated would count twice.
        !matches!(self, Self::Check(_) | Self::NoteUse(_))
    }
}

const PREFIX: &str = "key:";

/// The name of a key's object.
pub fn object_of_key(key_hash: &str) -> String {
    format!("{PREFIX}{key_hash}")
}

/// The hash of the key whose object has this name.
pub fn key_of_object(object: &str) -> Option<&str> {
    object.strip_prefix(PREFIX).filter(|key_hash| !key_hash.is_empty())
}

/// [`KeyGates`] by calling KeyGate objects.
pub struct KeyGateStub {
    pub namespace: ObjectNamespace,
    /// The RunPool objects, which keep runs whose gate fails.
    pub pools: ObjectNamespace,
}

impl KeyGateStub {
    async fn call(&self, key_hash: &str, gate_call: GateCall, runs: Option<String>) -> Result<Answer, PortError> {
        let body = runs.map(JsValue::from);
        let answer = call::call(&self.namespace, &object_of_key(key_hash), &gate_call, body.as_ref(), None).await;
        answer.map_err(|error| match error {
            CallError::Refused(()) => PortError("A key's gate refused a call.".to_owned()),
            CallError::Lost(why) => PortError(format!("Calling a key's gate failed: {why}")),
        })
    }

    /// Hands runs to the pool of their project, which submits them later.
    async fn keep(&self, key_hash: &str, runs: &[FinishedRun]) -> Result<(), PortError> {
        let project_id = runs.first().and_then(FinishedRun::project_id);
        let project_id = project_id.ok_or_else(|| PortError("A finished run names no project.".to_owned()))?;
        let body = JsValue::from(FinishedRun::to_lines(runs));
        let keep = PoolCall::Keep { key_hash: key_hash.to_owned() };
        let object = PoolName::of_project(&project_id).to_string();
        match call::call(&self.pools, &object, &keep, Some(&body), None).await {
            Ok(_) => Ok(()),
            Err(CallError::Refused(failure)) => Err(PortError(failure.message)),
            Err(CallError::Lost(why)) => Err(PortError(format!("Calling a RunPool object failed: {why}"))),
        }
    }
}

#[async_trait(?Send)]
impl KeyGates for KeyGateStub {
    async fn check(&self, key_hash: &str, check: &CheckKey) -> Result<Decision, PortError> {
        let answer = self.call(key_hash, GateCall::Check(check.clone()), None).await?;
        let decision = answer.value().map_err(|error| PortError(format!("A decision is unreadable: {error}")))?;
        decision.ok_or_else(|| PortError("A key's gate made no decision.".to_owned()))
    }

    async fn submit(&self, key_hash: &str, run: FinishedRun) -> Result<(), PortError> {
        let Some(wait) = batch::add(key_hash, run.to_line(), RuntimeClock.now()) else { return Ok(()) };
        RuntimeClock.sleep(wait).await;
        let Some(lines) = batch::take(key_hash) else { return Ok(()) };
        let runs =
            FinishedRun::from_lines(&lines).ok_or_else(|| PortError("A batch of runs is unreadable.".to_owned()))?;
        let submit = async |runs: &[FinishedRun]| self.submit_all(key_hash, runs).await;
        let keep = async |runs: &[FinishedRun]| self.keep(key_hash, runs).await;
        deliver(&runs, submit, keep, &RuntimeClock, &Console).await;
        Ok(())
    }

    async fn submit_all(&self, key_hash: &str, runs: &[FinishedRun]) -> Result<(), PortError> {
        self.call(key_hash, GateCall::Submit, Some(FinishedRun::to_lines(runs))).await.map(drop)
    }

    async fn record(&self, key_hash: &str, id: RunId) -> Result<Option<Vec<u8>>, PortError> {
        let answer = self.call(key_hash, GateCall::Record(id), None).await?;
        let record = fetch::bytes(&answer.0).await;
        let record =
            record.map_err(|error| PortError(format!("Reading a record from a key's gate failed: {error}")))?;
        Ok((!record.is_empty()).then_some(record))
    }

    async fn delete_records(&self, key_hash: &str, ids: &[RunId]) -> Result<Vec<DeletedRecord>, PortError> {
        let answer = self.call(key_hash, GateCall::DeleteRecords(ids.to_vec()), None).await?;
        let deleted = answer.value().map_err(|error| PortError(format!("Deleted records are unreadable: {error}")))?;
        Ok(deleted.unwrap_or_default())
    }

    async fn flush(&self, key_hash: &str) -> Result<(), PortError> {
        let waiting = batch::take(key_hash);
        let flushed = self.call(key_hash, GateCall::Flush, waiting.clone()).await;
        if let (Err(_), Some(runs)) = (&flushed, waiting.and_then(|lines| FinishedRun::from_lines(&lines))) {
            let submit = async |runs: &[FinishedRun]| self.submit_all(key_hash, runs).await;
            let keep = async |runs: &[FinishedRun]| self.keep(key_hash, runs).await;
            deliver(&runs, submit, keep, &RuntimeClock, &Console).await;
        }
        flushed.map(drop)
    }

    async fn erase(&self, key_hash: &str) -> Result<(), PortError> {
        self.call(key_hash, GateCall::Erase, None).await.map(drop)
    }

    async fn refresh(&self, key_hash: &str) -> Result<(), PortError> {
        self.call(key_hash, GateCall::Refresh, None).await.map(drop)
    }

    async fn note_use(&self, key_hash: &str, amounts: Amounts) -> Result<(), PortError> {
        self.call(key_hash, GateCall::NoteUse(amounts), None).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn key_object_name_unchanged() {
        assert_eq!(object_of_key("ab"), "key:ab");
        assert_eq!(key_of_object("key:ab"), Some("ab"));
        for other in ["", "key:", "room:ab"] {
            assert_eq!(key_of_object(other), None, "{other}");
        }
    }

    #[test]
    fn gate_call_format_unchanged() {
        let written = |call: GateCall| serde_json::to_value(call).unwrap();
        let id = RunId::from_random([0; 16]);
        let check = GateCall::Check(CheckKey { host: None, counts: true, executes: false });
        assert_eq!(written(check), json!({ "check": { "host": null, "counts": true } }));
        assert_eq!(written(GateCall::Submit), json!("submit"));
        assert_eq!(written(GateCall::Flush), json!("flush"));
        assert_eq!(written(GateCall::Record(id)), json!({ "record": id }));
        assert_eq!(written(GateCall::DeleteRecords(vec![id])), json!({ "deleteRecords": [id] }));
        assert_eq!(written(GateCall::Erase), json!("erase"));
        assert_eq!(written(GateCall::Refresh), json!("refresh"));
        let amounts = Amounts { ai_calls: 2, ai_neurons: 30, ..Amounts::default() };
        let expected =
            json!({ "noteUse": { "cpuMs": 0, "egressBytes": 0, "executions": 0, "aiCalls": 2, "aiNeurons": 30 } });
        assert_eq!(written(GateCall::NoteUse(amounts)), expected);
    }

    #[test]
    fn a_check_is_never_sent_twice() {
        assert!(!GateCall::Check(CheckKey { host: None, counts: true, executes: false }).may_repeat());
        assert!(
            [GateCall::Submit, GateCall::Flush, GateCall::Erase, GateCall::Refresh].iter().all(GateCall::may_repeat)
        );
    }
}
