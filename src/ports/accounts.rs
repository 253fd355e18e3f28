//! Accounts and what they may use.

use crate::domain::account::amounts::Amounts;
use crate::domain::account::lease::{Grant, LeaseRequest};
use crate::ports::error::PortError;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// The quotas of accounts, by the id of the account. Every method may be repeated.
#[async_trait(?Send)]
pub trait Accounts {
    /// Begins or renews a lease. After an error the lease may have been granted; it then ends by itself.
    async fn lease(&self, account: &str, request: &LeaseRequest) -> Result<LeaseAnswer, PortError>;
    /// Ends a lease. What its holder has not used is free again.
    async fn end_lease(&self, account: &str, lease: &str, used: &Amounts) -> Result<(), PortError>;
    /// What the account uses now.
    async fn usage(&self, account: &str) -> Result<AccountUsage, PortError>;
}

/// The answer to the request for a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LeaseAnswer {
    Granted(Grant),
    /// The operator has suspended the account. Nothing of it runs any more.
    Suspended,
}

/// What an account uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountUsage {
    /// Used today.
    pub today: Amounts,
    /// Runs in progress.
    pub running: u32,
    /// Used today by all accounts together that are not trusted; `None` if that is not limited for this account.
    pub shared: Option<Amounts>,
}

/// What the operator has decided about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    pub is_trusted: bool,
    pub is_suspended: bool,
}

/// The database of accounts, as the objects that share out quotas use it.
#[async_trait(?Send)]
pub trait AccountLedger {
    /// What the operator has decided about an account; `None` if it was deleted.
    async fn standing(&self, account: &str) -> Result<Option<Standing>, PortError>;
    /// The account that owns a project; `None` if nobody owns it, or if it was deleted.
    async fn owner_of(&self, project_id: &str) -> Result<Option<String>, PortError>;
}
