//! Quotas: what an account may have, do at once, and use in a day.

use crate::domain::timestamp::{DAY_MS, Timestamp};
use serde::{Deserialize, Serialize};

/// What is limited for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quota {
    Projects,
    Keys,
    Rooms,
    Sandboxes,
    SandboxesAwake,
    /// Megabytes of saved files and snapshots of sandboxes.
    SandboxMegabytes,
    RunsAtOnce,
    ContainersAtOnce,
    /// Processor time of programs in a day.
    CpuSeconds,
    /// Megabytes that programs send over the network in a day.
    EgressMegabytes,
    /// Executions of scripts in a day.
    Executions,
    /// Calls of models in a day.
    AiCalls,
    /// The price of these calls in a day.
    AiNeurons,
    /// Processor time in a day of all accounts together that the operator has not marked as trusted.
    SharedCpuSeconds,
}

/// When a quota has room again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// When something is deleted, or ends.
    Standing,
    /// At the next midnight in UTC.
    Day,
}

impl Quota {
    /// Every quota, in the order in which they are listed.
    pub const ALL: [Self; 14] = [
        Self::Projects,
        Self::Keys,
        Self::Rooms,
        Self::Sandboxes,
        Self::SandboxesAwake,
        Self::SandboxMegabytes,
        Self::RunsAtOnce,
        Self::ContainersAtOnce,
        Self::CpuSeconds,
        Self::EgressMegabytes,
        Self::Executions,
        Self::AiCalls,
        Self::AiNeurons,
        Self::SharedCpuSeconds,
    ];

    /// The name in responses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Projects => "projects",
            Self::Keys => "keys",
            Self::Rooms => "rooms",
            Self::Sandboxes => "sandboxes",
            Self::SandboxesAwake => "sandboxes_awake",
            Self::SandboxMegabytes => "sandbox_megabytes",
            Self::RunsAtOnce => "runs_at_once",
            Self::ContainersAtOnce => "containers_at_once",
            Self::CpuSeconds => "cpu_seconds",
            Self::EgressMegabytes => "egress_megabytes",
            Self::Executions => "executions",
            Self::AiCalls => "ai_calls",
            Self::AiNeurons => "ai_neurons",
            Self::SharedCpuSeconds => "shared_cpu_seconds",
        }
    }

    /// The variable with which a deployment sets it.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Projects => "QUOTA_PROJECTS",
            Self::Keys => "QUOTA_KEYS",
            Self::Rooms => "QUOTA_ROOMS",
            Self::Sandboxes => "QUOTA_SANDBOXES",
            Self::SandboxesAwake => "QUOTA_SANDBOXES_AWAKE",
            Self::SandboxMegabytes => "QUOTA_SANDBOX_MEGABYTES",
            Self::RunsAtOnce => "QUOTA_RUNS_AT_ONCE",
            Self::ContainersAtOnce => "QUOTA_CONTAINERS_AT_ONCE",
            Self::CpuSeconds => "QUOTA_CPU_SECONDS",
            Self::EgressMegabytes => "QUOTA_EGRESS_MEGABYTES",
            Self::Executions => "QUOTA_EXECUTIONS",
            Self::AiCalls => "QUOTA_AI_CALLS",
            Self::AiNeurons => "QUOTA_AI_NEURONS",
            Self::SharedCpuSeconds => "QUOTA_SHARED_CPU_SECONDS",
        }
    }

    /// The limit of a deployment that sets none: generous for one person, and harmless for the operator.
    ///
    /// A day of the highest use costs the operator about one dollar at the prices in docs/deploy.md: an hour of processor time
    /// $0.07, three containers for a day $2.70 at worst, a gigabyte of egress $0.03, 500 executions $1.00 when they
    /// are billed, 5,000 neurons $0.06. The
    /// processor time that all strangers share costs $1.44.
    const fn default_limit(self) -> u64 {
        match self {
            Self::Projects => 20,
            Self::Keys => 100,
            Self::Rooms => 500,
            Self::Sandboxes => 100,
            Self::SandboxesAwake => 3,
            Self::SandboxMegabytes => 10_000,
            Self::RunsAtOnce => 20,
            Self::ContainersAtOnce => 3,
            Self::CpuSeconds => 3_600,
            Self::EgressMegabytes => 1_000,
            Self::Executions => 500,
            Self::AiCalls => 100,
            Self::AiNeurons => 5_000,
            Self::SharedCpuSeconds => 72_000,
        }
    }

    /// Whether it also holds for an account that the operator trusts: containers and runs at once are shared with other
    /// accounts, and models cost money with each call.
    const fn holds_for_trusted(self) -> bool {
        matches!(
            self,
            Self::SandboxesAwake | Self::RunsAtOnce | Self::ContainersAtOnce | Self::AiCalls | Self::AiNeurons
        )
    }

    /// When it has room again.
    pub const fn period(self) -> Period {
        match self {
            Self::Projects
            | Self::Keys
            | Self::Rooms
            | Self::Sandboxes
            | Self::SandboxesAwake
            | Self::SandboxMegabytes
            | Self::RunsAtOnce
            | Self::ContainersAtOnce => Period::Standing,
            Self::CpuSeconds
            | Self::EgressMegabytes
            | Self::Executions
            | Self::AiCalls
            | Self::AiNeurons
            | Self::SharedCpuSeconds => Period::Day,
        }
    }

    /// When it is counted from zero again, if it is counted by the day.
    pub fn resets_at(self, now: Timestamp) -> Option<Timestamp> {
        match self.period() {
            Period::Standing => None,
            Period::Day => Some(end_of_day(now)),
        }
    }
}

