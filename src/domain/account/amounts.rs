//! Amounts of what is counted by the day.

use crate::domain::account::quota::{Quota, QuotaLimits};
use serde::{Deserialize, Serialize};

/// Bytes.
pub const MEGABYTE: u64 = 1_000_000;

/// An amount of each quota that is counted by the day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Amounts {
    /// Processor time of programs, in milliseconds.
    pub cpu_ms: u64,
    /// Bytes that programs send over the network.
    pub egress_bytes: u64,
    /// Executions of scripts.
    pub executions: u64,
    /// Calls of models.
    pub ai_calls: u64,
    /// The price of these calls in neurons.
    pub ai_neurons: u64,
}

impl Amounts {
    /// The most of everything.
    pub const MAX: Self = Self {
        cpu_ms: u64::MAX,
        egress_bytes: u64::MAX,
        executions: u64::MAX,
        ai_calls: u64::MAX,
        ai_neurons: u64::MAX,
    };

    /// What the limits of an account allow in a day.
    pub fn limited_by(limits: &QuotaLimits) -> Self {
        let of = |quota, unit: u64| limits.of(quota).map_or(u64::MAX, |limit| limit.saturating_mul(unit));
        Self {
            cpu_ms: of(Quota::CpuSeconds, 1_000),
            egress_bytes: of(Quota::EgressMegabytes, MEGABYTE),
            executions: of(Quota::Executions, 1),
            ai_calls: of(Quota::AiCalls, 1),
            ai_neurons: of(Quota::AiNeurons, 1),
        }
    }

    /// The amount of one quota, in its own unit.
    pub fn of(&self, quota: Quota) -> f64 {
        match quota {
            Quota::CpuSeconds | Quota::SharedCpuSeconds => self.cpu_ms as f64 / 1_000.0,
            Quota::EgressMegabytes => self.egress_bytes as f64 / MEGABYTE as f64,
            Quota::Executions => self.executions as f64,
            Quota::AiCalls => self.ai_calls as f64,
            Quota::AiNeurons => self.ai_neurons as f64,
            Quota::Projects
            | Quota::Keys
            | Quota::Rooms
            | Quota::Sandboxes
            | Quota::SandboxesAwake
            | Quota::SandboxMegabytes
            | Quota::RunsAtOnce
            | Quota::ContainersAtOnce => 0.0,
        }
    }

    /// The sum.
    pub fn plus(self, other: Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    /// The difference, or nothing where `other` is more.
    pub fn minus(self, other: Self) -> Self {
        self.with(other, u64::saturating_sub)
    }

    /// The smaller of each.
    pub fn min(self, other: Self) -> Self {
        self.with(other, u64::min)
    }

    /// The larger of each.
    pub fn max(self, other: Self) -> Self {
        self.with(other, u64::max)
    }

    /// Whether `self` is less than `other` in anything.
    pub fn lacks(self, other: Self) -> bool {
        other.minus(self) != Self::default()
    }

    fn with(self, other: Self, combine: fn(u64, u64) -> u64) -> Self {
        Self {
            cpu_ms: combine(self.cpu_ms, other.cpu_ms),
            egress_bytes: combine(self.egress_bytes, other.egress_bytes),
            executions: combine(self.executions, other.executions),
            ai_calls: combine(self.ai_calls, other.ai_calls),
            ai_neurons: combine(self.ai_neurons, other.ai_neurons),
        }
    }
}
