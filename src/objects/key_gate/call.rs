//! What a key's gate is asked, and the stub that asks it.

use crate::domain::key::gate::{CheckKey, Decision};
use crate::domain::run::finished::FinishedRun;
use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::platform::clock::RuntimeClock;
use crate::platform::fetch;
use crate::ports::{Clock, Gates, PortError};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::HashMap;
use worker::wasm_bindgen::JsValue;
use worker::worker_sys::web_sys::Response;
use worker::{ObjectNamespace, Request};

/// Carries the call; only a record is long enough for a body.
const CALL: &str = "docle-call";
/// Carries the [`Decision`]: a body would have to be waited for once more.
pub const DECISION: &str = "docle-decision";
/// A request needs an address; nothing reads this one.
const ADDRESS: &str = "http://gate/";

/// What the object can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GateCall {
    /// The key that the object is the gate of.
    pub key_hash: String,
    pub what: GateAction,
}

/// See [`Gates`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GateAction {
    /// May this caller pass? The answer is a [`Decision`], in the header [`DECISION`].
    CheckKey(CheckKey),
    /// Keep the runs in the body, one a line.
    Record,
    /// Keep the runs in the body, if there are any, and flush all there are.
    Flush,
    /// What is the record of this run? The answer is empty where none is kept.
    Recorded(RunId),
    /// Forget the records of these runs.
    Forget(Vec<RunId>),
    /// Forget everything: the key is gone.
    Erase,
    /// Look at the database again.
    Refresh,
}

impl GateCall {
    /// The call that a request carries.
    pub fn read(request: &Request) -> worker::Result<Self> {
        let call = request.headers().get(CALL)?.unwrap_or_default();
        Ok(serde_json::from_str(&call)?)
    }
}

/// The object of a key.
pub fn name_of_key(key_hash: &str) -> String {
    format!("key:{key_hash}")
}

/// [`Gates`] by calling KeyGate objects.
pub struct GateStub {
    pub namespace: ObjectNamespace,
}

impl GateStub {
    async fn call(&self, key_hash: &str, what: GateAction, body: Option<String>) -> Result<Response, PortError> {
        let failed = |error: worker::Error| PortError(format!("Calling a key's gate failed: {error}"));
        let call = GateCall { key_hash: key_hash.to_owned(), what };
        let answer = async {
            let body = body.map(JsValue::from);
            let request = fetch::request("POST", &[(CALL, &serde_json::to_string(&call)?)], body.as_ref())?;
            let gate = self.namespace.get_by_name(&name_of_key(key_hash))?;
            fetch::at(&gate.into_rpc(), ADDRESS, &request).await
        };
        let response = answer.await.map_err(failed)?;
        match response.status() {
            200 => Ok(response),
            status => Err(PortError(format!("A key's gate answered {status}."))),
        }
    }
}

/// How long ended runs are collected for one gate before one call hands them over.
const COLLECT_MS: u32 = 50;
/// After this long whoever was to hand runs over is thought to be gone.
const ABANDONED_AFTER_MS: i64 = 1_000;

/// Ended runs that wait in this isolate for their gate, by the key's hash. They are text, not handles of the runtime, which
/// is why one request may hand over another's.
struct Records {
    lines: String,
    since: Timestamp,
}

thread_local! {
    static WAITING: RefCell<HashMap<String, Records>> = RefCell::default();
}

/// Puts a run, as a line, with those that wait. Answers whether the caller is to hand them over, and after how many milliseconds.
fn collect(key_hash: &str, record: String, now: Timestamp) -> Option<u32> {
    WAITING.with_borrow_mut(|waiting| match waiting.get_mut(key_hash) {
        None => {
            waiting.insert(key_hash.to_owned(), Records { lines: record, since: now });
            Some(COLLECT_MS)
        }
        Some(records) => {
            records.lines.push('\n');
            records.lines.push_str(&record);
            let is_abandoned = records.since.plus_ms(ABANDONED_AFTER_MS) <= now;
            if is_abandoned {
                records.since = now;
            }
            is_abandoned.then_some(0)
        }
    })
}

