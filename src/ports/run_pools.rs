//! Where programs run: the pools of the projects, each with containers of its own.

use crate::domain::account::quota::QuotaExceeded;
use crate::domain::run::draft::RunDraft;
use crate::domain::run::events::Interrupted;
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{Fingerprint, IdempotencyKey};
use crate::domain::run::phase::Phase;
use crate::domain::run::position::OutputPosition;
use crate::domain::run::user_context::UserContext;
use crate::domain::timestamp::Timestamp;
use crate::domain::usage_log::query::RunFilter;
use crate::ports::error::PortError;
use crate::ports::socket::Socket;
use crate::ports::spool::Outside;
use async_trait::async_trait;
use docle_api::pending_runs::OutputSoFar;
use docle_protocol::RunnerHealth;
use futures::stream::LocalBoxStream;
use serde::{Deserialize, Serialize};

/// The pools of the projects.
#[async_trait(?Send)]
pub trait RunPools {
    /// Starts a job in a container of the draft's project. The run ends when its
    /// client leaves or the stream is dropped, unless it is [idempotent](RunMode::Idempotent) or
    /// [detached](RunMode::Detached). The pool reads the run to its end and records it, also when the client has left. An
    /// error means that nothing has run, unless it is [`PoolFailureCode::Lost`].
    async fn run(&self, job: EncodedJob, call: RunCall, draft: &RunDraft) -> Result<RunAnswer, PoolFailure>;
    /// Cancels a job. `true` means that it never runs; `false` means that it has run or may have run, and that it ends
    /// now if it still runs. It may be repeated.
    async fn cancel(&self, project_id: &str, id: RunId) -> bool;
    /// Cancels a run of the project that has not ended, wherever it is on its way, and waits until it has ended and is
    /// recorded, some five seconds at most, or until the files of a program that has ended are stored. `false` means that no such run is in flight. With `token`, the id of a run token,
    /// only a run of that token is cancelled. It may be repeated.
    async fn cancel_in_flight(&self, project_id: &str, id: RunId, token: Option<&str>) -> Result<bool, PoolFailure>;
    /// A run of the project that has not ended; `None` if no such run is in flight. It changes nothing.
    async fn pending(&self, project_id: &str, id: RunId) -> Result<Option<PendingRun>, PoolFailure>;
    /// The runs of the project that have not ended and match the filter, the newest first. It changes nothing.
    async fn list(&self, project_id: &str, filter: &RunFilter) -> Result<Vec<ListedRun>, PoolFailure>;
    /// What a run of the project that has not ended has written so far; `None` if no such run is in flight, or its output is not
    /// kept. It changes nothing.
    async fn output_so_far(&self, project_id: &str, id: RunId) -> Result<Option<OutputSoFar>, PoolFailure>;
    /// Follows a run of the project that has not ended; `None` if no such run is in flight. The caller has all output up to
    /// `from`. It neither holds the run up nor ends it. The stream may end without `complete`: the record has the rest, or the
    /// run is followed again.
    async fn follow(
        &self,
        project_id: &str,
        id: RunId,
        from: OutputPosition,
    ) -> Result<Option<FollowedRun>, PoolFailure>;
    /// Submits all runs of a project that have ended to its log. It may be repeated.
    async fn flush(&self, project_id: &str) -> Result<(), PortError>;
    /// Ends all programs of a deleted project with their containers, and deletes what the pool stores. Runs that end
    /// later are not recorded. It may be repeated.
    async fn delete(&self, project_id: &str) -> Result<(), PortError>;
    /// The socket to the standard input of an interactive run that has started: binary messages are written to it in
    /// order, and the end of the socket closes it. `None` when the run is over.
    async fn input(&self, project_id: &str, id: RunId) -> Result<Option<Box<dyn Socket>>, PoolFailure>;
    /// The health of the runner at `SANDBOX_URL`; `None` when projects have containers: a check starts no container.
    async fn health(&self) -> Result<Option<RunnerHealth>, PoolFailure>;
}

/// A [`docle_protocol::RunJob`] on its way.
pub struct EncodedJob {
    /// The job as JSON.
    pub json: Vec<u8>,
    /// The bytes of the files that are attached to it.
    pub attached: Vec<Outside>,
}

