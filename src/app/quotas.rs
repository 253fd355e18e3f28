//! Quotas of accounts: why something is not made, and what an account uses.

use crate::app::context::App;
use crate::domain::account::quota::{Quota, QuotaExceeded, QuotaLimits};
use crate::domain::account::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::ports::PortError;
use crate::store::accounts;

/// Why something is not made.
#[derive(Debug, PartialEq, Eq)]
pub enum QuotaRefusal {
    /// The account has as much of it as it may.
    Exceeded(QuotaExceeded),
    /// The database does not respond.
    Failed(PortError),
}

impl From<PortError> for QuotaRefusal {
    fn from(error: PortError) -> Self {
        Self::Failed(error)
    }
}

/// One quota of an account, and how much of it is used.
pub struct QuotaUse {
    pub quota: Quota,
    pub used: f64,
    /// `None` where nothing limits it.
    pub limit: Option<u64>,
    pub resets_at: Option<Timestamp>,
}

impl QuotaUse {
    /// Whether four fifths of the limit are used.
    pub fn is_near(&self) -> bool {
        self.limit.is_some_and(|limit| self.used * 5.0 >= limit as f64 * 4.0)
    }
}

/// The limits of the account that is signed in.
pub fn limits(app: &App, session: &Session) -> QuotaLimits {
    app.config.quotas.for_account(session.is_trusted)
}

/// The refusal to make one more of what a quota limits.
pub fn full(app: &App, limits: &QuotaLimits, quota: Quota) -> QuotaRefusal {
    let limit = limits.of(quota).unwrap_or(u64::MAX);
    QuotaRefusal::Exceeded(QuotaExceeded::new(quota, limit, app.clock.now()))
}

/// How much an account has of what is counted in the database.
pub async fn counted(app: &App, session: &Session, quota: Quota) -> Result<QuotaUse, PortError> {
    let used = accounts::count(&*app.sql, &session.user_id, quota, app.clock.now()).await?;
    Ok(QuotaUse { quota, used: used as f64, limit: limits(app, session).of(quota), resets_at: None })
}

/// Every quota of the account that is signed in.
pub async fn of_account(app: &App, session: &Session) -> Result<Vec<QuotaUse>, PortError> {
    let (limits, now) = (limits(app, session), app.clock.now());
    let live = app.accounts.usage(&session.user_id).await?;
    let mut quotas = Vec::with_capacity(Quota::ALL.len());
    for quota in Quota::ALL {
        let used = match quota {
            Quota::Projects | Quota::Keys | Quota::Rooms | Quota::Sandboxes | Quota::SandboxMegabytes => {
                counted(app, session, quota).await?.used
            }
            Quota::RunsAtOnce => f64::from(live.running),
            Quota::SandboxesAwake => f64::from(app.awake_sandboxes.containers_of(&session.user_id).await?),
            Quota::ContainersAtOnce => f64::from(app.fleet.containers_of(&session.user_id).await?),
            Quota::SharedCpuSeconds => match live.shared {
                Some(shared) => shared.of(quota),
                None => continue,
            },
            Quota::CpuSeconds | Quota::EgressMegabytes | Quota::Executions | Quota::AiCalls | Quota::AiNeurons => {
                live.today.of(quota)
            }
        };
        quotas.push(QuotaUse { quota, used, limit: limits.of(quota), resets_at: quota.resets_at(now) });
    }
    Ok(quotas)
}
