//! Whether the service works, and what it is.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whether the service works.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Health {
    /// `ok`, or `degraded` where the runner does not answer.
    pub status: HealthStatus,
    /// The release of the service.
    #[cfg_attr(feature = "schema", schemars(example = &"0.1.0"))]
    pub version: String,
    /// The version of the protocol between the service and its runners.
    pub protocol: u32,
    /// Which deployment this is.
    #[cfg_attr(feature = "schema", schemars(example = &"production"))]
    pub environment: String,
    /// What runs programs.
    pub backend: Backend,
}

/// Whether the service works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    Ok,
    Degraded,
}

/// What runs programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Backend {
    /// `container` where each project has containers, `url` where one runner serves all.
    pub kind: BackendKind,
    /// Whether programs can be run now.
    pub reachable: bool,
    /// What the runner says about itself; null where there is none to ask.
    pub runner: Option<RunnerHealth>,
}

/// How runners are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum BackendKind {
    Url,
    Container,
}

/// What a runner says about itself and the machine it stands on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RunnerHealth {
    /// The runner's release.
    pub version: String,
    /// The version of the protocol that the runner speaks.
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
    pub slots: u32,
    /// Language → interpreters that wait, started, for a program.
    pub waiting: BTreeMap<String, u32>,
    /// Language → how many of those have come as far as their script.
    #[serde(default)]
    pub ready: BTreeMap<String, u32>,
    /// Memory that those hold together, in MiB with two decimals; null where nothing measures it.
    #[serde(rename = "waitingMB")]
    pub waiting_mb: Option<f64>,
    /// Programs that were forked of the same started interpreters as those that wait. With 0 every next program is the
    /// first.
    #[serde(default)]
    pub forked: u32,
}

/// What this service is, and where to go next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Index {
    /// The name of the service.
    pub name: String,
    /// The release of the service.
    pub version: String,
    /// Addresses by what is there.
    pub links: BTreeMap<String, String>,
}
