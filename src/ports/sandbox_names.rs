//! How a sandbox is named, and what it is made of.

use crate::domain::sandbox::id::SandboxId;
use crate::domain::sandbox::settings::{Runtime, RuntimeChange};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A sandbox as its project names it. A sandbox of another project is not found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SandboxOf {
    pub project_id: String,
    pub id: SandboxId,
}

/// What the object of a sandbox is told about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SandboxConfig {
    pub env: BTreeMap<String, String>,
    pub runtime: Runtime,
}

/// What changes of a [`SandboxConfig`]; everything else stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigChange {
    /// All variables.
    pub env: Option<BTreeMap<String, String>>,
    pub runtime: RuntimeChange,
}
