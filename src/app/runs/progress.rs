//! A run as its callers see it: who it runs for, what happens while it goes on, and why it did not start.

use crate::domain::run::id::RunId;
use crate::domain::run::position::OutputPosition;
use crate::domain::run::record::Owner;
use crate::domain::run::result::RunResult;
use crate::domain::timestamp::Timestamp;
use crate::ports::{PoolFailure, PortError};
use docle_protocol::context::CellEvent;
use docle_protocol::{Stage, Stream};
use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};
use serde::Deserialize;

/// The client that a program runs for.
#[derive(Debug, Clone)]
pub struct Client {
    pub owner: Owner,
    /// The network address of the client, if the project stores it.
    pub ip: Option<String>,
    /// The id of the run token that the client has sent instead of a key.
    pub token: Option<String>,
    /// The address of this service, as the client knows it.
    pub base_url: String,
}

/// A run that has a slot in a runner, or that has ended.
pub struct StartedRun {
    pub id: RunId,
    pub created_at: Timestamp,
    /// Whether an earlier call with the same idempotency key started it.
    pub replayed: bool,
    /// Whether all output is small enough to be held whole: that of a script.
    pub is_bounded: bool,
    /// What was written before the first output in `progress`.
    pub from: OutputPosition,
    /// Ends with exactly one [`Progress::Complete`]. Dropping it before ends the run, unless it has an idempotency key, is
    /// detached, or is followed. That of a run that is followed can end without one.
    pub progress: LocalBoxStream<'static, Progress>,
}

/// What happens while a run goes on.
#[derive(Debug)]
pub enum Progress {
    /// Output, in whole characters.
    Output(Stream, String),
    /// What the run does now.
    Stage(Stage),
    /// Nothing, but the runner is alive.
    Heartbeat,
    /// What a run does that is a cell of code.
    Cell(Box<CellEvent>),
    Complete(RunResult),
}

/// The progress of a script: its output, which is complete when the script has ended, and then the result.
pub fn of_script(result: RunResult) -> LocalBoxStream<'static, Progress> {
    #[derive(Deserialize, Default)]
    struct Streams {
        stdout: String,
        stderr: String,
    }
    let json = result.script().cloned().unwrap_or_default();
    let Streams { stdout, stderr } = serde_json::from_slice(&json).unwrap_or_default();
    let mut events = Vec::with_capacity(3);
    if !stdout.is_empty() {
        events.push(Progress::Output(Stream::Stdout, stdout));
    }
    if !stderr.is_empty() {
        events.push(Progress::Output(Stream::Stderr, stderr));
    }
    events.push(Progress::Complete(result));
    stream::iter(events).boxed_local()
}

/// Why a run did not start.
#[derive(Debug)]
pub enum NotStarted {
    Pool(PoolFailure),
    /// The run of an earlier call with the same idempotency key has ended, and its result was deleted.
    Erased,
    /// Whether the job of a detached run is stored is unknown. The text is for the log.
    Unknown(RunId, String),
    /// The result of an earlier call cannot be read.
    Unreadable(PortError),
}

impl From<PoolFailure> for NotStarted {
    fn from(failure: PoolFailure) -> Self {
        Self::Pool(failure)
    }
}
