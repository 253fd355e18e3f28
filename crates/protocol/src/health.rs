//! What the runner says about itself and the machine it stands on.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The answer to `GET /health`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunnerHealth {
    /// The runner's release.
    pub version: String,
    /// [`crate::VERSION`] of the runner.
    pub protocol: u32,
    /// This very process: random, made at its start. Empty where the runner is too old to say it.
    #[serde(default)]
    pub instance: String,
    /// Which set of isolation primitives is in use, for example `root` or `user-namespace`.
    pub tier: String,
    /// Property of the jail → what holds it here, for example `memory` → `cgroup v1`.
    pub properties: BTreeMap<String, String>,
    /// Language → version, as the interpreter itself reports it.
    pub languages: BTreeMap<String, String>,
    /// Runs in progress, installations included.
    pub running: u32,
    /// Runs that may be in progress at once.
    pub places: u32,
    /// Language → interpreters that wait, started, for a program.
    pub waiting: BTreeMap<String, u32>,
    /// Language → how many of those have come as far as their script.
    #[serde(default)]
    pub ready: BTreeMap<String, u32>,
    /// Memory that those hold together, in MiB with two decimals; `null` where nothing measures it.
    #[serde(rename = "waitingMB")]
    pub waiting_mb: Option<f64>,
    /// Programs that were forked of the same started interpreters as those that wait; with 0 every next one is the
    /// first.
    #[serde(default)]
    pub forked: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn runner_health_format_unchanged() {
        let health = RunnerHealth {
            version: "0.1.0".into(),
            protocol: 1,
            instance: "0f".into(),
            tier: "root".into(),
            properties: BTreeMap::from([("memory".into(), "cgroup v1".into())]),
            languages: BTreeMap::from([("python".into(), "3.11.2".into())]),
            running: 0,
            places: 8,
            waiting: BTreeMap::from([("python".into(), 4)]),
            ready: BTreeMap::from([("python".into(), 3)]),
            waiting_mb: Some(30.5),
            forked: 3,
        };
        let wire = json!({
            "version": "0.1.0",
            "protocol": 1,
            "instance": "0f",
            "tier": "root",
            "properties": { "memory": "cgroup v1" },
            "languages": { "python": "3.11.2" },
            "running": 0,
            "places": 8,
            "waiting": { "python": 4 },
            "ready": { "python": 3 },
            "waitingMB": 30.5,
            "forked": 3,
        });
        assert_eq!(serde_json::to_value(health).unwrap(), wire);
    }
}
