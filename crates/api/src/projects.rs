//! Projects: what keys and runs belong to.

use crate::time::Time;
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// A project to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectSettings {
    /// The name: one line of text.
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = MAX_NAME_CHARS), regex(pattern = "^[^\\x00-\\x1f\\x7f]*$"), example = &"Shop")
    )]
    pub name: String,
    /// Whether the network addresses of callers are kept with their runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub store_ip: Option<bool>,
    /// Whether only the project's keys and its owner read a result again, instead of every caller who knows its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub private_results: Option<bool>,
    /// What scripts of the project may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolates: Option<IsolateSettings>,
}

/// Settings of a project to change. The others stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectChange {
    /// The name: one line of text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = MAX_NAME_CHARS), regex(pattern = "^[^\\x00-\\x1f\\x7f]*$"), example = &"Shop")
    )]
    pub name: Option<String>,
    /// Whether the network addresses of callers are kept with their runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_ip: Option<bool>,
    /// Whether only the project's keys and its owner read a result again. It holds for results that are there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_results: Option<bool>,
    /// What scripts of the project may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolates: Option<IsolateSettings>,
}

/// What scripts of a project may do, whatever their requests say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IsolateSettings {
    /// Hosts that `api()` may reach at most; null leaves them to each request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_SCRIPT_DOMAINS), extend("x-nullable" = true, "examples" = [["*.example.com"]])))]
    pub allowed_domains: Option<Vec<String>>,
    /// The database of the deployment that `db()` reads; null takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(length(max = MAX_DATABASE_CHARS), regex(pattern = "^[a-z][a-z0-9-]*$"), extend("x-nullable" = true), example = &"wiki")
    )]
    pub database: Option<String>,
}

/// A project, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Project {
    /// The id of the project.
    #[cfg_attr(feature = "schema", schemars(example = &"proj_0f8fad5bd9cb469fa165"))]
    pub id: String,
    /// The name.
    pub name: String,
    /// Whether the network addresses of callers are kept with their runs.
    pub store_ip: bool,
    /// Whether only the project's keys and its owner read a result again.
    pub private_results: bool,
    /// What scripts of the project may do.
    pub isolates: UsedIsolateSettings,
    /// When the project was made.
    pub created_at: Time,
}

/// What scripts of a project may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct UsedIsolateSettings {
    /// Hosts that `api()` may reach at most; null leaves them to each request.
    pub allowed_domains: Option<Vec<String>>,
    /// The database that `db()` reads.
    pub database: Option<String>,
}

/// A page of an account's projects, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ProjectPage {
    /// The projects.
    pub projects: Vec<Project>,
    /// The `cursor` of the next page; null on the last one.
    pub next_cursor: Option<String>,
}
