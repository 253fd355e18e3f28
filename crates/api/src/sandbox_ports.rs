//! Ports of sandboxes: what listens there is reached from outside at a URL.

use crate::time::Time;
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// What a program reads in its header `Host`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum HostHeader {
    /// The host of the URL.
    #[default]
    Preview,
    /// `localhost` and the port, for servers that answer to no other name.
    Localhost,
}

/// A port to expose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PortSettings {
    /// The port, on which something may listen later.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65_535), example = &3_000))]
    pub port: u32,
    /// A name of your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_PORT_NAME_CHARS), example = &"web"))]
    pub name: Option<String>,
    /// The token in the URL: lower case letters, digits and `_`. Where it is absent the port keeps the one it has, or gets one that
    /// nobody guesses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = MAX_PORT_TOKEN_CHARS), regex(pattern = "^[a-z0-9_]+$"))
    )]
    pub token: Option<String>,
    /// A URL without a token, for everybody who knows the id of the sandbox.
    #[serde(default)]
    pub public: bool,
    /// What the program reads in its header `Host`.
    #[serde(default, rename = "hostHeader")]
    pub host_header: HostHeader,
}

/// A port that is exposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ExposedPort {
    /// The port.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65_535)))]
    pub port: u16,
    /// Its name; `null` without one.
    pub name: Option<String>,
    /// Where what listens on it is reached. Who has the URL can use it.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uri")))]
    pub url: String,
    /// The token in the URL; `null` if it is public.
    pub token: Option<String>,
    /// Whether the URL has no token.
    pub public: bool,
    /// What the program reads in its header `Host`.
    #[serde(rename = "hostHeader")]
    pub host_header: HostHeader,
    /// When it was exposed.
    #[serde(rename = "createdAt")]
    pub created_at: Time,
}

/// The ports that a sandbox exposes, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct PortList {
    /// The ports.
    pub ports: Vec<ExposedPort>,
}
