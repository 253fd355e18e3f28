//! Where programs run: the pool of containers of each project.

use crate::domain::run::events::Interrupted;
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{Fingerprint, IdempotencyKey};
use crate::domain::timestamp::Timestamp;
use crate::ports::socket::Socket;
use async_trait::async_trait;
use docle_protocol::RunnerHealth;
use futures::stream::LocalBoxStream;
use serde::{Deserialize, Serialize};

/// Where programs run.
#[async_trait(?Send)]
pub trait RunPools {
    /// Starts a job, an encoded [`docle_protocol::RunJob`], in the project's sandbox. Dropping the stream ends the run,
    /// unless it runs once; so does the caller's leaving. An error means that nothing has run, unless it is
    /// [`PoolFailureCode::Lost`].
    async fn run(&self, project_id: &str, job: Vec<u8>, mode: RunMode) -> Result<RunStream, PoolFailure>;
    /// Sees to it that a job which may be on its way is not executed. `false` where it has been, or may have been.
    async fn cancel_unstarted(&self, project_id: &str, id: RunId) -> bool;
    /// The standard input of an interactive run that has started: binary messages are written to it, in order, and its
    /// end is the socket's. `None` where the run is over already.
    async fn input(&self, project_id: &str, id: RunId) -> Result<Option<Box<dyn Socket>>, PoolFailure>;
    /// What the runner says about itself; `None` where runs get containers, none of which is started to be asked.
    async fn health(&self) -> Result<Option<RunnerHealth>, PoolFailure>;
}

/// What a run is beside its job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunMode {
    /// It ends with its caller.
    Plain,
    /// It is one run, however often it is called for.
    Idempotent(IdempotentCall),
    /// Its standard input goes on, see [`RunPools::input`].
    Interactive(RunId),
}

/// A call that must have one effect however often it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdempotentCall {
    pub key: IdempotencyKey,
    pub fingerprint: Fingerprint,
    pub run_id: RunId,
    pub created_at: Timestamp,
    /// After this long the run counts as broken, in milliseconds.
    pub deadline_ms: u32,
}

/// Which run answers a repeated call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FirstCall {
    pub run_id: RunId,
    pub created_at: Timestamp,
}

/// A run in progress: the runner's event stream in chunks that may end anywhere.
pub struct RunStream {
    pub chunks: LocalBoxStream<'static, Result<Vec<u8>, Interrupted>>,
    /// Set when this is not a new run but the answer to an earlier call.
    pub first_call: Option<FirstCall>,
}

/// Why a job did not start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolFailure {
    pub code: PoolFailureCode,
    /// For the log.
    pub message: String,
    /// When to try again, in seconds, where it is known better than "soon".
    #[serde(default)]
    pub retry_after_s: Option<u32>,
}

/// What a job's not starting means to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolFailureCode {
    /// No runner answers, or it is stopping, or it does not accept us.
    Unavailable,
    /// What became of the job is not known.
    Lost,
    /// No place became free in time.
    Busy,
    /// So many runs of the project wait for a place already that no more may.
    QueueFull,
    /// The runner speaks another version of the protocol.
    Mismatch,
    /// The runner refuses the job itself, which validation should have refused.
    Rejected,
    /// The idempotency key was used with another body.
    KeyReused,
    /// Whether the first call with the idempotency key finished is unknown.
    InDoubt,
    /// The caller left before the job started.
    ClientLeft,
}

impl PoolFailureCode {
    /// The failure with a sentence for the log.
    pub fn because(self, message: impl Into<String>) -> PoolFailure {
        PoolFailure { code: self, message: message.into(), retry_after_s: None }
    }
}
