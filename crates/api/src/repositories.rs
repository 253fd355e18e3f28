//! Repositories: the public git repository whose files a run starts with, and what became of it.

use serde::{Deserialize, Serialize};
use std::fmt;
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// A git repository. Its files are in `/workspace` when the program starts, below the files of the request itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Repository {
    /// Where it is cloned from: `https`, a public name, port 443, without user name, password, query and fragment.
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = MAX_REPOSITORY_URL_BYTES), extend("format" = "uri"), example = &"https://github.com/owner/name")
    )]
    pub url: String,
    /// A branch, a tag, or a whole commit id. The default is what the repository's own HEAD names.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_REF_BYTES), example = &"main"))]
    pub reference: Option<String>,
    /// The directory whose content becomes `/workspace`. The default is the whole repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_PATH_BYTES), example = &"examples"))]
    pub subdir: Option<String>,
    /// A token that may read the repository, if that is not public. It is stored nowhere, and no response has it. Not with `detach`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<RepositoryToken>,
}

/// A secret that opens a repository. It does not show itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(transparent)]
pub struct RepositoryToken(
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = MAX_REPOSITORY_TOKEN_BYTES), extend("format" = "password"))
    )]
    pub String,
);

impl fmt::Debug for RepositoryToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RepositoryToken(…)")
    }
}

/// The repository of a run, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsedRepository {
    /// Where it was fetched from.
    pub url: String,
    /// The branch, tag or commit that the request named; absent where it named none.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The directory that the request named; absent where it named none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdir: Option<String>,
}

/// What became of the repository of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FetchedRepository {
    /// Where it was fetched from.
    pub url: String,
    /// The branch, tag or commit that the request named; absent where it named none.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The directory that the request named; absent where it named none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdir: Option<String>,
    /// The id of the commit whose files the run had; absent where no commit was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(example = &"553c2077f0edc3d5dc5d17262f6aa498e69d6f8e"))]
    pub commit: Option<String>,
    /// Why the run does not have its files. Then `status` is `install_failed`, and `stderr` says more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RepositoryError>,
}

/// Why a run does not have the files of its repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RepositoryError {
    /// There is no such repository, or it is private: its server does not say which.
    NotFound,
    /// It has no such branch, tag or commit.
    RefNotFound,
    /// The commit has no such directory.
    SubdirNotFound,
    /// Neither the repository nor the request has the file to start.
    EntrypointNotFound,
    /// What is fetched, or the files, are larger than allowed.
    TooLarge,
    /// There are more files and directories than allowed, or they are nested too deep.
    TooManyFiles,
    /// It took longer than allowed.
    Timeout,
    /// Its server could not be reached, or sent the client to another host.
    Unreachable,
    /// What its server sent is no repository that can be used.
    Unusable,
    /// The runner has no git.
    Unavailable,
}
