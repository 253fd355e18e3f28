//! Who may start a container: the containers of a class, shared out between accounts by max-min fairness.
//!
//! A container that starts needs a lease, which its object renews while the container lives. While containers are free, an
//! account gets as many as it wants, up to its own quota. The last tenth is for accounts that have less than an even part. When
//! less than this tenth is free, or an account waits that has fewer, the accounts with the most give containers back: an idle one
//! at once, a busy one when its runs have ended. So in the end no account has less than it wants while another has two more.

use crate::domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

/// A lease ends this long after its last renewal, in milliseconds: three renewals may fail.
pub const LEASE_MS: i64 = 100_000;
/// How often the object of a container renews its lease, in milliseconds.
pub const RENEW_EVERY_MS: i64 = 30_000;
/// An account that got no container counts as waiting for this long, in milliseconds. A run waits for 10 s, and its client may
/// try again.
const DEMAND_MS: i64 = 30_000;
/// One part in so many of the containers is for accounts below their fair share.
const RESERVED_PART: u32 = 10;

/// How many containers there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FleetLimits {
    /// Of all accounts: what the platform may start of the class.
    pub containers: u32,
    /// Of one account; `None` if nothing limits it.
    pub of_account: Option<u32>,
}

/// The answer to the request for a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Admission {
    Granted,
    /// All containers are in use, or the rest is for accounts that have fewer.
    Full,
    /// The account has as many as it may.
    #[serde(rename_all = "camelCase")]
    AccountFull {
        limit: u32,
    },
}

/// The answer to a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Renewal {
    Renewed,
    /// The container takes no further runs, and ends with those in progress: another account waits, which has fewer.
    Reclaimed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerLease {
    account: String,
    until: Timestamp,
}

/// The containers of a class, and who waits for one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FleetState {
    /// By the name of the object of the container.
    leases: BTreeMap<String, ContainerLease>,
    /// The accounts that got no container, and until when they count as waiting.
    waiting: BTreeMap<String, Timestamp>,
    /// The containers that end with their runs.
    reclaimed: BTreeSet<String>,
}

impl FleetState {
    /// Asks for a container. It may be repeated: an object has one container.
    pub fn ask(&mut self, object: &str, account: &str, limits: FleetLimits, now: Timestamp) -> Admission {
        self.advance(now);
        if self.leases.contains_key(object) {
            self.extend(object, account, now);
            return Admission::Granted;
        }
        let own = self.of_account(account);
        if let Some(limit) = limits.of_account.filter(|limit| own >= *limit) {
            return Admission::AccountFull { limit };
        }
        let free = self.free(limits);
        let is_below = own < self.even_part(account, limits);
        let needed = if is_below { 1 } else { 1 + limits.containers / RESERVED_PART };
        if free < needed {
            if is_below {
                self.waiting.insert(account.to_owned(), now.plus_ms(DEMAND_MS));
            }
            return Admission::Full;
        }
        self.waiting.remove(account);
        self.extend(object, account, now);
        Admission::Granted
    }

    /// Renews the lease of a container that has so many runs in progress. A container that this state does not know, because
    /// its lease has ended, has a lease again: it is there.
    pub fn renew(&mut self, object: &str, account: &str, running: u32, limits: FleetLimits, now: Timestamp) -> Renewal {
        self.advance(now);
        self.extend(object, account, now);
        if self.reclaimed.contains(object) {
            return Renewal::Reclaimed;
        }
        if self.is_wanted(account, running, limits) {
            self.reclaimed.insert(object.to_owned());
            return Renewal::Reclaimed;
        }
        Renewal::Renewed
    }

    /// A container has ended.
    pub fn release(&mut self, object: &str) {
        self.leases.remove(object);
        self.reclaimed.remove(object);
    }

    /// Forgets the leases that nobody has renewed, and the accounts that do not wait any more.
    pub fn advance(&mut self, now: Timestamp) {
        self.leases.retain(|_, lease| now < lease.until);
        self.waiting.retain(|_, until| now < *until);
        let leases = &self.leases;
        self.reclaimed.retain(|object| leases.contains_key(object));
    }

    /// The containers of an account.
    pub fn of_account(&self, account: &str) -> u32 {
        count(self.leases.values().filter(|lease| lease.account == account))
    }

    /// When the next lease ends by itself; `None` when there is none.
    pub fn next_end(&self) -> Option<Timestamp> {
        self.leases.values().map(|lease| lease.until).min()
    }

    /// Whether a container of this account is to end, so that another account gets one.
    fn is_wanted(&self, account: &str, running: u32, limits: FleetLimits) -> bool {
        let own = self.of_account(account);
        let coming = self.free(limits) + count(self.reclaimed.iter());
        // An idle container goes to an account that has none more than this one would have left. A busy one goes only from an
        // account that still has more afterwards.
        let gap = if running == 0 { 1 } else { 2 };
        let waiting = count(self.waiting.keys().filter(|other| self.of_account(other) + gap <= own));
        if waiting > coming {
            return true;
        }
        own > self.even_part(account, limits) && coming < limits.containers / RESERVED_PART
    }

    fn free(&self, limits: FleetLimits) -> u32 {
        limits.containers.saturating_sub(count(self.leases.values()))
    }

    /// What each account would have if all that have or want containers, and one more that may come, had the same.
    fn even_part(&self, account: &str, limits: FleetLimits) -> u32 {
        let accounts: BTreeSet<&str> = self
            .leases
            .values()
            .map(|lease| lease.account.as_str())
            .chain(self.waiting.keys().map(String::as_str))
            .chain([account])
            .collect();
        (limits.containers / (count(accounts.iter()) + 1)).max(1)
    }

    fn extend(&mut self, object: &str, account: &str, now: Timestamp) {
        let lease = ContainerLease { account: account.to_owned(), until: now.plus_ms(LEASE_MS) };
        self.leases.insert(object.to_owned(), lease);
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
