//! Sandboxes, and what the object of a sandbox needs: a machine, a disk, and its row in the directory.

use crate::domain::account::quota::QuotaExceeded;
use crate::domain::input::page::Page;
use crate::domain::sandbox::id::SandboxId;
use crate::domain::timestamp::Timestamp;
use crate::ports::client_signal::ClientSignal;
use crate::ports::contexts::{CellCall, ContextAction};
use crate::ports::error::PortError;
use crate::ports::http_messages::Upgrade;
use crate::ports::previews::{PortAnswer, PortRefusal, PortsAnswer, PortsRequest, PreviewCall, TerminalCall};
use crate::ports::snapshots::{SnapshotRequest, SnapshotResponse};
use async_trait::async_trait;
use docle_api::sandbox_commands::ExecStatus;
use docle_api::sandboxes::SandboxStatus;
use docle_protocol::context::ContextState;
use docle_protocol::sandbox::checkout::{CheckedOut, CheckoutJob, CheckoutRefused};
use docle_protocol::sandbox::process::{ProcessError, ProcessRequest, ProcessResponse, ProcessWatch};
use docle_protocol::sandbox::terminal::TerminalJob;
use docle_protocol::sandbox::{ExecJob, FileError, FileRequest, FileResponse, SandboxSpec, SandboxState};
use docle_tree::PackName;
use futures::stream::LocalBoxStream;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use crate::ports::sandbox_names::{ConfigChange, SandboxConfig, SandboxOf};

/// Bytes in chunks. An error means that the rest is lost.
pub type ByteStream = LocalBoxStream<'static, Result<Vec<u8>, PortError>>;

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

/// A session of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRecord {
    pub id: String,
    /// Where its shell starts; an empty one is `/workspace`.
    pub cwd: String,
    pub env: BTreeMap<String, String>,
    /// Whether a command was executed in it.
    pub is_used: bool,
    pub created_at: Timestamp,
}

/// What is asked about variables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EnvRequest {
    List,
    Replace { env: BTreeMap<String, String> },
    Change { set: BTreeMap<String, String>, remove: Vec<String> },
}

