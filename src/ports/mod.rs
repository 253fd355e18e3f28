//! What the application needs from outside, named for what it is needed for.
//!
//! Every port is implemented over the Workers runtime in [`crate::platform`] and [`crate::objects`], and by fakes in
//! tests. An error of a port is for the log; what the caller hears is decided where it is handled.

pub mod event_reader;
pub mod exchange;
pub mod isolates;
pub mod rooms;
pub mod socket;
pub mod sql;

pub use socket::Socket;
pub use sql::{LocalSql, Row, Sql, SqlValue, Statement};

use crate::domain::account::mail::Mail;
use crate::domain::key::gate::{CheckKey, Decision, KeyConfig};
use crate::domain::run::events::Interrupted;
use crate::domain::run::finished::FinishedRun;
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{Fingerprint, IdempotencyKey};
use crate::domain::timestamp::Timestamp;
use async_trait::async_trait;
use docle_protocol::RunnerHealth;
use futures::future::LocalBoxFuture;
use futures::stream::LocalBoxStream;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something outside did not work. The text is for the log and never for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortError(pub String);

impl fmt::Display for PortError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Values by key, kept for a while. A value may take a minute until every place sees it; writes may be repeated.
#[async_trait(?Send)]
pub trait Kv {
    /// The value, or `None` where there is none or it is not visible here yet.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError>;
    /// Stores `value`, at most 25 MiB, for `ttl_seconds`.
    async fn put(&self, key: &str, value: &[u8], ttl_seconds: u64) -> Result<(), PortError>;
    /// Forgets the value, if there is one.
    async fn delete(&self, key: &str) -> Result<(), PortError>;
}

/// The gates of API keys, one for each key, named by its hash.
#[async_trait(?Send)]
pub trait Gates {
    /// Asks whether a caller may pass, and counts it if it may: at once, whoever else asks at the same time. An error
    /// must refuse the caller.
    async fn ask(&self, key_hash: &str, ask: &CheckKey) -> Result<Decision, PortError>;
    /// Hands over an ended run: its usage is flushed soon, its record is there at once. It may be repeated.
    async fn record(&self, key_hash: &str, run: FinishedRun) -> Result<(), PortError>;
    /// The [record](crate::domain::run::record::encode) of a run, where the gate keeps it.
    async fn recorded(&self, key_hash: &str, id: RunId) -> Result<Option<Vec<u8>>, PortError>;
    /// Forgets the records of these runs.
    async fn forget(&self, key_hash: &str, ids: &[RunId]) -> Result<(), PortError>;
    /// Books now what was recorded here and in the gate, instead of soon.
    async fn flush(&self, key_hash: &str) -> Result<(), PortError>;
    /// Forgets every run with a key that is gone, and the key.
    async fn erase(&self, key_hash: &str) -> Result<(), PortError>;
    /// Makes the gate look again at what the database says: when this returns, nobody passes by what it said before.
    async fn refresh(&self, key_hash: &str) -> Result<(), PortError>;
}

/// What gates need from outside.
#[async_trait(?Send)]
pub trait KeyLedger {
    /// What is known of the key; `None` where there is none.
    async fn facts(&self, key_hash: &str) -> Result<Option<KeyConfig>, PortError>;
    /// Writes that a key was used, and the records of its runs. Records that were flushed before are not flushed again.
    async fn flush(&self, key_hash: &str, used_at: Option<Timestamp>, records: &[String]) -> Result<(), PortError>;
    /// Keeps the record of a run that the gate has no room for.
    async fn keep(&self, id: RunId, record: &str) -> Result<(), PortError>;
}

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

/// Mail.
#[async_trait(?Send)]
pub trait Mailer {
    /// Hands a mail over to whoever delivers it. After an error it may have been handed over nevertheless.
    async fn send(&self, mail: Mail) -> Result<(), PortError>;
}

/// Time.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Timestamp;
    /// Resolves after `milliseconds`.
    fn sleep(&self, milliseconds: u32) -> LocalBoxFuture<'static, ()>;
}

/// Randomness that nobody can predict.
pub trait Entropy {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Work that outlives the answer.
pub trait Background {
    /// Runs `work` to its end, whether or not the answer has been sent.
    fn spawn(&self, work: LocalBoxFuture<'static, ()>);
}

/// The log.
pub trait Log {
    /// Writes one line: a sentence or an object with dotted fields; never keys, code, addresses or bodies.
    fn write(&self, level: Level, line: serde_json::Value);
}

/// How much attention a line deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Info,
    Error,
}
