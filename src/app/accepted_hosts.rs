//! Hosts of exposed ports that visitors have reached, so that only guesses count against the limit of a network.

use crate::domain::timestamp::Timestamp;
use std::cell::RefCell;
use std::collections::HashMap;

/// How long a host that was accepted is not counted, in milliseconds.
const ACCEPTED_MS: i64 = 60_000;
/// Hosts that one isolate remembers.
const MAX_ACCEPTED: usize = 1_000;

/// Hosts that a sandbox has accepted lately, by this isolate. Requests to them do not count as guesses.
#[derive(Default)]
pub struct AcceptedHosts(RefCell<HashMap<String, Timestamp>>);

impl AcceptedHosts {
    /// Whether a host was accepted lately.
    pub fn has(&self, label: &str, now: Timestamp) -> bool {
        self.0.borrow().get(label).is_some_and(|until| now < *until)
    }

    /// Notes that a host was accepted.
    pub fn add(&self, label: String, now: Timestamp) {
        let mut hosts = self.0.borrow_mut();
        if hosts.len() >= MAX_ACCEPTED {
            hosts.clear();
        }
        hosts.insert(label, now.plus_ms(ACCEPTED_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_remembered_for_a_minute_and_no_more_hosts_than_may_be() {
        let (hosts, now) = (AcceptedHosts::default(), Timestamp(0));
        hosts.add("a".into(), now);
        assert!(hosts.has("a", now) && !hosts.has("b", now) && !hosts.has("a", now.plus_ms(ACCEPTED_MS)));
        for number in 0..MAX_ACCEPTED {
            hosts.add(number.to_string(), now);
        }
        assert!(!hosts.has("a", now) && hosts.0.borrow().len() <= MAX_ACCEPTED);
    }
}
