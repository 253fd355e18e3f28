//! The calls of an Account object, and the stub that sends them.

use crate::domain::account::amounts::Amounts;
use crate::domain::account::lease::LeaseRequest;
use crate::objects::call::{self, Answer, CallError, ObjectCall};
use crate::ports::PortError;
use crate::ports::accounts::{AccountUsage, Accounts, LeaseAnswer};
use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use worker::ObjectNamespace;

/// The calls of an Account object; [`Accounts`] documents what each of them does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AccountCall {
    /// The answer is a [`LeaseAnswer`].
    Lease(LeaseRequest),
    EndLease {
        lease: String,
        used: Amounts,
    },
    /// The answer is an [`AccountUsage`].
    Usage,
}

impl ObjectCall for AccountCall {
    /// The object has logged why.
    type Refusal = ();

    fn may_repeat(&self) -> bool {
        true
    }
}

const PREFIX: &str = "account:";

/// The name of an account's object.
pub fn object_of_account(account: &str) -> String {
    format!("{PREFIX}{account}")
}

/// The account whose object has this name.
pub fn account_of_object(object: &str) -> Option<&str> {
    object.strip_prefix(PREFIX).filter(|account| !account.is_empty())
}

/// [`Accounts`] by calling Account objects.
pub struct AccountStub {
    pub namespace: ObjectNamespace,
}

impl AccountStub {
    async fn call(&self, account: &str, account_call: &AccountCall) -> Result<Answer, PortError> {
        let answer = call::call(&self.namespace, &object_of_account(account), account_call, None, None).await;
        answer.map_err(|error| match error {
            CallError::Refused(()) => PortError("The object of an account refused a call.".to_owned()),
            CallError::Lost(why) => PortError(format!("Calling the object of an account failed: {why}")),
        })
    }

    async fn value<T: DeserializeOwned>(&self, account: &str, account_call: &AccountCall) -> Result<T, PortError> {
        let value = self.call(account, account_call).await?.value();
        let value = value.map_err(|error| PortError(format!("The answer of an account is unreadable: {error}")))?;
        value.ok_or_else(|| PortError("The object of an account answered without a value.".to_owned()))
    }
}

#[async_trait(?Send)]
impl Accounts for AccountStub {
    async fn lease(&self, account: &str, request: &LeaseRequest) -> Result<LeaseAnswer, PortError> {
        self.value(account, &AccountCall::Lease(request.clone())).await
    }

    async fn end_lease(&self, account: &str, lease: &str, used: &Amounts) -> Result<(), PortError> {
        let call = AccountCall::EndLease { lease: lease.to_owned(), used: *used };
        self.call(account, &call).await.map(drop)
    }

    async fn usage(&self, account: &str) -> Result<AccountUsage, PortError> {
        self.value(account, &AccountCall::Usage).await
    }
}

/// [`Accounts`] of a deployment that has none: every use fails with this error.
pub struct NoAccounts(pub PortError);

#[async_trait(?Send)]
impl Accounts for NoAccounts {
    async fn lease(&self, _account: &str, _request: &LeaseRequest) -> Result<LeaseAnswer, PortError> {
        Err(self.0.clone())
    }

    async fn end_lease(&self, _account: &str, _lease: &str, _used: &Amounts) -> Result<(), PortError> {
        Err(self.0.clone())
    }

    async fn usage(&self, _account: &str) -> Result<AccountUsage, PortError> {
        Err(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn account_object_name_unchanged() {
        assert_eq!(object_of_account("user_1"), "account:user_1");
        assert_eq!(account_of_object("account:user_1"), Some("user_1"));
        for other in ["", "account:", "key:user_1"] {
            assert_eq!(account_of_object(other), None, "{other}");
        }
    }

    #[test]
    fn account_call_format_unchanged() {
        let written = |call: AccountCall| serde_json::to_value(call).unwrap();
        let none = json!({ "cpuMs": 0, "egressBytes": 0, "executions": 0, "aiCalls": 0, "aiNeurons": 0 });
        let end = AccountCall::EndLease { lease: "l".into(), used: Amounts::default() };
        assert_eq!(written(end), json!({ "endLease": { "lease": "l", "used": none } }));
        assert_eq!(written(AccountCall::Usage), json!("usage"));
        let usage = AccountUsage::default();
        assert_eq!(serde_json::to_value(usage).unwrap(), json!({ "today": none, "running": 0, "shared": null }));
        assert_eq!(serde_json::to_value(LeaseAnswer::Suspended).unwrap(), json!("suspended"));
    }
}
