//! The runs of a pool from their call to their record.

use crate::domain::run::draft::RunDraft;
use crate::domain::run::events::Interrupted;
use crate::domain::secret::DeploymentSecret;
use crate::objects::run_pool::detached::state::{Detached, DetachedRuns};
use crate::objects::run_pool::idempotency::{Answer, IdempotentRun, IdempotentRuns};
use crate::objects::run_pool::in_flight::{InFlightRun, InFlightRuns};
use crate::objects::run_pool::logic::{PoolLogic, SlotLease, Starting};
use crate::objects::run_pool::notices::RunNotices;
use crate::objects::run_pool::partial_output::PartialOutput;
use crate::objects::run_pool::pipe::{START, running};
use crate::objects::run_pool::quota::{CountedRun, LimitedRuns, PoolQuota, QuotaPorts};
use crate::objects::run_pool::recorder::RunRecorder;
use crate::objects::run_pool::unstarted;
use crate::objects::run_pool::watch::{WatchedRun, watch};
use crate::objects::run_pool::watch_ports::WatchPorts;
use crate::objects::runtime::ObjectRuntime;
use crate::ports::artifacts::ArtifactStore;
use crate::ports::event_reader::EventReader;
use crate::ports::webhooks::Webhooks;
use crate::ports::{
    ClientSignal, EventStream, FirstCall, Kv, PendingRun, PoolFailure, PoolFailureCode, PoolMembers, RunCall, RunLease,
    RunMode, SentJob, UsageLogs,
};
use futures::channel::mpsc;
use futures::future::{self, Either, join, select};
use futures::{FutureExt, StreamExt, stream};
use std::rc::Rc;

/// The runs of one object. Clones are of the same object.
#[derive(Clone)]
pub struct PoolRuns {
    pub(super) runtime: ObjectRuntime,
    pub(super) idempotent: IdempotentRuns,
    pub(super) detached: DetachedRuns,
    /// The runs that have not ended.
    pub in_flight: InFlightRuns,
    ports: WatchPorts,
    pub quota: Rc<PoolQuota>,
    pub recorder: Rc<RunRecorder>,
    pub notices: Rc<RunNotices>,
}

/// Where runs are recorded.
pub struct RecordPorts {
    pub logs: Rc<dyn UsageLogs>,
    pub runs: Rc<dyn Kv>,
    pub artifacts: Rc<dyn ArtifactStore>,
    pub secret: DeploymentSecret,
}

/// The answer to a call that runs a job.
pub enum PoolAnswer {
    /// The lines of the event stream of a new run.
    Started(mpsc::Receiver<Vec<u8>>),
    /// A detached run, which this call or an earlier one has started.
    Detached(PendingRun),
    /// The run of an earlier call, which has started.
    Attached(FirstCall),
    /// The run of an earlier call, which has ended.
    Ended(FirstCall),
}

/// What a run has to become one in progress.
pub(super) struct Request<'a> {
    pub draft: &'a RunDraft,
    pub in_flight: &'a InFlightRun,
    /// What the run uses is counted.
    pub is_counted: bool,
    pub has_network: bool,
    /// With this client the run gives up its place in the queue.
    pub client: &'a ClientSignal,
}

/// A job on its way, what it holds, and what it is counted by.
pub(super) struct Sent<M: PoolMembers> {
    pub(super) job: SentJob<M::Response>,
    pub(super) lease: SlotLease<M>,
    pub(super) counted: Option<CountedRun>,
}

/// What is done when a run has ended.
#[derive(Default)]
pub struct AtEnd {
    pub recorder: Option<Rc<RunRecorder>>,
    pub idempotent: Option<IdempotentRun>,
    pub detached: Option<Detached>,
    pub counted: Option<CountedRun>,
}

