//! Sandboxes: machines that keep their files until they are deleted.

use crate::repositories::RepositoryToken;
use crate::time::Time;
use docle_languages::RunLanguage;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// A sandbox to make.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SandboxSettings {
    /// The name, which lists show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME_CHARS), example = &"My sandbox"))]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_DESCRIPTION_CHARS), example = &"Testing AI scripts"))]
    pub description: Option<String>,
    /// The language of files whose ending says none, by any of its names; Python where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(example = &"ruby"))]
    pub language: Option<String>,
    /// The project, for a call with a session; that of the key otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// A name of your own for it: letters, digits, `_`, `.` and `-`. A second call with the same key answers with the same
    /// sandbox, and every path takes `key:<key>` in place of the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = MAX_SANDBOX_KEY_CHARS), extend("pattern" = "^[A-Za-z0-9_.-]+$"), example = &"my-sandbox")
    )]
    pub key: Option<String>,
    /// Variables of every command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(extend("maxProperties" = MAX_ENV, "additionalProperties" = { "type": "string", "maxLength": MAX_ARG_BYTES - 2 }))
    )]
    pub env: Option<BTreeMap<String, String>>,
    /// What it may use, and when it sleeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_config: Option<RuntimeConfig>,
}

/// What is to change of a sandbox. What is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SandboxChange {
    /// The name, which lists show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME_CHARS), example = &"My sandbox"))]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_DESCRIPTION_CHARS), example = &"Testing AI scripts"))]
    pub description: Option<String>,
    /// The language of files whose ending says none, by any of its names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(example = &"ruby"))]
    pub language: Option<String>,
    /// Variables of every command, in place of those before. Commands that start later have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(extend("maxProperties" = MAX_ENV, "additionalProperties" = { "type": "string", "maxLength": MAX_ARG_BYTES - 2 }))
    )]
    pub env: Option<BTreeMap<String, String>>,
    /// What it may use, which holds from its next start on, and when it sleeps, which holds at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_config: Option<RuntimeConfig>,
}

/// What a sandbox may use, and when it sleeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuntimeConfig {
    /// Memory of all programs together, in mebibytes.
    #[serde(default, rename = "memoryMB", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = *SANDBOX_MEMORY_MB.start(), max = *SANDBOX_MEMORY_MB.end()),
            extend("default" = DEFAULT_SANDBOX_MEMORY_MB)
        )
    )]
    pub memory_mb: Option<u32>,
    /// All files together, in mebibytes.
    #[serde(default, rename = "diskMB", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = *SANDBOX_DISK_MB.start(), max = *SANDBOX_DISK_MB.end()),
            extend("default" = DEFAULT_SANDBOX_DISK_MB)
        )
    )]
    pub disk_mb: Option<u32>,
    /// What programs may reach; `registries` where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<SandboxNetwork>,
    /// Further hosts with `none` or `registries`; `*.example.com` matches all subdomains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_ALLOWED_HOSTS), extend("examples" = [["api.example.com"]])))]
    pub allowed_hosts: Option<Vec<String>>,
    /// Seconds without a call after which the sandbox sleeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *SLEEP_AFTER_SECONDS.start(), max = *SLEEP_AFTER_SECONDS.end()), extend("default" = DEFAULT_SLEEP_AFTER_SECONDS))
    )]
    pub sleep_after: Option<u32>,
    /// Seconds after the first unsaved change after which the files are saved at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *SAVE_EVERY_SECONDS.start(), max = *SAVE_EVERY_SECONDS.end()), extend("default" = DEFAULT_SAVE_EVERY_SECONDS))
    )]
    pub save_every_seconds: Option<u32>,
}

/// What the programs of a sandbox may reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum SandboxNetwork {
    /// No host but those of `allowedHosts`.
    None,
    /// The registries of PyPI, npm and crates.io, and the hosts of `allowedHosts`.
    #[default]
    Registries,
    /// Every public host.
    Public,
}

impl SandboxNetwork {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::None, Self::Registries, Self::Public];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Registries => "registries",
            Self::Public => "public",
        }
    }
}

/// What a sandbox does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum SandboxStatus {
    /// It is started for the first time.
    Creating,
    /// It runs.
    Running,
    /// It is saved, and the next call wakes it. Its processes have ended.
    Sleeping,
    /// It is started with the files that were saved.
    Waking,
    /// Its last start failed. The next call tries again.
    Failed,
    /// It is being deleted.
    Deleting,
}

