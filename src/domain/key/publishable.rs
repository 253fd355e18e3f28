//! What a publishable key may do, which stands in web pages where everybody can read it: bounded runs from its domains.

use crate::domain::input::reader::Reader;
use crate::domain::key::rolling_window::{Rate, RollingWindow, WINDOW_MS};
use crate::domain::key::run_token::{Claims, TokenLimits};
use crate::domain::timestamp::Timestamp;
use docle_api::keys::PublishableLimits;
use docle_api::limits::{
    DEFAULT_NETWORK_RATE_LIMIT, DEFAULT_PUBLISHABLE_MEMORY_MB, DEFAULT_PUBLISHABLE_TIMEOUT_MS, RATE_LIMIT,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The most that a publishable key lets a caller use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageLimits {
    /// The most that one run may use.
    pub run: TokenLimits,
    /// Calls from one network that are let through in a minute.
    pub network_limit: u32,
}

impl Default for PageLimits {
    fn default() -> Self {
        let (timeout_ms, memory_mb) = (DEFAULT_PUBLISHABLE_TIMEOUT_MS, DEFAULT_PUBLISHABLE_MEMORY_MB);
        let run = TokenLimits { timeout_ms, memory_mb, allow_network: false, allow_packages: false };
        Self { run, network_limit: DEFAULT_NETWORK_RATE_LIMIT }
    }
}

impl PageLimits {
    /// These limits, with what the object names changed.
    pub fn changed(self, fields: &mut Reader<'_>) -> Self {
        let run = self.run.changed(fields);
        let network_limit = fields.integer("networkRateLimitPerMinute", &RATE_LIMIT);
        Self { run, network_limit: network_limit.unwrap_or(self.network_limit) }
    }

    /// The limits as their owner sees them.
    pub fn shown(&self) -> PublishableLimits {
        PublishableLimits {
            timeout_ms: Some(self.run.timeout_ms),
            memory_mb: Some(self.run.memory_mb),
            network_rate_limit_per_minute: Some(self.network_limit),
            allow_network: Some(self.run.allow_network),
            allow_packages: Some(self.run.allow_packages),
        }
    }

    /// The rights of a call that brings the key itself: those of a run token that ends with the call.
    pub fn claims(&self, key_hash: &str, origin: Option<&str>, now: Timestamp) -> Claims {
        Claims {
            // Every page has the same key, so it is one name for all of them.
            id: key_hash.chars().take(16).collect(),
            key_hash: key_hash.to_owned(),
            expires_at: now.plus_ms(WINDOW_MS),
            origin: origin.map(str::to_owned),
            user_context: None,
            limits: self.run,
            is_framed: false,
        }
    }
}

/// The calls of each network that a publishable key has let through within the last minute. The key's own limit bounds
/// how many there are.
#[derive(Debug, Default)]
pub struct NetworkWindows(HashMap<String, RollingWindow>);

impl NetworkWindows {
    /// The rate of a network, if that has reached `limit`.
    pub fn exceeded(&mut self, network: &str, limit: u32, now: Timestamp) -> Option<Rate> {
        let rate = self.0.get_mut(network)?.rate(limit, now);
        (rate.remaining == 0).then_some(rate)
    }

    /// Counts a call that was let through, and forgets networks without a call in the last minute.
    pub fn count(&mut self, network: &str, now: Timestamp) {
        self.0.retain(|_, window| window.rate(u32::MAX, now).remaining < u32::MAX);
        self.0.entry(network.to_owned()).or_default().admit(u32::MAX, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn page_limits_format_unchanged() {
        let run = json!({ "timeoutMs": 10_000, "memoryMB": 256, "allowNetwork": false, "allowPackages": false });
        let expected = json!({ "run": run, "networkLimit": 10 });
        assert_eq!(serde_json::to_value(PageLimits::default()).unwrap(), expected);
    }

    #[test]
    fn a_network_has_room_again_when_its_oldest_call_leaves() {
        let mut windows = NetworkWindows::default();
        for at in [0, 10] {
            assert_eq!(windows.exceeded("a", 2, Timestamp(at)), None);
            windows.count("a", Timestamp(at));
        }
        assert_eq!(windows.exceeded("a", 2, Timestamp(59_999)).unwrap().reset_at, Timestamp(60_000));
        assert_eq!(windows.exceeded("b", 2, Timestamp(59_999)), None);
        assert_eq!(windows.exceeded("a", 2, Timestamp(60_000)), None);
        windows.count("b", Timestamp(120_000));
        assert_eq!(windows.0.keys().collect::<Vec<_>>(), ["b"], "networks that left are forgotten");
    }
}
