//! Forwards the events of a run, and releases its lease when they end or when the client leaves.

use crate::objects::runtime::ObjectRuntime;
use crate::ports::{ClientSignal, EventStream, Lease, SentJob};
use std::cell::RefCell;
use std::rc::Rc;

/// The first event of a run. A stream with nothing after it becomes a `system` result.
pub const START: &[u8] = b"{\"type\":\"start\"}\n";

/// The response with the events of a run, which holds `lease` until the events end or `client` leaves. `None` means
/// that the run may have begun but sends no events: the response is then [`START`] alone.
///
/// The object pipes the stream instead of returning the runner's response, for two reasons. The runtime evicts an
/// object ten seconds after its last call, even while a response that it only returned is still streaming. And only the
/// pipe reports the end of the stream.
pub fn pipe_response<S: EventStream>(
    job: SentJob<S>,
    lease: impl Lease + 'static,
    client: &ClientSignal,
    runtime: &ObjectRuntime,
) -> Option<S::Piped> {
    let (piped, ended) = running(job, runtime)?.pipe().ok()?;
    let lease = Rc::new(RefCell::new(Some(lease)));
    let until_it_leaves = Rc::clone(&lease);
    client.on_leave(move || drop(until_it_leaves.take()));
    runtime.background.spawn(Box::pin(async move {
        let has_ended = ended.await;
        // The borrow ends before the lease is released, which may admit another run.
        let lease = lease.take();
        match has_ended {
            true => lease.finished(),
            false => drop(lease),
        }
    }));
    Some(piped)
}

/// The events of a job that runs. A run whose result is lost is logged.
pub fn running<S>(job: SentJob<S>, runtime: &ObjectRuntime) -> Option<S> {
    match job {
        SentJob::Running(stream) => Some(stream),
        SentJob::Unknown(why) => {
            let message = "A container failed when it may have begun a run; the run counts as failed.";
            runtime.log_failure(message, &why);
            None
        }
    }
}