impl SandboxStatus {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Creating, Self::Running, Self::Sleeping, Self::Waking, Self::Failed, Self::Deleting];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Running => "running",
            Self::Sleeping => "sleeping",
            Self::Waking => "waking",
            Self::Failed => "failed",
            Self::Deleting => "deleting",
        }
    }
}

/// A sandbox in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ListedSandbox {
    /// The id of the sandbox.
    pub id: String,
    /// The project that it belongs to.
    pub project_id: String,
    /// Your own name for it; null if it has none.
    pub key: Option<String>,
    /// The name; null if it has none.
    pub name: Option<String>,
    /// What it is for; null if nobody has said so.
    pub description: Option<String>,
    /// The language of files whose ending says none.
    pub language: RunLanguage,
    /// What it does at the moment.
    pub status: SandboxStatus,
    /// When it was made.
    pub created_at: Time,
    /// When its settings last changed.
    pub updated_at: Time,
    /// When it was last used, to the minute; null if it never was.
    pub last_used_at: Option<Time>,
}

/// A sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Sandbox {
    /// What lists show.
    #[serde(flatten)]
    pub listed: ListedSandbox,
    /// The names of the variables of every command. Their values are not shown, because they are often secrets.
    pub env_names: Vec<String>,
    /// What it may use, and when it sleeps.
    pub runtime_config: RuntimeConfig,
    /// When its files were last saved; null if they never were.
    pub saved_at: Option<Time>,
    /// While its files cannot be saved: since when. It stays awake until they are.
    #[serde(default, rename = "saveFailing", skip_serializing_if = "Option::is_none")]
    pub save_failing: Option<Time>,
    /// If its machine was lost since it was last put to sleep: its files were then restored as they had been at this time.
    #[serde(default, rename = "restoredFrom", skip_serializing_if = "Option::is_none")]
    pub restored_from: Option<Time>,
}

/// Variables to set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EnvChange {
    /// Variables by name. `null` removes one.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("maxProperties" = MAX_ENV, "additionalProperties" = { "type": ["string", "null"], "maxLength": MAX_ARG_BYTES - 2 }))
    )]
    pub env: BTreeMap<String, Option<String>>,
}

/// The variables of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct EnvNames {
    /// Their names. Their values are not shown, because they are often secrets.
    pub env_names: Vec<String>,
}

/// A git repository to check out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CheckoutRequest {
    /// Where it is cloned from: `https`, a public name, port 443, without user name, password, query and fragment.
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = MAX_REPOSITORY_URL_BYTES), extend("format" = "uri"), example = &"https://github.com/owner/name")
    )]
    pub url: String,
    /// A branch, a tag, or a whole commit id. The default is what the repository's own HEAD names.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_REF_BYTES), example = &"v1.2.0"))]
    pub reference: Option<String>,
    /// A branch, in place of `ref`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_REF_BYTES), example = &"main"))]
    pub branch: Option<String>,
    /// How many commits of the history come along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *CHECKOUT_DEPTH.start(), max = *CHECKOUT_DEPTH.end()), extend("default" = DEFAULT_CHECKOUT_DEPTH))
    )]
    pub depth: Option<u32>,
    /// The directory, which must be empty or not there: absolute, or below `/workspace`. The default is the name of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_SANDBOX_PATH_BYTES), example = &"src"))]
    pub dir: Option<String>,
    /// A token that may read the repository, if that is not public. It is stored nowhere, and the sandbox never has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<RepositoryToken>,
}

/// A repository that was checked out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct CheckoutResult {
    /// Where it was cloned from.
    pub url: String,
    /// The absolute path of the directory.
    pub dir: String,
    /// The id of the commit.
    #[cfg_attr(feature = "schema", schemars(example = &"553c2077f0edc3d5dc5d17262f6aa498e69d6f8e"))]
    pub commit: String,
    /// The branch that HEAD is on; null if no branch was asked for, and HEAD is the commit.
    pub branch: Option<String>,
}

/// A page of a project's sandboxes, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct SandboxPage {
    /// The sandboxes.
    pub sandboxes: Vec<ListedSandbox>,
    /// The `cursor` of the next page; null on the last one.
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_networks_are_named_as_they_are_written() {
        for status in SandboxStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
        for network in SandboxNetwork::ALL {
            assert_eq!(serde_json::to_value(network).unwrap(), network.name());
        }
    }
}
