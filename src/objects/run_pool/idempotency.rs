//! Runs with an idempotency key: the object reads each run to its end, with or without a client, and keeps the answer
//! for a day.

use crate::domain::run::events::{Interrupted, Line, PartialOutput, read_line};
use crate::domain::run::idempotency::{CallAction, Entry, IdempotencyKey, decide};
use crate::objects::run_pool::pipe::{START, running};
use crate::objects::run_pool::storage;
use crate::objects::runtime::ObjectRuntime;
use crate::ports::event_reader::EventReader;
use crate::ports::{
    EventStream, FirstCall, IdempotentCall, Lease, Level, LocalSql, PoolFailure, PoolFailureCode, PortError, SentJob,
};
use bytes::Bytes;
use docle_protocol::RunEvent;
use futures::channel::{mpsc, oneshot};
use futures::{SinkExt, StreamExt, stream};
use serde_json::json;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// The runs with an idempotency key of one object.
pub struct IdempotentRuns {
    runtime: ObjectRuntime,
    in_flight: InFlight,
}

/// The answer to a call with an idempotency key.
pub enum IdempotentAnswer {
    /// The events of a run that this call started.
    Started(mpsc::Receiver<Vec<u8>>),
    /// The run of an earlier call, and the last line of its event stream.
    Replayed(FirstCall, Vec<u8>),
}

impl IdempotentRuns {
    pub fn new(runtime: ObjectRuntime) -> Self {
        Self { runtime, in_flight: InFlight::default() }
    }

    /// Answers a call: `run` runs its job, unless an earlier call with the same key did.
    ///
    /// # Errors
    /// Nothing has run, unless the code is [`PoolFailureCode::InDoubt`].
    pub async fn run<S: EventStream, L: Lease + 'static>(
        &self,
        call: IdempotentCall,
        run: impl AsyncFnOnce() -> Result<(SentJob<S>, L), PoolFailure>,
    ) -> Result<IdempotentAnswer, PoolFailure> {
        let storage = &*self.runtime.storage;
        storage::create_tables(storage).map_err(storage_failed)?;
        loop {
            let entry = storage::get(storage, &call.key).map_err(storage_failed)?;
            let in_flight = self.in_flight.contains(&call.key);
            match (decide(entry.as_ref(), &call.fingerprint, in_flight, self.runtime.clock.now()), entry) {
                (CallAction::Run, _) => return self.run_first(call, run).await,
                (CallAction::Wait, _) => self.in_flight.wait(&call.key).await,
                (CallAction::Replay, Some(entry)) => {
                    let line = storage::answer(storage, &call.key).map_err(storage_failed)?;
                    let first_call = FirstCall { run_id: entry.run_id, created_at: entry.created_at };
                    return Ok(IdempotentAnswer::Replayed(first_call, line));
                }
                (CallAction::RefuseReuse, _) => return Err(PoolFailureCode::KeyReused.with_message("Another body.")),
                (CallAction::RefuseInDoubt | CallAction::Replay, _) => {
                    return Err(PoolFailureCode::InDoubt.with_message("The object was restarted during the run."));
                }
            }
        }
    }

    /// Between the decision to run and the entry in storage there is no await, so no other call can decide the same.
    async fn run_first<S: EventStream, L: Lease + 'static>(
        &self,
        call: IdempotentCall,
        run: impl AsyncFnOnce() -> Result<(SentJob<S>, L), PoolFailure>,
    ) -> Result<IdempotentAnswer, PoolFailure> {
        let storage = &*self.runtime.storage;
        let IdempotentCall { key, fingerprint, run_id, created_at, deadline_ms } = call;
        let entry = Entry { fingerprint, run_id, created_at, finished: false };
        storage::begin(storage, &key, &entry).map_err(storage_failed)?;
        let guard = self.in_flight.begin(&key);
        let sent = async {
            let next = storage::next_alarm(storage).map_err(storage_failed)?.unwrap_or(created_at);
            storage.schedule_alarm(next).await.map_err(storage_failed)?;
            run().await
        };
        let (job, lease) = match sent.await {
            Ok(sent) => sent,
            // The job may have run. The entry stays, and refuses the next call with this key.
            Err(failure) if failure.code == PoolFailureCode::Lost => {
                return Err(PoolFailureCode::InDoubt.with_message(failure.message));
            }
            Err(failure) => {
                // Nothing has run: the next call with this key starts afresh.
                storage::forget(storage, &key).map_err(storage_failed)?;
                return Err(failure);
            }
        };
        let chunks = running(job, &self.runtime).and_then(|stream| stream.chunks().ok());
        let chunks = chunks.unwrap_or_else(|| stream::iter([Ok(START.to_vec())]).boxed_local());
        let chunks = chunks.map(|chunk| chunk.map_err(|_| Interrupted::ByRunner)).boxed_local();
        let events = EventReader::new(chunks, self.runtime.clock.sleep(deadline_ms));
        let (sender, receiver) = mpsc::channel(1);
        let runtime = self.runtime.clone();
        self.runtime.background.spawn(Box::pin(async move {
            if let Err(error) = watch(events, lease, sender, &*runtime.storage, guard).await {
                let line = json!({ "message": "A run could not be kept.", "run.id": run_id, "error": error.0 });
                runtime.log.write(Level::Error, line);
            }
        }));
        Ok(IdempotentAnswer::Started(receiver))
    }
}

