//! The containers that execute the runs of one project.

use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::ports::client_signal::ClientSignal;
use crate::ports::error::PortError;
use crate::ports::http_messages::Upgrade;
use crate::ports::run_pools::PoolFailure;
use futures::future::LocalBoxFuture;
use futures::stream::LocalBoxStream;

/// The containers of one pool, by number. The pool decides which member gets a run.
pub trait PoolMembers: 'static {
    /// An encoded job, as the runtime holds it; it can be sent more than once.
    type Body;
    /// What a member answers: the events of a run, or a socket.
    type Response: EventStream;
    /// What a run holds in its member while it is in progress.
    type Lease: Lease + 'static;

    /// An encoded job as it is sent.
    fn body(&self, job: &[u8]) -> Self::Body;

    /// Sends a job that has waited since `since` to a member. Once the run has begun, its connection closes when `client`
    /// leaves, which ends the run.
    /// An error means that nothing has run, unless its code is [`Lost`](crate::ports::PoolFailureCode::Lost).
    async fn run(
        &self,
        member: usize,
        job: &Self::Body,
        since: Timestamp,
        client: &ClientSignal,
    ) -> Result<(SentJob<Self::Response>, Self::Lease), PoolFailure>;
    /// The events of a run that a member keeps, from the beginning; `None` if it keeps no such run. It may be repeated.
    /// An error means that the member may keep the run.
    async fn attach(&self, member: usize, id: RunId) -> Result<Option<(Self::Response, Self::Lease)>, PoolFailure>;
    /// Says that the end of a run is stored, so that the member need not keep its events. It may be repeated, and may be left out.
    async fn forget(&self, member: usize, id: RunId);
    /// Cancels a job. `true` means that the member never executes it, also when the job arrives later; `false` means that
    /// the member has executed it or may have, and that it ends now if it still runs. It may be repeated.
    async fn cancel(&self, member: usize, id: RunId) -> bool;
    /// The socket to the standard input of an interactive run; `None` when the run is over.
    async fn input(&self, member: usize, id: RunId) -> Result<Option<Self::Response>, PoolFailure>;
    /// Starts a member unless it is up. Returns how many programs it runs at once. It may be repeated.
    async fn up(&self, member: usize) -> Result<u32, PoolFailure>;
    /// Ends the container of a member. It may be repeated, also for a member that was never started.
    async fn destroy(&self, member: usize);
}

/// A job that was sent to a runner.
#[derive(Debug)]
pub enum SentJob<S> {
    /// The runner executes it and sends these events.
    Running(S),
    /// The runner may have executed it, wholly or in part, and the result is lost. The text is for the log.
    Unknown(String),
}

/// The events of a run on their way from the runner.
pub trait EventStream: Sized + 'static {
    /// A response that forwards the events.
    type Piped: 'static;

    /// Forwards the events without waking the object for each of them. The future resolves when no more events come: to
    /// `true` if the stream reached its end, to `false` if either side aborted it.
    fn pipe(self) -> Result<(Self::Piped, LocalBoxFuture<'static, bool>), PortError>;
    /// The WebSocket that the response has opened, if it has.
    fn into_socket(self) -> Option<Upgrade>;
    /// The events in chunks that may end anywhere. Dropping the stream ends the run.
    fn chunks(self) -> Result<LocalBoxStream<'static, Result<Vec<u8>, PortError>>, PortError>;
}

/// What a run holds while it is in progress. Dropping the lease releases it, and means that the end of the run was not
/// observed.
pub trait Lease {
    /// Releases the lease after the run has reached its end.
    fn finished(self);
}

/// The lease of a run that can be cancelled.
pub trait RunLease: Lease + 'static {
    /// Ends the run. Its event stream then completes with what the run has used.
    fn cancel(&self, id: RunId) -> LocalBoxFuture<'static, ()>;
}

/// The lease of a run in another object, which keeps its own.
impl Lease for () {
    fn finished(self) {}
}

/// The lease of a run that never started.
impl RunLease for () {
    fn cancel(&self, _: RunId) -> LocalBoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl<L: Lease> Lease for Option<L> {
    fn finished(self) {
        if let Some(lease) = self {
            lease.finished();
        }
    }
}
