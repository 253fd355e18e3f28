//! The health of the runner and the features of its machine.

/// The answer to `GET /health`.
pub use docle_api::health::RunnerHealth;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

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