fn storage_failed(error: PortError) -> PoolFailure {
    PoolFailureCode::Unavailable.with_message(error.0)
}

/// The runs that this object is reading, and the calls that wait for each of them. It is only in memory: after a reset
/// no run is in flight, and an unfinished entry in storage is in doubt.
#[derive(Clone, Default)]
struct InFlight(Rc<RefCell<HashMap<String, Vec<oneshot::Sender<()>>>>>);

impl InFlight {
    fn contains(&self, key: &IdempotencyKey) -> bool {
        self.0.borrow().contains_key(key.as_str())
    }

    /// Notes that the run with `key` is in flight, until the guard is dropped.
    fn begin(&self, key: &IdempotencyKey) -> InFlightGuard {
        self.0.borrow_mut().insert(key.as_str().to_owned(), Vec::new());
        InFlightGuard { in_flight: self.clone(), key: key.clone() }
    }

    /// Resolves when the run with `key` is no longer in flight: at once if it is not.
    async fn wait(&self, key: &IdempotencyKey) {
        let end = self.0.borrow_mut().get_mut(key.as_str()).map(|waiting| {
            let (sender, receiver) = oneshot::channel();
            waiting.push(sender);
            receiver
        });
        if let Some(end) = end {
            // A dropped sender ends the wait as well.
            let _ = end.await;
        }
    }
}

/// A run in flight.
struct InFlightGuard {
    in_flight: InFlight,
    key: IdempotencyKey,
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        let waiting = self.in_flight.0.borrow_mut().remove(self.key.as_str()).unwrap_or_default();
        for waiter in waiting {
            // A call whose client left does not wait any more.
            let _ = waiter.send(());
        }
    }
}

/// Reads a run to its end, passes its events to `listener` while that listens, and stores the answer. A run that never
/// started is forgotten, so that the call can be repeated.
async fn watch(
    mut events: EventReader,
    lease: impl Lease,
    mut listener: mpsc::Sender<Vec<u8>>,
    sql: &dyn LocalSql,
    guard: InFlightGuard,
) -> Result<(), PortError> {
    let mut partial_output = PartialOutput::default();
    let (mut has_started, mut is_interrupted) = (false, false);
    loop {
        let line = match events.next_line().await {
            Ok(line) if read_line(&line).is_some() => line,
            _ if !has_started => return storage::forget(sql, &guard.key),
            _ => {
                is_interrupted = true;
                let report = partial_output.report(Interrupted::ByRunner);
                serde_json::to_vec(&RunEvent::Complete { report })
                    .map(Bytes::from)
                    .map_err(|error| PortError(error.to_string()))?
            }
        };
        match read_line(&line) {
            Some(Line::Complete(_)) => {
                storage::finish(sql, &guard.key, &line)?;
                match is_interrupted {
                    true => drop(lease),
                    false => lease.finished(),
                }
                drop(guard);
                pass_on(&mut listener, &line).await;
                return Ok(());
            }
            Some(Line::Start) => has_started = true,
            Some(output @ (Line::Stdout | Line::Stderr)) => partial_output.keep(&output, &line),
            Some(Line::Heartbeat) | None => {}
        }
        pass_on(&mut listener, &line).await;
    }
}

async fn pass_on(listener: &mut mpsc::Sender<Vec<u8>>, line: &[u8]) {
    // A client that left does not end the run.
    let _ = listener.send([line, b"\n"].concat()).await;
}

#[cfg(test)]
mod tests;