impl PoolRuns {
    pub fn new(runtime: ObjectRuntime, records: RecordPorts, webhooks: Rc<dyn Webhooks>, quotas: QuotaPorts) -> Self {
        let RecordPorts { logs, runs, artifacts, secret } = records;
        let ObjectRuntime { clock, background, log, .. } = runtime.clone();
        Self {
            idempotent: IdempotentRuns::new(runtime.clone()),
            detached: DetachedRuns::default(),
            in_flight: InFlightRuns::default(),
            ports: WatchPorts { clock, background, runs, artifacts, secret, log },
            quota: PoolQuota::new(quotas, runtime.clone()),
            recorder: RunRecorder::new(logs, runtime.clone()),
            notices: RunNotices::new(webhooks, runtime.clone()),
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
        let is_shared = matches!(mode, RunMode::Idempotent(_));
        let partial_output = if is_shared { PartialOutput::with_output() } else { PartialOutput::default() };
        // Before the decision, so that a repeated call finds it.
        let in_flight = self.in_flight.begin(&draft, partial_output);
        let (idempotent, client) = match mode {
            RunMode::Idempotent(call) => loop {
                match self.idempotent.decide(call.clone(), &draft).await? {
                    Answer::Ended(first_call) => return Ok(PoolAnswer::Ended(first_call)),
                    Answer::Run(run) => break (Some(run), None),
                    Answer::InFlight(first_call) => match self.in_flight.partial_output(first_call.run_id) {
                        // A run that never starts leaves its key to the calls that wait.
                        Some(first) if !first.has_started().await => {}
                        _ => return Ok(PoolAnswer::Attached(first_call)),
                    },
                }
            },
            _ => (None, Some(client.clone())),
        };
        let waiting = client.clone().unwrap_or_default();
        let since = self.runtime.clock.now();
        let request = Request {
            draft: &draft,
            in_flight: &in_flight,
            is_counted: recorder.is_some(),
            has_network,
            client: &waiting,
        };
        let sent = self.send(pool, request, job, || Ok(())).await;
        let (listener, lines) = mpsc::channel(1);
        let at_end = AtEnd { recorder, idempotent, ..AtEnd::default() };
        match sent {
            Ok(sent) => {
                let sent = sent.ok_or_else(|| unstarted::cancelled(self.runtime.clock.now().0 - since.0));
                self.follow(sent, (draft, client, 0.0), deadline_ms, listener, at_end, in_flight);
                Ok(PoolAnswer::Started(lines))
            }
            Err(failure) => Err(match at_end.idempotent {
                Some(run) => run.not_started(failure),
                None => failure,
            }),
        }
    }

    /// Sends a job when there is a slot for it; `None` if the run was cancelled before.
    ///
    /// # Errors
    /// As for [`Self::run`].
    pub(super) async fn send<M>(
        &self,
        pool: &Rc<PoolLogic<M>>,
        request: Request<'_>,
        job: impl AsyncFnOnce() -> Result<M::Body, PoolFailure>,
        before_send: impl Fn() -> Result<(), PoolFailure>,
    ) -> Result<Option<Sent<M>>, PoolFailure>
    where
        M: PoolMembers<Response: EventStream>,
    {
        let Request { draft, in_flight, is_counted, has_network, client } = request;
        let sent = Box::pin(async {
            let counted = match is_counted {
                true => Some(self.quota.admit(&draft.owner.project_id, has_network, &limited_runs(pool)).await?),
                // The service pays for its own runs.
                false => None,
            };
            let (job, lease) = pool.run(&job().await?, draft.id, client, before_send).await?;
            Ok::<_, PoolFailure>(Sent { job, lease, counted })
        });
        match select(sent, in_flight.until_cancelled()).await {
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
        }
    }

    /// Reads a run to its end in the background: one that was sent, or one that ends with these events.
    pub(super) fn follow<M>(
        &self,
        sent: Result<Sent<M>, EventReader>,
        (draft, client, waited_ms): (RunDraft, Option<ClientSignal>, f64),
        deadline_ms: u32,
        listener: mpsc::Sender<Vec<u8>>,
        mut at_end: AtEnd,
        in_flight: InFlightRun,
    ) where
        M: PoolMembers<Response: EventStream>,
    {
        let deadline = self.runtime.clock.sleep(deadline_ms);
        let (partial_output, cancelled) = (in_flight.partial_output.clone(), in_flight.cancelled.clone());
        let ports = self.ports.clone();
        let followed = match sent {
            Err(events) => {
                let lease = ();
                let run = WatchedRun {
                    events,
                    lease,
                    draft,
                    waited_ms,
                    partial_output,
                    client,
                    cancelled,
                    deadline,
                    listener,
                };
                follow(run, ports, at_end, in_flight).boxed_local()
            }
            Ok(Sent { job, lease, counted }) => {
                at_end.counted = counted;
                let chunks = running(job, &self.runtime).and_then(|stream| stream.chunks().ok());
                let chunks = chunks.unwrap_or_else(|| stream::iter([Ok(START.to_vec())]).boxed_local());
                // A job that is stored has a result in any case, also if its events end before they begin.
                let begin = at_end.detached.is_some().then(|| Ok(START.to_vec()));
                let chunks = stream::iter(begin).chain(chunks);
                let chunks = chunks.map(|chunk| chunk.map_err(|_| Interrupted::ByRunner)).boxed_local();
                let events = EventReader::new(chunks, future::pending().boxed_local());
                let run = WatchedRun {
                    events,
                    lease,
                    draft,
                    waited_ms,
                    partial_output,
                    client,
                    cancelled,
                    deadline,
                    listener,
                };
                follow(run, ports, at_end, in_flight).boxed_local()
            }
        };
        self.runtime.background.spawn(followed);
    }
}

pub(super) fn limited_runs<M: PoolMembers>(pool: &Rc<PoolLogic<M>>) -> Rc<dyn LimitedRuns> {
    Rc::new(Rc::clone(pool))
}

/// Reads a run to its end and records it. Its last event does not wait for the record; a repeated call does.
pub async fn follow<L: RunLease>(run: WatchedRun<L>, ports: WatchPorts, at_end: AtEnd, in_flight: InFlightRun) {
    let AtEnd { recorder, idempotent, detached, counted } = at_end;
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
        if let Some(run) = detached {
            run.ended(&ended.draft);
        }
        drop(in_flight);
    };
    join(recorded, last.pass_on()).await;
}
