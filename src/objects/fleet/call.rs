//! The calls of a Fleet object, and the stub that sends them.

use crate::domain::pool::fleet::{Admission, Renewal};
use crate::objects::call::{self, Answer, CallError, ObjectCall};
use crate::ports::PortError;
use crate::ports::fleet::Fleet;
use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use worker::ObjectNamespace;

/// The calls of a Fleet object; [`Fleet`] documents what each of them does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FleetCall {
    /// The answer is an [`Admission`].
    Ask {
        object: String,
        account: String,
    },
    /// The answer is a [`Renewal`].
    Renew {
        object: String,
        account: String,
        running: u32,
    },
    Release {
        object: String,
    },
    /// The answer is a number.
    ContainersOf {
        account: String,
    },
}

impl ObjectCall for FleetCall {
    /// The object has logged why.
    type Refusal = ();

    fn may_repeat(&self) -> bool {
        true
    }
}

/// The name of the object of the class of containers that execute runs.
pub const RUN_CONTAINERS: &str = "fleet:run";

/// The name of the object of the sandboxes that are awake.
pub const AWAKE_SANDBOXES: &str = "fleet:sandbox";

/// [`Fleet`] by calling the object of this name.
pub struct FleetStub {
    pub namespace: ObjectNamespace,
    pub name: &'static str,
}

impl FleetStub {
    async fn call(&self, fleet_call: &FleetCall) -> Result<Answer, PortError> {
        let answer = call::call(&self.namespace, self.name, fleet_call, None, None).await;
        answer.map_err(|error| match error {
            CallError::Refused(()) => PortError("The fleet refused a call.".to_owned()),
            CallError::Lost(why) => PortError(format!("Calling the fleet failed: {why}")),
        })
    }

    async fn value<T: DeserializeOwned>(&self, fleet_call: &FleetCall) -> Result<T, PortError> {
        let value = self.call(fleet_call).await?.value();
        let value = value.map_err(|error| PortError(format!("The answer of the fleet is unreadable: {error}")))?;
        value.ok_or_else(|| PortError("The fleet answered without a value.".to_owned()))
    }
}

#[async_trait(?Send)]
impl Fleet for FleetStub {
    async fn ask(&self, object: &str, account: &str) -> Result<Admission, PortError> {
        self.value(&FleetCall::Ask { object: object.to_owned(), account: account.to_owned() }).await
    }

    async fn renew(&self, object: &str, account: &str, running: u32) -> Result<Renewal, PortError> {
        self.value(&FleetCall::Renew { object: object.to_owned(), account: account.to_owned(), running }).await
    }

    async fn release(&self, object: &str) -> Result<(), PortError> {
        self.call(&FleetCall::Release { object: object.to_owned() }).await.map(drop)
    }

    async fn containers_of(&self, account: &str) -> Result<u32, PortError> {
        self.value(&FleetCall::ContainersOf { account: account.to_owned() }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fleet_call_format_unchanged() {
        let written = |call: FleetCall| serde_json::to_value(call).unwrap();
        let (object, account) = ("pool:p".to_owned(), "u".to_owned());
        let ask = FleetCall::Ask { object: object.clone(), account: account.clone() };
        assert_eq!(written(ask), json!({ "ask": { "object": "pool:p", "account": "u" } }));
        let renew = FleetCall::Renew { object: object.clone(), account: account.clone(), running: 2 };
        assert_eq!(written(renew), json!({ "renew": { "object": "pool:p", "account": "u", "running": 2 } }));
        assert_eq!(written(FleetCall::Release { object }), json!({ "release": { "object": "pool:p" } }));
        assert_eq!(written(FleetCall::ContainersOf { account }), json!({ "containersOf": { "account": "u" } }));
    }
}
