//! Sessions of sandboxes: shells that keep their directory and variables from command to command.

use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// A session to make.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SessionSettings {
    /// A name of your own, of letters, digits, `-` and `_`; one is made where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = MAX_SESSION_ID_CHARS), regex(pattern = "^[A-Za-z0-9_-]+$"), example = &"build")
    )]
    pub id: Option<String>,
    /// Where the shell starts, absolute or below `/workspace`. Where it is absent, or cannot be entered, it is `/workspace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_SANDBOX_PATH_BYTES), example = &"/workspace"))]
    pub cwd: Option<String>,
    /// Variables of the shell beside those of the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(extend("maxProperties" = MAX_ENV, "additionalProperties" = { "type": "string", "maxLength": MAX_ARG_BYTES - 2 }))
    )]
    pub env: Option<BTreeMap<String, String>>,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct SandboxSession {
    /// Its id.
    pub id: String,
    /// Where its shell starts.
    pub cwd: String,
    /// The names of its variables.
    pub env_names: Vec<String>,
    /// When it was made.
    pub created_at: Time,
}

/// The sessions of a sandbox, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct SessionList {
    /// The sessions.
    pub sessions: Vec<SandboxSession>,
}

/// What became of the session of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ExecSession {
    /// The id of the session.
    pub id: String,
    /// The shell of earlier commands had ended, and this command had a new one, without what those had set.
    pub restarted: bool,
    /// The shell has ended with this command: by `exit`, a signal, or the time limit.
    pub ended: bool,
}
