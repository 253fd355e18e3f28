//! The health of the runner and the features of its machine.

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
    /// The random id of the runner's process. Empty for a runner that predates this field.
    #[serde(default)]
    pub instance: String,
    /// The set of isolation primitives in use, for example `root` or `user-namespace`.
    pub tier: String,
    /// Property of the jail → the mechanism that enforces it, for example `memory` → `cgroup v1`.
    pub properties: BTreeMap<String, String>,
    /// Language → version, as the interpreter reports it.
    pub languages: BTreeMap<String, String>,
    /// Runs in progress, installations included.
    pub running: u32,
    /// Slots: the number of runs that can be in progress at once.
    pub slots: u32,
    /// Language → warm interpreters: started and waiting for a program.
    pub waiting: BTreeMap<String, u32>,
    /// Language → warm interpreters that are waiting for the script itself.
    #[serde(default)]
    pub ready: BTreeMap<String, u32>,
    /// Memory of all warm interpreters, in MiB with two decimals; `null` if it cannot be measured.
    #[serde(rename = "waitingMB")]
    pub waiting_mb: Option<f64>,
    /// Programs that the current warm interpreters have already forked; 0 when each of them is fresh.
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
            slots: 8,
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
            "slots": 8,
            "waiting": { "python": 4 },
            "ready": { "python": 3 },
            "waitingMB": 30.5,
            "forked": 3,
        });
        assert_eq!(serde_json::to_value(health).unwrap(), wire);
    }
}
