//! Leases: how an account shares out what it may use among the objects that use it.
//!
//! A holder (the pool of a project, the gate of a key) gets a block of each daily quota and uses it without asking. All numbers
//! of a lease are totals since the lease began, so a request that is repeated changes nothing. A lease that its holder does not
//! renew ends by itself; what it was granted then counts as used, because its holder may have used it. A holder that ends its
//! lease gives back what it has not used.

use crate::domain::account::amounts::Amounts;
use crate::domain::account::quota::{Quota, QuotaExceeded, QuotaLimits, day_of};
use crate::domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A lease ends this long after its last renewal, in milliseconds. A container stays for ten minutes without a run, so the pool
/// of a warm container has a lease.
pub const LEASE_MS: i64 = 900_000;

/// What a holder asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaseRequest {
    /// The id of the lease, which the holder has made.
    pub lease: String,
    /// What the holder has used since the lease began.
    pub used: Amounts,
    /// What it wants to have beyond that.
    pub wants: Amounts,
    /// Runs that it has in progress. A lease without any counts as none of the account's runs at once.
    pub running: u32,
    /// Runs that it wants to have in progress.
    pub wants_runs: u32,
}

/// What a holder gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// What the holder may use in all since the lease began.
    pub granted: Amounts,
    /// Runs that it may have in progress.
    pub runs: u32,
    /// When the lease ends unless it is renewed.
    pub until: Timestamp,
    /// The quotas that have no room for what the holder wants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exhausted: Vec<QuotaExceeded>,
}

/// A lease as the account knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lease {
    /// What was used when the day began.
    base: Amounts,
    used: Amounts,
    granted: Amounts,
    running: u32,
    runs: u32,
    until: Timestamp,
}

impl Lease {
    /// What others cannot have today.
    fn taken(&self) -> Amounts {
        self.granted.max(self.used).minus(self.base)
    }

    /// Runs of the account's runs at once that others cannot have.
    fn taken_runs(&self) -> u32 {
        if self.running == 0 { 0 } else { self.runs.max(self.running) }
    }
}

/// What an account has used today, and its leases.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountState {
    day: i64,
    /// What was used today under leases that have ended.
    ended: Amounts,
    /// What was used under all leases, since the account has stored something.
    total: Amounts,
    leases: BTreeMap<String, Lease>,
}

impl AccountState {
    /// Begins or renews a lease. `most` is the most that this call may grant beyond what is used, whatever the limits say.
    pub fn lease(&mut self, request: &LeaseRequest, limits: &QuotaLimits, most: Amounts, now: Timestamp) -> Grant {
        self.advance(now);
        self.note_use(&request.lease, request.used);
        let others = self.taken_by_others(&request.lease);
        let free_runs = u64::from(
            self.leases.iter().filter(|(id, _)| **id != request.lease).map(|(_, one)| one.taken_runs()).sum::<u32>(),
        );
        let lease = self.leases.get(&request.lease);
        let base = lease.map_or(request.used, |lease| lease.base);
        let used = lease.map_or(request.used, |lease| lease.used);
        let room = Amounts::limited_by(limits).minus(others).minus(used.minus(base));
        let granted = used.plus(request.wants.min(room).min(most));
        let max_runs = limits.of(Quota::RunsAtOnce);
        let runs = max_runs.map_or(request.wants_runs, |max| {
            u32::try_from(max.saturating_sub(free_runs)).unwrap_or(u32::MAX).min(request.wants_runs)
        });
        let until = now.plus_ms(LEASE_MS);
        let lease = Lease { base, used, granted, running: request.running, runs, until };
        self.leases.insert(request.lease.clone(), lease);
        let exhausted = exhausted(request, limits, room, runs, now);
        Grant { granted, runs, until, exhausted }
    }

    /// Notes what a holder has used.
    pub fn report(&mut self, lease: &str, used: Amounts) {
        self.note_use(lease, used);
    }

    /// Ends a lease. What its holder has not used is free again.
    pub fn end(&mut self, lease: &str, used: Amounts, now: Timestamp) {
        self.advance(now);
        if !self.leases.contains_key(lease) {
            return;
        }
        self.note_use(lease, used);
        if let Some(lease) = self.leases.remove(lease) {
            self.ended = self.ended.plus(lease.used.minus(lease.base));
        }
    }

    /// Begins a new day if it is one, and ends the leases that nobody has renewed.
    pub fn advance(&mut self, now: Timestamp) {
        let over: Vec<String> =
            self.leases.iter().filter(|(_, lease)| lease.until <= now).map(|(id, _)| id.clone()).collect();
        for id in over {
            if let Some(lease) = self.leases.remove(&id) {
                self.ended = self.ended.plus(lease.taken());
                self.total = self.total.plus(lease.granted.minus(lease.used));
            }
        }
        let today = day_of(now);
        if self.day != today {
            self.day = today;
            self.ended = Amounts::default();
            for lease in self.leases.values_mut() {
                lease.base = lease.used;
            }
        }
    }

    /// What was used today, as far as the holders have said.
    pub fn used(&self) -> Amounts {
        self.leases.values().fold(self.ended, |sum, lease| sum.plus(lease.used.minus(lease.base)))
    }

    /// What was used since the account has stored something. It never falls.
    pub fn total(&self) -> Amounts {
        self.total
    }

    /// What holders may still use of what they were granted.
    pub fn outstanding(&self, except: &str) -> Amounts {
        let others = self.leases.iter().filter(|(id, _)| *id != except);
        others.fold(Amounts::default(), |sum, (_, lease)| sum.plus(lease.granted.minus(lease.used)))
    }

    /// Runs in progress, as far as the holders have said.
    pub fn running(&self) -> u32 {
        self.leases.values().map(|lease| lease.running).sum()
    }

    /// When the next lease ends by itself; `None` when there is none.
    pub fn next_end(&self) -> Option<Timestamp> {
        self.leases.values().map(|lease| lease.until).min()
    }

    /// Whether nothing is left to remember.
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty() && self.ended == Amounts::default()
    }

    /// Notes what a holder has used. A lease that has ended by itself was counted as used, so it begins at what it says.
    fn note_use(&mut self, id: &str, used: Amounts) {
        if let Some(lease) = self.leases.get_mut(id) {
            let used = used.max(lease.used);
            self.total = self.total.plus(used.minus(lease.used));
            lease.used = used;
        }
    }

    fn taken_by_others(&self, id: &str) -> Amounts {
        let others = self.leases.iter().filter(|(other, _)| *other != id);
        others.fold(self.ended, |sum, (_, lease)| sum.plus(lease.taken()))
    }
}

/// The quotas that give less than a holder wants.
fn exhausted(
    request: &LeaseRequest,
    limits: &QuotaLimits,
    room: Amounts,
    runs: u32,
    now: Timestamp,
) -> Vec<QuotaExceeded> {
    let mut exhausted = Vec::new();
    for quota in [Quota::CpuSeconds, Quota::EgressMegabytes, Quota::Executions, Quota::AiCalls, Quota::AiNeurons] {
        if room.of(quota) < request.wants.of(quota) {
            exhausted.extend(limits.of(quota).map(|limit| QuotaExceeded::new(quota, limit, now)));
        }
    }
    if runs < request.wants_runs {
        exhausted.extend(limits.of(Quota::RunsAtOnce).map(|limit| QuotaExceeded::new(Quota::RunsAtOnce, limit, now)));
    }
    exhausted
}

#[cfg(test)]
mod tests;
