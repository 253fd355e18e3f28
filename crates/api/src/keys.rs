//! API keys of a project.

use crate::time::Time;
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// Settings of a key. At its creation, a field that is absent has its default; later, it stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeySettings {
    /// What the key is for. It stays what it is.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "secret")))]
    pub key_type: Option<KeyType>,
    /// The name: one line of text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            length(min = 1, max = MAX_NAME_CHARS),
            regex(pattern = "^[^\\x00-\\x1f\\x7f]*$"),
            extend("default" = DEFAULT_NAME)
        )
    )]
    pub name: Option<String>,
    /// Hosts of the pages that may use the key: `app.example.com`, or `*.example.com` for its subdomains. An empty list
    /// restricts nothing. A publishable key needs at least one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_KEY_DOMAINS), extend("examples" = [["app.example.com"]])))]
    pub allowed_domains: Option<Vec<String>>,
    /// Calls that the key lets through in any 60 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *RATE_LIMIT.start(), max = *RATE_LIMIT.end()), extend("default" = DEFAULT_RATE_LIMIT))
    )]
    pub rate_limit_per_minute: Option<u32>,
    /// When the key ends, a time to come; null for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("x-nullable" = true)))]
    pub expires_at: Option<Time>,
    /// The most that a run with a publishable key may use. Only a publishable key has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<PublishableLimits>,
    /// Whether a secret key may stand in a URL below `/k/`, for clients that send no header. Such a key runs programs and does
    /// nothing else. It needs an `expiresAt` at most 90 days away, and a `rateLimitPerMinute` of at most 60. It stays what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub allow_in_url: Option<bool>,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// For servers: it does everything that a key can do, and stays secret.
    #[default]
    Secret,
    /// For web pages: everybody may read it. It runs programs from pages of its domains, and does nothing else.
    Publishable,
    /// A management token, for servers: it manages the project as its owner does, and runs nothing. It ends after 365 days at most,
    /// and after 90 if it names no `expiresAt`.
    Management,
}

/// The most that a run with a publishable key may use. A run that asks for more time or memory gets this much.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishableLimits {
    /// The highest `policy.timeoutMs`, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = *TIMEOUT_MS.start(), max = *TIMEOUT_MS.end()),
            extend("default" = DEFAULT_PUBLISHABLE_TIMEOUT_MS)
        )
    )]
    pub timeout_ms: Option<u32>,
    /// The highest `policy.memoryMB`, in mebibytes.
    #[serde(rename = "memoryMB", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = *MEMORY_MB.start(), max = *MEMORY_MB.end()),
            extend("default" = DEFAULT_PUBLISHABLE_MEMORY_MB)
        )
    )]
    pub memory_mb: Option<u32>,
    /// Calls from one IPv4 address, or one IPv6 /64 network, that the key lets through in any 60 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *RATE_LIMIT.start(), max = *RATE_LIMIT.end()), extend("default" = DEFAULT_NETWORK_RATE_LIMIT))
    )]
    pub network_rate_limit_per_minute: Option<u32>,
    /// Whether programs may use the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub allow_network: Option<bool>,
    /// Whether packages may be installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub allow_packages: Option<bool>,
}

/// The name of a key that names none.
pub const DEFAULT_NAME: &str = "API key";
/// The name of a management token that names none.
pub const DEFAULT_MANAGEMENT_NAME: &str = "Management token";

/// A key that was made. No other response shows a secret key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct CreatedKey {
    /// The key itself.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^(sk|pk)_live_[0-9a-f]{48}$")))]
    pub key: String,
    /// The id of the key.
    pub id: String,
}

/// How a key is replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rotation {
    /// For how many seconds the old key goes on working.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = *OVERLAP_SECONDS.start(), max = *OVERLAP_SECONDS.end()),
            extend("default" = DEFAULT_OVERLAP_SECONDS)
        )
    )]
    pub overlap_seconds: Option<u32>,
}

/// The successor of a key. No other response shows a secret key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RotatedKey {
    /// The new key itself.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^(sk|pk)_live_[0-9a-f]{48}$")))]
    pub key: String,
    /// The id of the new key.
    pub id: String,
    /// When the new key ends, which is when the old one would have; null for never.
    pub expires_at: Option<Time>,
    /// The old key.
    pub previous: EndingKey,
}

/// A key that is about to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct EndingKey {
    /// The id of the key.
    pub id: String,
    /// When it ends.
    pub expires_at: Time,
}

/// A key, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Key {
    /// The id of the key.
    pub id: String,
    /// The name.
    pub name: String,
    /// What the key is for.
    #[serde(rename = "type")]
    pub key_type: KeyType,
    /// The first twelve characters of the key, by which people tell keys apart.
    pub key_prefix: String,
    /// The key itself, where it is publishable; null for a secret key.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^pk_live_[0-9a-f]{48}$")))]
    pub key: Option<String>,
    /// The most that a run with the key may use, where it is publishable; null for a secret key.
    pub limits: Option<PublishableLimits>,
    /// Hosts of the pages that may use the key; empty where every caller may.
    pub allowed_domains: Vec<String>,
    /// Whether the key may stand in URLs. Then it runs programs and does nothing else.
    pub allow_in_url: bool,
    /// Calls that the key lets through in any 60 seconds.
    pub rate_limit_per_minute: u32,
    /// When the key was last used; null where it never was.
    pub last_used_at: Option<Time>,
    /// 1 where the key works, 0 where it has ended.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = [0, 1])))]
    pub is_active: u8,
    /// When the key ends; null for never.
    pub expires_at: Option<Time>,
    /// When the key was revoked; null where it was not.
    pub revoked_at: Option<Time>,
    /// The id of the key that replaces this one since its rotation; null where it was not rotated.
    pub successor_id: Option<String>,
    /// When the key was made.
    pub created_at: Time,
}

/// A page of a project's keys, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct KeyPage {
    /// The keys.
    #[serde(rename = "apiKeys")]
    pub api_keys: Vec<Key>,
    /// The `cursor` of the next page; null on the last one.
    pub next_cursor: Option<String>,
}