#[async_trait(?Send)]
impl Gates for GateStub {
    async fn ask(&self, key_hash: &str, ask: &CheckKey) -> Result<Decision, PortError> {
        let response = self.call(key_hash, GateAction::CheckKey(ask.clone()), None).await?;
        let decision = fetch::header(&response, DECISION).unwrap_or_default();
        serde_json::from_str(&decision).map_err(|error| PortError(format!("A key's gate gave no decision: {error}")))
    }

    async fn record(&self, key_hash: &str, run: FinishedRun) -> Result<(), PortError> {
        let Some(collecting) = collect(key_hash, run.to_line(), RuntimeClock.now()) else { return Ok(()) };
        RuntimeClock.sleep(collecting).await;
        let Some(records) = WAITING.with_borrow_mut(|waiting| waiting.remove(key_hash)) else { return Ok(()) };
        self.call(key_hash, GateAction::Record, Some(records.lines)).await.map(drop)
    }

    async fn flush(&self, key_hash: &str) -> Result<(), PortError> {
        let records = WAITING.with_borrow_mut(|waiting| waiting.remove(key_hash));
        self.call(key_hash, GateAction::Flush, records.map(|records| records.lines)).await.map(drop)
    }

    async fn recorded(&self, key_hash: &str, id: RunId) -> Result<Option<Vec<u8>>, PortError> {
        let response = self.call(key_hash, GateAction::Recorded(id), None).await?;
        let record = fetch::bytes(&response).await;
        let record = record.map_err(|error| PortError(format!("A key's gate broke off: {error}")))?;
        Ok((!record.is_empty()).then_some(record))
    }

    async fn forget(&self, key_hash: &str, ids: &[RunId]) -> Result<(), PortError> {
        self.call(key_hash, GateAction::Forget(ids.to_vec()), None).await.map(drop)
    }

    async fn erase(&self, key_hash: &str) -> Result<(), PortError> {
        self.call(key_hash, GateAction::Erase, None).await.map(drop)
    }

    async fn refresh(&self, key_hash: &str) -> Result<(), PortError> {
        self.call(key_hash, GateAction::Refresh, None).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn key_object_name_unchanged() {
        assert_eq!(name_of_key("ab"), "key:ab");
    }

    #[test]
    fn records_of_one_key_go_together_whoever_is_lost() {
        let give = |key: &str, record: &str, at| collect(key, record.to_owned(), Timestamp(at));
        assert_eq!(give("a", "1", 0), Some(COLLECT_MS), "the first one hands over");
        assert_eq!(give("b", "1", 0), Some(COLLECT_MS), "for its own gate");
        assert_eq!((give("a", "2", 10), give("a", "3", ABANDONED_AFTER_MS - 1)), (None, None));
        assert_eq!(give("a", "4", ABANDONED_AFTER_MS), Some(0), "whoever was to do it is gone");
        assert_eq!(give("a", "5", ABANDONED_AFTER_MS + 1), None);
        let lines = WAITING.with_borrow_mut(|waiting| waiting.remove("a")).map(|records| records.lines);
        assert_eq!(lines.as_deref(), Some("1\n2\n3\n4\n5"));
    }

    #[test]
    fn gate_call_format_unchanged() {
        let written = |what| serde_json::to_value(GateCall { key_hash: "ab".into(), what }).unwrap();
        let ask = json!({ "host": null, "counts": true });
        assert_eq!(
            written(GateAction::CheckKey(CheckKey { host: None, counts: true })),
            json!({ "keyHash": "ab", "what": { "checkKey": ask } })
        );
        assert_eq!(written(GateAction::Record), json!({ "keyHash": "ab", "what": "record" }));
        assert_eq!(written(GateAction::Flush), json!({ "keyHash": "ab", "what": "flush" }));
        let id = RunId::from_random([0; 16]);
        assert_eq!(written(GateAction::Recorded(id)), json!({ "keyHash": "ab", "what": { "recorded": id } }));
        assert_eq!(written(GateAction::Forget(vec![id])), json!({ "keyHash": "ab", "what": { "forget": [id] } }));
        assert_eq!(written(GateAction::Erase), json!({ "keyHash": "ab", "what": "erase" }));
        assert_eq!(written(GateAction::Refresh), json!({ "keyHash": "ab", "what": "refresh" }));
    }
}