impl From<Vec<u8>> for EncodedJob {
    fn from(json: Vec<u8>) -> Self {
        Self { json, attached: Vec::new() }
    }
}

/// How a job is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunMode {
    /// The run ends when its client leaves.
    Plain,
    /// Repeated calls are one run, which no client ends by leaving.
    Idempotent(IdempotentCall),
    /// The pool stores the job before it answers, and runs it as soon as there is a slot, with or without a client. With a call,
    /// repeated calls are one run.
    Detached(Option<IdempotentCall>),
    /// The client writes to the standard input of the run, see [`RunPools::input`].
    Interactive,
    /// As `Plain`, and nothing records the run: it is the service's own.
    Unrecorded,
}

/// How a job is run, and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunCall {
    pub mode: RunMode,
    /// The longest duration of the run, in milliseconds. A run that takes longer counts as interrupted.
    pub deadline_ms: u32,
    /// Whether the run can reach other hosts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_network: bool,
}

/// A call that has one effect however often it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdempotentCall {
    pub key: IdempotencyKey,
    pub fingerprint: Fingerprint,
}

/// The run that answers a repeated call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FirstCall {
    pub run_id: RunId,
    pub created_at: Timestamp,
}

/// A run that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingRun {
    pub id: RunId,
    pub created_at: Timestamp,
    /// The id of the run token that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    pub phase: Phase,
}

/// A run that has not ended, as a list tells of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedRun {
    pub id: RunId,
    pub created_at: Timestamp,
    pub key_id: String,
    pub language: String,
    /// The beginning of the source.
    pub snippet: String,
    pub phase: Phase,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_context: Option<UserContext>,
}

/// The events of a run that is followed.
pub struct FollowedRun {
    /// What the caller has before the first of them: where it asked to begin, or the beginning of the run if all output is
    /// still there.
    pub from: OutputPosition,
    pub chunks: LocalBoxStream<'static, Result<Vec<u8>, Interrupted>>,
}

/// The answer to the start of a run.
pub enum RunAnswer {
    /// A run in progress: the runner's event stream in chunks that may end anywhere.
    Started(LocalBoxStream<'static, Result<Vec<u8>, Interrupted>>),
    /// A detached run, which this call or an earlier one has started.
    Detached(PendingRun),
    /// The run of an earlier call with the same idempotency key, which is in flight.
    Attached(FirstCall),
    /// The run of an earlier call with the same idempotency key. It has ended, and the log of the project has the record.
    Ended(FirstCall),
}

/// Why a job did not start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolFailure {
    pub code: PoolFailureCode,
    /// For the log.
    pub message: String,
    /// When to try again, in seconds; `None` when no estimate is known.
    #[serde(default)]
    pub retry_after_s: Option<u32>,
    /// The quota that has no room, with [`PoolFailureCode::QuotaExceeded`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaExceeded>,
}

impl PoolFailure {
    /// The failure of a run for which a quota has no room.
    pub fn of_quota(quota: QuotaExceeded) -> Self {
        let failure = PoolFailureCode::QuotaExceeded.with_message("A quota of the account has no room.");
        Self { quota: Some(quota), ..failure }
    }
}

/// Why a job did not start, so that the Worker can decide what its client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolFailureCode {
    /// No runner answers, or it is stopping, or it refuses the secret.
    Unavailable,
    /// Whether the job runs is unknown.
    Lost,
    /// No slot became free in time.
    Busy,
    /// The queue of the project is full.
    QueueFull,
    /// The runner speaks another version of the protocol.
    Mismatch,
    /// The language of the job is not installed; the message says which.
    NoLanguage,
    /// The machine of the runner has no terminals for programs.
    NoTerminal,
    /// The runner refuses the job itself; validation should have refused it.
    Rejected,
    /// The idempotency key was used with another body.
    KeyReused,
    /// Whether the first call with the idempotency key finished is unknown.
    InDoubt,
    /// The project has too many idempotency keys.
    TooManyKeys,
    /// The client left before the job started.
    ClientLeft,
    /// A quota of the account has no room.
    QuotaExceeded,
    /// The operator has suspended the account.
    Suspended,
}

impl PoolFailureCode {
    /// The failure with a sentence for the log.
    pub fn with_message(self, message: impl Into<String>) -> PoolFailure {
        PoolFailure { code: self, message: message.into(), retry_after_s: None, quota: None }
    }
}