/// The next midnight in UTC.
pub fn end_of_day(now: Timestamp) -> Timestamp {
    Timestamp((day_of(now) + 1) * DAY_MS)
}

/// The number of a day since 1970.
pub fn day_of(now: Timestamp) -> i64 {
    now.0.div_euclid(DAY_MS)
}

/// The limits of an account; `None` for what is not limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaLimits([Option<u64>; Quota::ALL.len()]);

impl Default for QuotaLimits {
    fn default() -> Self {
        Self(Quota::ALL.map(|quota| Some(quota.default_limit())))
    }
}

impl QuotaLimits {
    /// Limits that limit nothing.
    pub const UNLIMITED: Self = Self([None; Quota::ALL.len()]);

    /// The limit of one quota.
    pub fn of(&self, quota: Quota) -> Option<u64> {
        Quota::ALL.iter().position(|one| *one == quota).and_then(|index| self.0[index])
    }

    /// The same with another limit of one quota.
    pub fn with(mut self, quota: Quota, limit: Option<u64>) -> Self {
        if let Some(index) = Quota::ALL.iter().position(|one| *one == quota) {
            self.0[index] = limit;
        }
        self
    }

    /// The limits of an account, which the operator trusts or does not.
    pub fn for_account(self, is_trusted: bool) -> Self {
        if !is_trusted {
            return self;
        }
        Quota::ALL
            .into_iter()
            .filter(|quota| !quota.holds_for_trusted())
            .fold(self, |limits, quota| limits.with(quota, None))
    }

    /// The limit of one quota as a number for comparisons in SQL, which knows no infinity.
    pub fn at_most(&self, quota: Quota) -> i64 {
        self.of(quota).and_then(|limit| i64::try_from(limit).ok()).unwrap_or(i64::MAX)
    }
}

/// A quota that has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuotaExceeded {
    pub quota: Quota,
    pub limit: u64,
    /// When it is counted from zero again; `None` if it has room when something is deleted or ends.
    pub resets_at: Option<Timestamp>,
}

impl QuotaExceeded {
    /// The quota with its limit, as of now.
    pub fn new(quota: Quota, limit: u64, now: Timestamp) -> Self {
        Self { quota, limit, resets_at: quota.resets_at(now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn quota_format_unchanged() {
        let names: Vec<&str> = Quota::ALL.iter().map(|quota| quota.name()).collect();
        assert_eq!(
            names.join(" "),
            "projects keys rooms sandboxes sandboxes_awake sandbox_megabytes runs_at_once containers_at_once cpu_seconds egress_megabytes executions ai_calls ai_neurons shared_cpu_seconds"
        );
        for quota in Quota::ALL {
            assert_eq!(serde_json::to_value(quota).unwrap(), quota.name());
            assert_eq!(quota.variable(), format!("QUOTA_{}", quota.name().to_uppercase()));
        }
        let exceeded = QuotaExceeded::new(Quota::Executions, 5, Timestamp(DAY_MS));
        let expected = json!({ "quota": "executions", "limit": 5, "resetsAt": 2 * DAY_MS });
        assert_eq!(serde_json::to_value(exceeded).unwrap(), expected);
        let limits = QuotaLimits::UNLIMITED.with(Quota::Projects, Some(1));
        let written = json!([1, null, null, null, null, null, null, null, null, null, null, null, null, null]);
        assert_eq!(serde_json::to_value(limits).unwrap(), written);
    }

    #[test]
    fn a_trusted_account_keeps_the_limits_of_what_it_shares_with_others() {
        let trusted = QuotaLimits::default().for_account(true);
        let limited = Quota::ALL.into_iter().filter(|quota| trusted.of(*quota).is_some());
        let expected =
            [Quota::SandboxesAwake, Quota::RunsAtOnce, Quota::ContainersAtOnce, Quota::AiCalls, Quota::AiNeurons];
        assert_eq!(limited.collect::<Vec<_>>(), expected);
        assert_eq!(QuotaLimits::default().for_account(false), QuotaLimits::default());
        assert_eq!((trusted.at_most(Quota::Projects), trusted.at_most(Quota::AiCalls)), (i64::MAX, 100));
    }

    #[test]
    fn a_day_ends_at_midnight_in_utc() {
        assert_eq!(end_of_day(Timestamp(0)), Timestamp(DAY_MS));
        assert_eq!(end_of_day(Timestamp(DAY_MS - 1)), Timestamp(DAY_MS));
        assert_eq!(end_of_day(Timestamp(-1)), Timestamp(0));
        assert_eq!(Quota::Rooms.resets_at(Timestamp(0)), None);
    }
}
