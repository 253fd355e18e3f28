//! Packages that a program needs, as a run lists them.

use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// Packages of the language's registry: a list, or an object that holds one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(untagged)]
pub enum Packages {
    /// Requirements in the registry's own syntax.
    List(
        #[cfg_attr(
            feature = "schema",
            schemars(length(max = MAX_PACKAGES), inner(length(min = 1, max = MAX_PACKAGE_BYTES)))
        )]
        Vec<String>,
    ),
    /// The same in an object.
    Object(PackageList),
}

/// A list of packages in an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackageList {
    /// Requirements in the registry's own syntax: `requests>=2.31` for PyPI, `lodash@4.17.21` for npm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(length(max = MAX_PACKAGES), inner(length(min = 1, max = MAX_PACKAGE_BYTES)), extend("examples" = [["requests"]]))
    )]
    pub packages: Option<Vec<String>>,
}