/// What is asked about sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SessionRequest {
    List,
    Create { session: SessionRecord },
    Delete { id: String },
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
    SnapshotNotFound,
    /// The sandbox has as many snapshots as it may.
    SnapshotsFull,
    /// Neither sandbox is a branch of the other.
    NotABranch,
    /// The sandbox would have more variables than it may.
    TooManyVariables,
    File(FileError),
    Process(ProcessError),
    Checkout(CheckoutRefused),
    Port(PortRefusal),
    /// The sandbox has no such context: it has never had it, or has slept or was made anew since. Nothing was done.
    NoContext,
    /// The sandbox has as many contexts as it may.
    TooManyContexts,
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
    async fn configure(&self, sandbox: &SandboxOf, change: &ConfigChange) -> Result<(), SandboxRefusal>;
    /// Reads or changes the variables: their names as they are after that. It wakes nothing, and may be repeated.
    async fn env(&self, sandbox: &SandboxOf, request: &EnvRequest) -> Result<Vec<String>, SandboxRefusal>;
    /// What the sandbox is like. It wakes nothing.
    async fn report(&self, sandbox: &SandboxOf) -> Result<SandboxReport, SandboxRefusal>;
    /// Executes a command: a stream of `ExecEvent` lines. Dropping it, or a client that leaves, ends the command.
    async fn exec(
        &self,
        sandbox: &SandboxOf,
        job: &ExecJob,
        file_path: Option<&str>,
    ) -> Result<Given<ByteStream>, SandboxRefusal>;
    /// Does something with contexts.
    async fn contexts(
        &self,
        sandbox: &SandboxOf,
        action: &ContextAction,
    ) -> Result<Given<Vec<ContextState>>, SandboxRefusal>;
    /// Runs a cell: a stream of `CellEvent` lines. Dropping it, or a client that leaves, interrupts the cell.
    async fn run_cell(&self, sandbox: &SandboxOf, call: &CellCall) -> Result<Given<ByteStream>, SandboxRefusal>;
    /// Executions that have ended, the newest first. It wakes nothing.
    async fn executions(&self, sandbox: &SandboxOf, page: &Page) -> Result<Vec<ExecutionRecord>, SandboxRefusal>;
    /// Carries out a request about processes. Only a start wakes the sandbox.
    async fn processes(
        &self,
        sandbox: &SandboxOf,
        request: &ProcessRequest,
    ) -> Result<Given<ProcessResponse>, SandboxRefusal>;
    /// Reads the events of a process: a stream of `ProcessEvent` lines. Dropping it, or a client that leaves, ends the reading and
    /// not the process.
    async fn watch(&self, sandbox: &SandboxOf, watch: &ProcessWatch) -> Result<ByteStream, SandboxRefusal>;
    /// Lists, makes or deletes sessions: the sessions as they are after that. It wakes nothing.
    async fn sessions(
        &self,
        sandbox: &SandboxOf,
        request: &SessionRequest,
    ) -> Result<Vec<SessionRecord>, SandboxRefusal>;
    /// Lists, exposes, rotates or unexposes ports. It wakes nothing, and may be repeated.
    async fn ports(&self, sandbox: &SandboxOf, request: &PortsRequest) -> Result<PortsAnswer, SandboxRefusal>;
    /// Sends the request of a visitor to what listens on an exposed port. The URL, and no project, says who may. Dropping the answer, or
    /// a client that leaves, ends it.
    async fn preview(
        &self,
        id: &SandboxId,
        call: &PreviewCall,
        body: Option<ByteStream>,
    ) -> Result<PortAnswer, SandboxRefusal>;
    /// Connects a viewer to a terminal, which is made if it is not there: a WebSocket.
    async fn terminal(&self, sandbox: &SandboxOf, call: &TerminalCall) -> Result<Upgrade, SandboxRefusal>;
    /// Does an operation on files.
    async fn files(&self, sandbox: &SandboxOf, request: &FileRequest) -> Result<Given<FileResponse>, SandboxRefusal>;
    /// Checks a repository out.
    async fn check_out(&self, sandbox: &SandboxOf, job: &CheckoutJob) -> Result<Given<CheckedOut>, SandboxRefusal>;
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
    /// The archive of a directory.
    async fn export(&self, sandbox: &SandboxOf, path: &str) -> Result<Given<ByteStream>, SandboxRefusal>;
    /// Unpacks an archive into a directory. After an error nothing has changed, unless it is [`SandboxRefusal::Interrupted`].
    async fn import(
        &self,
        sandbox: &SandboxOf,
        path: &str,
        archive: ByteStream,
    ) -> Result<Given<FileResponse>, SandboxRefusal>;
    /// The archive of a snapshot. It wakes nothing.
    async fn export_snapshot(&self, sandbox: &SandboxOf, id: &str) -> Result<ByteStream, SandboxRefusal>;
    /// Carries out a request about snapshots. It may be repeated.
    async fn snapshots(
        &self,
        sandbox: &SandboxOf,
        request: &SnapshotRequest,
    ) -> Result<SnapshotResponse, SandboxRefusal>;
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
    Process(ProcessError),
    Checkout(CheckoutRefused),
    /// The program behind a port has given no answer.
    Port(docle_protocol::sandbox::port::PortFailure),
    /// The jail has no such context.
    NoContext,
    /// It has as many contexts as it may.
    TooManyContexts,
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
    /// Replaces the variables of commands that start from now on. It may be repeated.
    async fn set_env(&self, env: &BTreeMap<String, String>) -> Result<(), HostError>;
    /// Ends the jail with everything in it. It may be repeated, also without one.
    async fn end(&self) -> Result<(), HostError>;
    /// Executes a command, which ends when `client` leaves: a stream of `ExecEvent` lines. After `Unknown` nothing was executed.
    async fn exec(&self, job: &ExecJob, client: &ClientSignal) -> Result<ByteStream, HostError>;
    /// Does something with contexts.
    async fn contexts(&self, action: &ContextAction) -> Result<Vec<ContextState>, HostError>;
    /// Runs a cell: a stream of `CellEvent` lines. [`Self::cancel`] ends it.
    async fn run_cell(&self, call: &CellCall) -> Result<ByteStream, HostError>;
    /// Ends a command or a cell. It may be repeated.
    async fn cancel(&self, exec: &str) -> Result<(), HostError>;
    /// Carries out a request about processes. After `Unknown` nothing was done.
    async fn processes(&self, request: &ProcessRequest) -> Result<ProcessResponse, HostError>;
    /// Reads the events of a process until `client` leaves: a stream of `ProcessEvent` lines.
    async fn watch(&self, watch: &ProcessWatch, client: &ClientSignal) -> Result<ByteStream, HostError>;
    /// Ends the shell of a session with everything that it has started. It may be repeated, also without one.
    async fn end_session(&self, session: &str) -> Result<(), HostError>;
    /// Sends a request to what listens on a port, until `client` leaves.
    async fn port(
        &self,
        call: &PreviewCall,
        body: Option<ByteStream>,
        client: &ClientSignal,
    ) -> Result<PortAnswer, HostError>;
    /// Connects a viewer to the terminal of a session: a WebSocket as [`docle_protocol::sandbox::terminal`] has it.
    async fn terminal(&self, session: &str, job: &TerminalJob) -> Result<Upgrade, HostError>;
    async fn files(&self, request: &FileRequest) -> Result<FileResponse, HostError>;
    /// Checks a repository out, or changes nothing.
    async fn check_out(&self, job: &CheckoutJob) -> Result<CheckedOut, HostError>;
    async fn read(&self, path: &str, range: Option<&str>) -> Result<Content, HostError>;
    async fn write(&self, path: &str, content: ByteStream) -> Result<FileResponse, HostError>;
    /// The archive of a directory.
    async fn export(&self, path: &str) -> Result<ByteStream, HostError>;
    /// Unpacks an archive into a directory, or changes nothing.
    async fn import(&self, path: &str, archive: ByteStream) -> Result<FileResponse, HostError>;
    /// Saves all files: the frames of a tree, with what is not in the tree whose manifest is in the frames `base`. New packs
    /// have the number of this save. After [`HostError::File`] the runner could not read `base`.
    async fn save_tree(&self, base: ByteStream, number: u64) -> Result<ByteStream, HostError>;
    /// Replaces all files by those of a tree. After an error the jail has the files before or these.
    async fn restore_tree(&self, frames: ByteStream) -> Result<(), HostError>;
    /// Changes what differs between two trees: frames of the manifest before and an end, and then of the new manifest, the packs of
    /// [`docle_tree::patch::Patch`] and an end. After an error of a file nothing has changed; after
    /// [`FileErrorCode::Changed`](docle_protocol::sandbox::FileErrorCode::Changed) a path that differs was not as in the tree before.
    async fn patch_tree(&self, frames: ByteStream) -> Result<(), HostError>;
}

