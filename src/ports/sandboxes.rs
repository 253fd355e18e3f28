//! Sandboxes, and what the object of a sandbox needs: a machine, a disk, and its row in the directory.

use crate::domain::account::quota::QuotaExceeded;
use crate::domain::input::page::Page;
use crate::domain::sandbox::id::SandboxId;
use crate::domain::sandbox::settings::Runtime;
use crate::domain::timestamp::Timestamp;
use crate::ports::client_signal::ClientSignal;
use crate::ports::error::PortError;
use async_trait::async_trait;
use docle_api::sandbox_commands::ExecStatus;
use docle_api::sandboxes::SandboxStatus;
use docle_protocol::sandbox::{ExecJob, FileError, FileRequest, FileResponse, SandboxSpec, SandboxState};
use futures::stream::LocalBoxStream;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Bytes in chunks. An error means that the rest is lost.
pub type ByteStream = LocalBoxStream<'static, Result<Vec<u8>, PortError>>;

/// A sandbox as its project names it. A sandbox of another project is not found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SandboxOf {
    pub project_id: String,
    pub id: SandboxId,
}

/// What the object of a sandbox is told about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SandboxConfig {
    pub env: BTreeMap<String, String>,
    pub runtime: Runtime,
}

/// What the object of a sandbox says about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SandboxReport {
    pub status: SandboxStatus,
    pub config: SandboxConfig,
    pub last_used_at: Option<Timestamp>,
    pub saved_at: Option<Timestamp>,
    pub save_failing: Option<Timestamp>,
    pub restored_from: Option<Timestamp>,
}

/// An execution that has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionRecord {
    pub id: String,
    pub command: String,
    pub file_path: Option<String>,
    pub status: ExecStatus,
    pub exit_code: i32,
    pub output: String,
    pub error: String,
    pub duration_ms: f64,
    pub started_at: Timestamp,
}

/// A file on its way from a sandbox.
pub struct Content {
    pub head: ContentHead,
    pub body: ByteStream,
}

/// What is known of the content before it comes: 200, or 206 and 416 with a range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentHead {
    pub status: u16,
    /// `Content-Range`.
    pub range: Option<String>,
    pub length: Option<u64>,
}

/// An answer of a sandbox.
pub struct Given<T> {
    pub value: T,
    /// If the machine was lost before this call: the files are as they had been at this time.
    pub restored_from: Option<Timestamp>,
}

/// Why a sandbox does not do what a call asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SandboxRefusal {
    NotFound,
    File(FileError),
    /// The account has as many awake sandboxes as it may.
    Quota(QuotaExceeded),
    /// Nothing was done. The text is for the log.
    Unavailable(String),
    /// All places for awake sandboxes are taken. Nothing was done.
    Full,
    /// It is not known whether it was done. The text is for the log.
    Interrupted(String),
}

impl From<PortError> for SandboxRefusal {
    fn from(error: PortError) -> Self {
        Self::Unavailable(error.0)
    }
}

/// All sandboxes. Every method but `open` and `delete` refuses the caller of another project with
/// [`SandboxRefusal::NotFound`].
#[async_trait(?Send)]
pub trait Sandboxes {
    /// Makes a sandbox and starts it. It may be repeated.
    async fn open(&self, sandbox: &SandboxOf, config: &SandboxConfig) -> Result<(), SandboxRefusal>;
    /// Changes the settings. It may be repeated.
    async fn configure(&self, sandbox: &SandboxOf, config: &SandboxConfig) -> Result<(), SandboxRefusal>;
    /// What the sandbox is like. It wakes nothing.
    async fn report(&self, sandbox: &SandboxOf) -> Result<SandboxReport, SandboxRefusal>;
    /// Executes a command: a stream of `ExecEvent` lines. Dropping it, or a client that leaves, ends the command.
    async fn exec(
        &self,
        sandbox: &SandboxOf,
        job: &ExecJob,
        file_path: Option<&str>,
    ) -> Result<Given<ByteStream>, SandboxRefusal>;
    /// Executions that have ended, the newest first. It wakes nothing.
    async fn executions(&self, sandbox: &SandboxOf, page: &Page) -> Result<Vec<ExecutionRecord>, SandboxRefusal>;
    /// Does an operation on files.
    async fn files(&self, sandbox: &SandboxOf, request: &FileRequest) -> Result<Given<FileResponse>, SandboxRefusal>;
    /// Reads a file, or the part that a `Range` header names.
    async fn read(
        &self,
        sandbox: &SandboxOf,
        path: &str,
        range: Option<&str>,
    ) -> Result<Given<Content>, SandboxRefusal>;
    /// Writes a file.
    async fn write(
        &self,
        sandbox: &SandboxOf,
        path: &str,
        content: ByteStream,
    ) -> Result<Given<FileResponse>, SandboxRefusal>;
    /// Saves the sandbox and ends its machine, unless a command runs. It may be repeated.
    async fn sleep(&self, sandbox: &SandboxOf) -> Result<(), SandboxRefusal>;
    /// Starts the sandbox unless it runs. It may be repeated.
    async fn wake(&self, sandbox: &SandboxOf) -> Result<(), SandboxRefusal>;
    /// Deletes the sandbox with everything of it. After `Ok` it is not found any more, and its object deletes what is left.
    /// It may be repeated, also for a sandbox that is gone.
    async fn delete(&self, sandbox: &SandboxOf) -> Result<(), SandboxRefusal>;
}

