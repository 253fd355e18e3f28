//! A run as its callers see it: who it runs for, what happens while it goes on, and why it did not start.

use crate::domain::run::id::RunId;
use crate::domain::run::record::Owner;
use crate::domain::run::result::RunResult;
use crate::domain::timestamp::Timestamp;
use crate::ports::{PoolFailure, PortError};
use docle_protocol::Stream;
use futures::stream::LocalBoxStream;

/// The client that a program runs for.
pub struct Client {
    pub owner: Owner,
    /// The network address of the client, if the project stores it.
    pub ip: Option<String>,
    /// The id of the run token that the client has sent instead of a key.
    pub token: Option<String>,
}

/// A run that has a slot in a runner, or that has ended.
pub struct StartedRun {
    pub id: RunId,
    pub created_at: Timestamp,
    /// Whether an earlier call with the same idempotency key started it.
    pub replayed: bool,
    /// Whether all output is small enough to be held whole: that of a script.
    pub is_bounded: bool,
    /// Ends with exactly one [`Progress::Complete`]. Dropping it before ends the run, unless it has an idempotency key.
    pub progress: LocalBoxStream<'static, Progress>,
}

/// What happens while a run goes on.
#[derive(Debug)]
pub enum Progress {
    /// Output, in whole characters.
    Output(Stream, String),
    /// Nothing, but the runner is alive.
    Heartbeat,
    Complete(RunResult),
}

/// Why a run did not start.
#[derive(Debug)]
pub enum NotStarted {
    Pool(PoolFailure),
    /// The run of an earlier call with the same idempotency key has ended, and its result was deleted.
    Erased,
    /// The result of an earlier call cannot be read.
    Unreadable(PortError),
}

impl From<PoolFailure> for NotStarted {
    fn from(failure: PoolFailure) -> Self {
        Self::Pool(failure)
    }
}
