//! Languages of all tiers, and what scripts have beside the language.

use docle_languages::Tier;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Every language of every tier that works here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Languages {
    /// The languages.
    pub languages: Vec<Language>,
}

/// A language of one tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Language {
    /// The id, as `lang` of a request.
    #[cfg_attr(feature = "schema", schemars(example = &"python"))]
    pub id: String,
    /// The name that people read.
    #[cfg_attr(feature = "schema", schemars(example = &"Python"))]
    pub name: String,
    /// The tier that its code runs in.
    pub tier: Tier,
    /// Component → version, as it says itself; empty where it could not be asked.
    pub versions: BTreeMap<String, String>,
}

/// The runtime APIs of scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Docs {
    /// Every name that a script has beside the language.
    pub runtime_apis: Vec<RuntimeApiDoc>,
    /// What scripts are held to.
    pub limits: Vec<Limit>,
    /// A first script.
    pub example: String,
}

/// One name that a script has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(rename = "RuntimeApiDescription"))]
pub struct RuntimeApiDoc {
    /// The name.
    pub name: String,
    /// How it is called.
    pub signature: String,
    /// What it does.
    pub description: String,
    /// A line of code that uses it.
    pub example: String,
}

/// One limit of scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Limit {
    /// What is limited.
    pub name: String,
    /// The limit, in words.
    pub value: String,
}
