//! Run tokens: the right to run programs for a while, for pages and programs that must not have an API key.

use crate::end_users::UserContext;
use crate::time::Time;
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// What a run token may do, and for how long.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunTokenSettings {
    /// Seconds until the token ends. A token ends with its API key, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = *TOKEN_SECONDS.start(), max = *TOKEN_SECONDS.end()),
            extend("default" = DEFAULT_RUN_TOKEN_SECONDS)
        )
    )]
    pub ttl_seconds: Option<u32>,
    /// The origin of the only pages that may use the token: scheme, host and port. Without it any client may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^https?://[0-9A-Za-z._:\\[\\]-]{1,260}$"), example = &"https://app.example.com"))]
    pub origin: Option<String>,
    /// The user for whom the token runs programs. A run with the token can name no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_context: Option<UserContext>,
    /// The most that a run with the token may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<RunTokenLimits>,
}

/// The most that a run may use. A run that asks for more time or memory gets this much.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunTokenLimits {
    /// The highest `policy.timeoutMs`, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *TIMEOUT_MS.start(), max = *TIMEOUT_MS.end()), extend("default" = *TIMEOUT_MS.end()))
    )]
    pub timeout_ms: Option<u32>,
    /// The highest `policy.memoryMB`, in mebibytes.
    #[serde(rename = "memoryMB", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *MEMORY_MB.start(), max = *MEMORY_MB.end()), extend("default" = *MEMORY_MB.end()))
    )]
    pub memory_mb: Option<u32>,
    /// Whether programs may use the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub allow_network: Option<bool>,
    /// Whether packages may be installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub allow_packages: Option<bool>,
}

/// A run token that was made. No other response shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RunToken {
    /// The token, to be sent wherever a run takes an API key.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^rt_[0-9A-Za-z_-]+\\.[0-9A-Za-z_-]+$")))]
    pub token: String,
    /// When it ends.
    pub expires_at: Time,
}
