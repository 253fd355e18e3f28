//! The calls of a KeyGate object, and the stub that sends them.

use crate::domain::account::amounts::Amounts;
use crate::domain::key::gate::{CheckKey, Decision};
use crate::objects::call::{self, Answer, CallError, ObjectCall};
use crate::ports::{KeyGates, PortError};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use worker::ObjectNamespace;

/// The calls of a KeyGate object; [`KeyGates`] documents what each of them does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GateCall {
    /// The answer is a [`Decision`].
    Check(CheckKey),
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
}

impl KeyGateStub {
    async fn call(&self, key_hash: &str, gate_call: GateCall) -> Result<Answer, PortError> {
        let answer = call::call(&self.namespace, &object_of_key(key_hash), &gate_call, None, None).await;
        answer.map_err(|error| match error {
            CallError::Refused(()) => PortError("A key's gate refused a call.".to_owned()),
            CallError::Lost(why) => PortError(format!("Calling a key's gate failed: {why}")),
        })
    }
}

#[async_trait(?Send)]
impl KeyGates for KeyGateStub {
    async fn check(&self, key_hash: &str, check: &CheckKey) -> Result<Decision, PortError> {
        let answer = self.call(key_hash, GateCall::Check(check.clone())).await?;
        let decision = answer.value().map_err(|error| PortError(format!("A decision is unreadable: {error}")))?;
        decision.ok_or_else(|| PortError("A key's gate made no decision.".to_owned()))
    }

    async fn erase(&self, key_hash: &str) -> Result<(), PortError> {
        self.call(key_hash, GateCall::Erase).await.map(drop)
    }

    async fn refresh(&self, key_hash: &str) -> Result<(), PortError> {
        self.call(key_hash, GateCall::Refresh).await.map(drop)
    }

    async fn note_use(&self, key_hash: &str, amounts: Amounts) -> Result<(), PortError> {
        self.call(key_hash, GateCall::NoteUse(amounts)).await.map(drop)
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
        let check = GateCall::Check(CheckKey { host: None, counts: true, ..CheckKey::default() });
        assert_eq!(written(check), json!({ "check": { "host": null, "counts": true } }));
        assert_eq!(written(GateCall::Erase), json!("erase"));
        assert_eq!(written(GateCall::Refresh), json!("refresh"));
        let amounts = Amounts { ai_calls: 2, ai_neurons: 30, ..Amounts::default() };
        let expected =
            json!({ "noteUse": { "cpuMs": 0, "egressBytes": 0, "executions": 0, "aiCalls": 2, "aiNeurons": 30 } });
        assert_eq!(written(GateCall::NoteUse(amounts)), expected);
    }

    #[test]
    fn a_check_is_never_sent_twice() {
        assert!(!GateCall::Check(CheckKey { host: None, counts: true, ..CheckKey::default() }).may_repeat());
        assert!([GateCall::Erase, GateCall::Refresh].iter().all(GateCall::may_repeat));
    }
}
