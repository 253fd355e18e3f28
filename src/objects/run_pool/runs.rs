//! The runs of a pool from their call to their record.

use crate::domain::run::draft::RunDraft;
use crate::domain::run::events::Interrupted;
use crate::objects::run_pool::idempotency::{Answer, IdempotentRun, IdempotentRuns};
use crate::objects::run_pool::in_flight::{InFlightRun, InFlightRuns};
use crate::objects::run_pool::logic::{PoolLogic, Starting};
use crate::objects::run_pool::pipe::{START, running};
use crate::objects::run_pool::quota::{CountedRun, LimitedRuns, PoolQuota, QuotaPorts};
use crate::objects::run_pool::recorder::RunRecorder;
use crate::objects::run_pool::unstarted;
use crate::objects::run_pool::watch::{WatchedRun, watch};
use crate::objects::run_pool::watch_ports::WatchPorts;
use crate::objects::runtime::ObjectRuntime;
use crate::ports::event_reader::EventReader;
use crate::ports::{
    ClientSignal, EventStream, FirstCall, Kv, PoolFailure, PoolFailureCode, PoolMembers, RunCall, RunLease, RunMode,
    UsageLogs,
};
use futures::channel::mpsc;
use futures::future::{self, Either, join, select};
use futures::{FutureExt, StreamExt, stream};
use std::rc::Rc;

/// The runs of one object.
pub struct PoolRuns {
    runtime: ObjectRuntime,
    idempotent: IdempotentRuns,
    /// The runs that have not ended.
    pub in_flight: InFlightRuns,
    ports: WatchPorts,
    pub quota: Rc<PoolQuota>,
    pub recorder: Rc<RunRecorder>,
}

/// The answer to a call that runs a job.
pub enum PoolAnswer {
    /// The lines of the event stream of a new run.
    Started(mpsc::Receiver<Vec<u8>>),
    /// The run of an earlier call, which has ended.
    Ended(FirstCall),
}

impl PoolRuns {
    pub fn new(runtime: ObjectRuntime, logs: Rc<dyn UsageLogs>, runs: Rc<dyn Kv>, quotas: QuotaPorts) -> Self {
        let ObjectRuntime { clock, background, log, .. } = runtime.clone();
        Self {
            idempotent: IdempotentRuns::new(runtime.clone()),
            in_flight: InFlightRuns::default(),
            ports: WatchPorts { clock, background, runs, log },
            quota: PoolQuota::new(quotas, runtime.clone()),
            recorder: RunRecorder::new(logs, runtime.clone()),
            runtime,
        }
    }

    /// Runs a job in the pool, unless an earlier call with the same idempotency key did. The run is read to its end and
    /// recorded, also when its client has left.
    ///
    /// # Errors
    /// Nothing has run, unless the code is [`Lost`](crate::ports::PoolFailureCode::Lost) or
    /// [`InDoubt`](crate::ports::PoolFailureCode::InDoubt).
    pub async fn run<M>(
        &self,
        pool: &Rc<PoolLogic<M>>,
        RunCall { mode, deadline_ms, has_network }: RunCall,
        draft: RunDraft,
        job: impl AsyncFnOnce() -> Result<M::Body, PoolFailure>,
        client: &ClientSignal,
    ) -> Result<PoolAnswer, PoolFailure>
    where
        M: PoolMembers<Response: EventStream>,
    {
        let recorder = (mode != RunMode::Unrecorded).then(|| Rc::clone(&self.recorder));
        let (idempotent, client) = match mode {
            RunMode::Plain | RunMode::Interactive | RunMode::Unrecorded => (None, Some(client.clone())),
            RunMode::Idempotent(call) => match self.idempotent.decide(call, &draft).await? {
                Answer::Ended(first_call) => return Ok(PoolAnswer::Ended(first_call)),
                Answer::Run(run) => (Some(run), None),
            },
        };
        let waiting = client.clone().unwrap_or_default();
        let in_flight = self.in_flight.begin(draft.id, draft.token.clone());
        let since = self.runtime.clock.now();
        let sent = Box::pin(async {
            let counted = match &recorder {
                Some(_) => Some(self.quota.admit(&draft.owner.project_id, has_network, &limited_runs(pool)).await?),
                // The service pays for its own runs.
                None => None,
            };
            let (job, lease) = pool.run(&job().await?, draft.id, &waiting).await?;
            Ok::<_, PoolFailure>((job, lease, counted))
        });
        let sent = match select(sent, in_flight.until_cancelled()).await {
            Either::Left((sent, _)) => sent.map(Some),
            // While the member is asked, the job is sent nowhere else, because nothing polls it.
            Either::Right(((), sent)) => match pool.cancel_starting(draft.id).await {
                Starting::Waits => Ok(None),
                Starting::Refused => sent.await.map(Some).or(Ok(None)),
                Starting::Sent => match sent.await {
                    Err(failure) if failure.code != PoolFailureCode::Lost => Ok(None),
                    sent => sent.map(Some),
                },
            },
        };
        let deadline = self.runtime.clock.sleep(deadline_ms);
        let (listener, lines) = mpsc::channel(1);
        let cancelled = in_flight.cancelled.clone();
        let (job, lease, counted) = match sent {
            Ok(Some(sent)) => sent,
            Ok(None) => {
                let events = unstarted::events(self.runtime.clock.now().0 - since.0);
                let run = WatchedRun { events, lease: (), draft, client, cancelled, deadline, listener };
                let followed = follow(run, self.ports.clone(), recorder, idempotent, None, in_flight);
                self.runtime.background.spawn(followed.boxed_local());
                return Ok(PoolAnswer::Started(lines));
            }
            Err(failure) => {
                return Err(match idempotent {
                    Some(run) => run.not_started(failure),
                    None => failure,
                });
            }
        };
        let chunks = running(job, &self.runtime).and_then(|stream| stream.chunks().ok());
        let chunks = chunks.unwrap_or_else(|| stream::iter([Ok(START.to_vec())]).boxed_local());
        let chunks = chunks.map(|chunk| chunk.map_err(|_| Interrupted::ByRunner)).boxed_local();
        let events = EventReader::new(chunks, future::pending().boxed_local());
        let run = WatchedRun { events, lease, draft, client, cancelled, deadline, listener };
        let followed = follow(run, self.ports.clone(), recorder, idempotent, counted, in_flight);
        self.runtime.background.spawn(followed.boxed_local());
        Ok(PoolAnswer::Started(lines))
    }
}

fn limited_runs<M: PoolMembers>(pool: &Rc<PoolLogic<M>>) -> Rc<dyn LimitedRuns> {
    Rc::new(Rc::clone(pool))
}

/// Reads a run to its end and records it. Its last event does not wait for the record; a repeated call does.
pub async fn follow<L: RunLease>(
    run: WatchedRun<L>,
    ports: WatchPorts,
    recorder: Option<Rc<RunRecorder>>,
    idempotent: Option<IdempotentRun>,
    counted: Option<CountedRun>,
    in_flight: InFlightRun,
) {
    let Some((ended, last)) = watch(run, ports).await else {
        if let Some(run) = idempotent {
            run.never_started();
        }
        return;
    };
    if let Some(counted) = counted {
        counted.ended(ended.result.cpu_ms(), ended.result.egress_bytes());
    }
    let recorded = async {
        if let Some(recorder) = recorder {
            recorder.record(&ended).await;
        }
        if let Some(run) = idempotent {
            run.finished();
        }
        drop(in_flight);
    };
    join(recorded, last.pass_on()).await;
}