/// A part of a tree in the bucket. It never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TreePart {
    /// A part of the manifest of the tree that a save has made.
    Manifest {
        save: u64,
        part: u32,
    },
    Pack(PackName),
}

/// Where the files of sandboxes are saved. Each sandbox has its own parts, and shares none.
#[async_trait(?Send)]
pub trait Disk {
    /// Stores a part. After `Ok` it can be read; after an error it may be there.
    async fn put(&self, sandbox: &SandboxOf, part: TreePart, bytes: Vec<u8>) -> Result<(), PortError>;
    /// Reads a part: its size and its bytes.
    async fn get(&self, sandbox: &SandboxOf, part: TreePart) -> Result<(u64, ByteStream), PortError>;
    /// Reads some bytes of a part.
    async fn read(&self, sandbox: &SandboxOf, part: TreePart, offset: u32, length: u32) -> Result<Vec<u8>, PortError>;
    /// Deletes parts. It may be repeated, also for those that were never stored.
    async fn delete(&self, sandbox: &SandboxOf, parts: &[TreePart]) -> Result<(), PortError>;
    /// Deletes all parts that one save has stored. It may be repeated.
    async fn delete_save(&self, sandbox: &SandboxOf, save: u64) -> Result<(), PortError>;
    /// Deletes all parts of a sandbox. It may be repeated.
    async fn delete_all(&self, sandbox: &SandboxOf) -> Result<(), PortError>;
}

/// The rows of sandboxes in the database. Every method may be repeated.
#[async_trait(?Send)]
pub trait SandboxDirectory {
    /// The account that owns a project; `None` if nobody does.
    async fn owner_of(&self, project_id: &str) -> Result<Option<String>, PortError>;
    /// Whether the operator has suspended the account that owns a project, or nobody has the project any more.
    async fn is_suspended(&self, project_id: &str) -> Result<bool, PortError>;
    /// Notes what a sandbox does, when it was last used, and how many bytes of it are stored.
    async fn note(
        &self,
        id: &SandboxId,
        status: SandboxStatus,
        last_used_at: Option<Timestamp>,
        stored_bytes: u64,
    ) -> Result<(), PortError>;
    /// Removes a sandbox.
    async fn remove(&self, id: &SandboxId) -> Result<(), PortError>;
}