/// Why a machine does not do what a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostError {
    /// The runner has no such sandbox: it never had it, or has lost it.
    Unknown,
    File(FileError),
    /// Nothing was done.
    Unavailable(String),
    /// It is not known whether it was done.
    Lost(String),
}

/// The machine of one sandbox: a jail of a runner. Paths are those of programs.
#[async_trait(?Send)]
pub trait SandboxHost {
    /// Makes the jail; `false` if it was there. It may be repeated.
    async fn create(&self, spec: &SandboxSpec) -> Result<bool, HostError>;
    async fn state(&self) -> Result<SandboxState, HostError>;
    /// Ends the jail with everything in it. It may be repeated, also without one.
    async fn end(&self) -> Result<(), HostError>;
    /// Executes a command, which ends when `client` leaves: a stream of `ExecEvent` lines. After `Unknown` nothing was executed.
    async fn exec(&self, job: &ExecJob, client: &ClientSignal) -> Result<ByteStream, HostError>;
    /// Ends a command. It may be repeated.
    async fn cancel(&self, exec: &str) -> Result<(), HostError>;
    async fn files(&self, request: &FileRequest) -> Result<FileResponse, HostError>;
    async fn read(&self, path: &str, range: Option<&str>) -> Result<Content, HostError>;
    async fn write(&self, path: &str, content: ByteStream) -> Result<FileResponse, HostError>;
    /// All files that are saved.
    async fn archive(&self) -> Result<ByteStream, HostError>;
    /// Replaces all files. After an error the jail holds any part of them.
    async fn restore(&self, archive: ByteStream) -> Result<(), HostError>;
}

/// Where the files of sandboxes are saved. A tree is all files of a sandbox at one time; it never changes.
#[async_trait(?Send)]
pub trait Disk {
    /// Saves a tree. After `Ok` it can be restored; after an error it may be there.
    async fn save(&self, sandbox: &SandboxOf, tree: u64, archive: ByteStream) -> Result<(), PortError>;
    /// A tree that was saved.
    async fn restore(&self, sandbox: &SandboxOf, tree: u64) -> Result<ByteStream, PortError>;
    /// Deletes a tree. It may be repeated, also for one that was never saved.
    async fn delete(&self, sandbox: &SandboxOf, tree: u64) -> Result<(), PortError>;
    /// Deletes all trees of a sandbox. It may be repeated.
    async fn delete_all(&self, sandbox: &SandboxOf) -> Result<(), PortError>;
}

/// The rows of sandboxes in the database. Every method may be repeated.
#[async_trait(?Send)]
pub trait SandboxDirectory {
    /// The account that owns a project; `None` if nobody does.
    async fn owner_of(&self, project_id: &str) -> Result<Option<String>, PortError>;
    /// Whether the operator has suspended the account that owns a project, or nobody has the project any more.
    async fn is_suspended(&self, project_id: &str) -> Result<bool, PortError>;
    /// Notes what a sandbox does, and when it was last used.
    async fn note(
        &self,
        id: &SandboxId,
        status: SandboxStatus,
        last_used_at: Option<Timestamp>,
    ) -> Result<(), PortError>;
    /// Removes a sandbox.
    async fn remove(&self, id: &SandboxId) -> Result<(), PortError>;
}
