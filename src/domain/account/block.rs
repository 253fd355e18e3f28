//! The block that a holder has of its account: what it may use without asking, and when it asks again.

use crate::domain::account::amounts::Amounts;
use crate::domain::account::lease::{Grant, LEASE_MS, LeaseRequest};
use crate::domain::account::quota::{Quota, QuotaExceeded};
use crate::domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// What the pool of a project wants to have: a minute of processor time, and 100 MB over the network.
pub const POOL_BLOCK: Amounts =
    Amounts { cpu_ms: 60_000, egress_bytes: 100_000_000, executions: 0, ai_calls: 0, ai_neurons: 0 };
/// What the gate of a key wants to have.
pub const GATE_BLOCK: Amounts = Amounts { cpu_ms: 0, egress_bytes: 0, executions: 50, ai_calls: 10, ai_neurons: 500 };
/// A block that is not used is given back this long before its lease ends, in milliseconds.
const GIVEN_BACK_MS: i64 = 60_000;
/// Runs that a pool may have in progress before it asks for more.
pub const POOL_RUNS: u32 = 4;

/// A block of an account's quotas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Block {
    /// The id of the lease.
    pub lease: String,
    /// What was used since the lease began.
    pub used: Amounts,
    pub grant: Grant,
}

impl Block {
    /// The block after the answer to `request`: the one that is held, if the request has renewed it, or else a new one.
    pub fn granted(held: Option<Self>, request: LeaseRequest, grant: Grant) -> Self {
        match held.filter(|block| block.lease == request.lease) {
            Some(mut block) => {
                block.renew(grant);
                block
            }
            None => Self { lease: request.lease, used: request.used, grant },
        }
    }

    /// When a holder that does not use it gives it back.
    pub fn given_back_at(&self) -> Timestamp {
        self.grant.until.plus_ms(-GIVEN_BACK_MS)
    }

    /// What is left of it.
    pub fn left(&self) -> Amounts {
        self.grant.granted.minus(self.used)
    }

    /// Whether its lease goes on.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        now < self.grant.until
    }

    /// Notes what was used.
    pub fn spend(&mut self, amounts: Amounts) {
        self.used = self.used.plus(amounts);
    }

    /// Whether to ask for more: half of a block or of the time is used up. Of what is exhausted there is no more.
    pub fn is_low(&self, block: Amounts, now: Timestamp) -> bool {
        let half = |whole: u64, quotas: &[Quota]| if self.exhausted(quotas).is_some() { 0 } else { whole / 2 };
        let half = Amounts {
            cpu_ms: half(block.cpu_ms, &[Quota::CpuSeconds, Quota::SharedCpuSeconds]),
            egress_bytes: half(block.egress_bytes, &[Quota::EgressMegabytes]),
            executions: half(block.executions, &[Quota::Executions]),
            ai_calls: half(block.ai_calls, &[Quota::AiCalls]),
            ai_neurons: half(block.ai_neurons, &[Quota::AiNeurons]),
        };
        self.left().lacks(half) || self.grant.until.0 - now.0 < LEASE_MS / 2
    }

    /// The request that renews it.
    pub fn renewal(&self, wants: Amounts, running: u32, wants_runs: u32) -> LeaseRequest {
        LeaseRequest { lease: self.lease.clone(), used: self.used, wants, running, wants_runs }
    }

    /// Takes the answer to a renewal. An answer that comes late takes nothing back that a later one has granted.
    pub fn renew(&mut self, grant: Grant) {
        if grant.until >= self.grant.until {
            self.grant = grant;
        }
    }

    /// Why there is nothing left of a quota, or of another that limits the same.
    pub fn exhausted(&self, quotas: &[Quota]) -> Option<QuotaExceeded> {
        self.grant.exhausted.iter().copied().find(|exhausted| quotas.contains(&exhausted.quota))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn block() -> Block {
        let granted = Amounts { cpu_ms: 60_000, egress_bytes: 100_000_000, ..Amounts::default() };
        let grant = Grant { granted, runs: 4, until: Timestamp(LEASE_MS), exhausted: Vec::new() };
        Block { lease: "l".into(), used: Amounts::default(), grant }
    }

    #[test]
    fn block_format_unchanged() {
        let amounts = |cpu_ms, bytes| json!({ "cpuMs": cpu_ms, "egressBytes": bytes, "executions": 0, "aiCalls": 0, "aiNeurons": 0 });
        let expected = json!({
            "lease": "l", "used": amounts(0, 0),
            "grant": { "granted": amounts(60_000, 100_000_000), "runs": 4, "until": LEASE_MS },
        });
        assert_eq!(serde_json::to_value(block()).unwrap(), expected);
        assert_eq!(serde_json::from_value::<Block>(expected).unwrap(), block());
    }

    #[test]
    fn a_block_is_low_when_half_of_it_or_of_its_time_is_over() {
        let mut block = block();
        assert!(!block.is_low(POOL_BLOCK, Timestamp(0)));
        assert!(block.is_low(POOL_BLOCK, Timestamp(LEASE_MS / 2 + 1)));
        block.spend(Amounts { cpu_ms: 30_000, ..Amounts::default() });
        assert!(!block.is_low(POOL_BLOCK, Timestamp(0)));
        block.spend(Amounts { cpu_ms: 1, ..Amounts::default() });
        assert!(block.is_low(POOL_BLOCK, Timestamp(0)));
        assert_eq!(block.renewal(POOL_BLOCK, 1, 4).used.cpu_ms, 30_001);
    }

    #[test]
    fn an_answer_that_came_late_took_a_later_grant_back() {
        let mut block = block();
        let late = Grant { granted: Amounts::default(), runs: 0, until: Timestamp(1), exhausted: Vec::new() };
        block.renew(late);
        assert_eq!((block.grant.runs, block.left().cpu_ms), (4, 60_000));
    }
}
