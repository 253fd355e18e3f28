//! What the result of a run has beside its end: its repository, a hint, and the files that it hands back.

use crate::compile::CompileResult;
use crate::repositories::FetchedRepository;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parts of a result that only some runs have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RunDetails {
    /// The field of `policy` that ended the program; absent where none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<PolicyLimit>,
    /// What the network policy refused; absent where it refused nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Box<NetworkReport>>,
    /// The repository of the request and the commit that the run had; absent where the request has no `repo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<Box<FetchedRepository>>,
    /// The compilation of the program; absent where nothing was compiled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compile: Option<Box<CompileResult>>,
    /// What to send in the next request, where the program failed for want of a package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(example = &"The module \"cv2\" is not installed. Add its package to the request: \"packages\": [\"opencv-python\"]")
    )]
    pub hint: Option<String>,
    /// The files that `artifacts` of the request names, sorted by name; absent where the request has no `artifacts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<Vec<Artifact>>,
    /// How many further files match `artifacts`; absent where all are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifacts_omitted: Option<u32>,
}

/// A limit of `policy` that ends a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum PolicyLimit {
    #[serde(rename = "timeoutMs")]
    TimeoutMs,
    #[serde(rename = "cpuMs")]
    CpuMs,
    #[serde(rename = "memoryMB")]
    MemoryMb,
    #[serde(rename = "maxOutputBytes")]
    MaxOutputBytes,
    /// A signal (SIGXFSZ) ended the program when it wrote beyond `maxFileMB`. Programs that ignore the signal, as Python and
    /// Node do, get the error EFBIG instead.
    #[serde(rename = "maxFileMB")]
    MaxFileMb,
}

/// What the network policy did to a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct NetworkReport {
    /// The servers that the program asked for and that the policy refused, as `host:port`, sorted: the first 20.
    /// `usage.blockedConnections` counts all refused requests.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [["example.com:443"]])))]
    pub refused: Vec<String>,
}

/// A file that a run hands back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// The path below `/workspace`. It may contain any character but NUL.
    #[cfg_attr(feature = "schema", schemars(example = &"out/plot.png"))]
    pub name: String,
    /// Bytes of the file.
    pub size: u64,
    /// The MIME type that the ending of the name stands for.
    #[cfg_attr(feature = "schema", schemars(example = &"image/png"))]
    pub mime_type: String,
    /// SHA-256 of the file in hexadecimal; absent where `error` says that the file was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Where the content is for 7 days. Anyone with the link can read the file, without a key. Absent where `error` says that
    /// the file was not read or not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            extend("format" = "uri-reference"),
            example = &"https://api.docle.co/api/artifacts/0badcafe-01bf-4fff-bfff-ffffd2f7a0c1/0-plot.png?sig=1796083200.Gf1yJq5cUOqXW0Yd3pQZbA"
        )
    )]
    pub url: Option<String>,
    /// The content in base64, where the request has `artifactsInline`. A result that is read again has no content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// Why the content is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ArtifactError>,
}

/// Why the content of a file is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ArtifactError {
    /// It is larger than 10 MiB.
    TooLarge,
    /// The files before it have 25 MiB together.
    TooManyBytes,
    /// It is larger than the 256 KiB that a result may contain of one file.
    TooLargeToInline,
    /// The files before it have taken the 1 MiB that a result may contain of all files.
    InlineFull,
    /// The file could not be read.
    Unreadable,
    /// The file could not be stored, so there is no link.
    NotStored,
}
