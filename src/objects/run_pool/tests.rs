//! A pool of two containers, each of an object of its own, with clients that leave and runners that fail.

use crate::domain::pool::scheduler::PoolLimits;
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{Entry, Fingerprint, IdempotencyKey, RETENTION_MS};
use crate::domain::timestamp::Timestamp;
use crate::objects::container::instance::ContainerInstance;
use crate::objects::container::target::RunTarget;
use crate::objects::run_pool::idempotency::{IdempotentAnswer, IdempotentRuns};
use crate::objects::run_pool::logic::PoolLogic;
use crate::objects::run_pool::maintenance;
use crate::objects::run_pool::members::Members;
use crate::objects::run_pool::pipe::pipe_response;
use crate::objects::run_pool::storage;
use crate::objects::runtime::ObjectRuntime;
use crate::ports::{
    ClientSignal, FirstCall, IdempotentCall, PoolFailure, PoolFailureCode, PoolMembers, PortError, SentJob,
};
use crate::tests::fake_runner::{COMPLETE, FakeResponse, FakeRunner, FakeWay, START};
use crate::tests::fake_storage::FakeStorage;
use crate::tests::fault::Fault;
use crate::tests::object_fixture::{ObjectBench, Task, job};
use docle_protocol::RefusalCode;
use docle_protocol::limits::MAX_QUEUE_MS;
use futures::StreamExt;
use futures::channel::mpsc::UnboundedReceiver;
use futures::channel::oneshot;
use std::rc::Rc;

const SLEEP_AFTER_MS: i64 = 600_000;
const LIMITS: PoolLimits =
    PoolLimits { max_instances: 2, max_running: 4, max_queued: 3, sleep_after_ms: SLEEP_AFTER_MS };

/// The further objects: each with a target and storage of its own, called without a network.
struct Others {
    targets: Vec<RunTarget<FakeWay>>,
    runtime: ObjectRuntime,
}

impl PoolMembers for Others {
    type Body = RunId;
    type Response = FakeResponse;
    type Lease = ();

    async fn run(
        &self,
        member: usize,
        job: &RunId,
        since: Timestamp,
        client: &ClientSignal,
    ) -> Result<(SentJob<FakeResponse>, ()), PoolFailure> {
        let (sent, lease) = self.targets[member - 1].run(job, since, client).await?;
        let piped = pipe_response(sent, lease, client, &self.runtime);
        Ok((piped.map_or(SentJob::Unknown("gone".to_owned()), |piped| SentJob::Running(FakeResponse::with(piped))), ()))
    }

    async fn cancel_unstarted(&self, member: usize, id: RunId) -> bool {
        self.targets[member - 1].cancel_unstarted(id).await
    }

    async fn input(&self, member: usize, id: RunId) -> Result<Option<FakeResponse>, PoolFailure> {
        self.targets[member - 1].input(id).await
    }

    async fn up(&self, member: usize) -> Result<u32, PoolFailure> {
        self.targets[member - 1].up().await
    }

    async fn destroy(&self, member: usize) {
        self.targets[member - 1].destroy().await;
    }
}

type Pool = PoolLogic<Members<FakeWay, Others>>;
type Answer = Result<Option<UnboundedReceiver<Result<Vec<u8>, PortError>>>, PoolFailure>;

struct Setup {
    bench: ObjectBench,
    /// Two containers with one slot each.
    runners: [Rc<FakeRunner>; 2],
    further_storage: Rc<FakeStorage>,
    target: RunTarget<FakeWay>,
    pool: Rc<Pool>,
    idempotent_runs: Rc<IdempotentRuns>,
}

fn target(runner: &Rc<FakeRunner>, runtime: &ObjectRuntime) -> RunTarget<FakeWay> {
    let way = FakeWay(Rc::clone(runner));
    RunTarget::Container(ContainerInstance::new(Rc::new(way.clone()), Rc::new(way), runtime.clone(), SLEEP_AFTER_MS))
}

impl Setup {
    fn new() -> Self {
        Self::over(ObjectBench::new(), [FakeRunner::with_slots(1), FakeRunner::with_slots(1)], Rc::default())
    }

    fn over(bench: ObjectBench, runners: [Rc<FakeRunner>; 2], further_storage: Rc<FakeStorage>) -> Self {
        let further = ObjectRuntime { storage: further_storage.clone(), ..bench.runtime.clone() };
        let own = target(&runners[0], &bench.runtime);
        let others = Others { targets: vec![target(&runners[1], &further)], runtime: further };
        let pool = PoolLogic::new(LIMITS, Members { own: own.clone(), others }, bench.runtime.clone());
        let idempotent_runs = Rc::new(IdempotentRuns::new(bench.runtime.clone()));
        Self { bench, runners, further_storage, target: own, pool, idempotent_runs }
    }

    /// The objects as they are after a reset: their memory is lost.
    fn reset(self) -> Self {
        Self::over(self.bench, self.runners, self.further_storage)
    }

    /// Starts a run, as the object does.
    fn start(&mut self, number: u8, client: &ClientSignal) -> Task<Answer> {
        self.start_interactive(number, None, client)
    }

    fn start_interactive(&mut self, number: u8, interactive: Option<RunId>, client: &ClientSignal) -> Task<Answer> {
        let (pool, client, runtime) = (Rc::clone(&self.pool), client.clone(), self.bench.runtime.clone());
        self.bench.start(async move {
            let (sent, lease) = pool.run(&job(number), interactive, &client).await?;
            Ok(pipe_response(sent, lease, &client, &runtime))
        })
    }

    /// Starts a run that nothing keeps from running.
    fn run(&mut self, number: u8) {
        assert!(self.start(number, &ClientSignal::default()).result().is_ok_and(|answer| answer.is_some()));
    }

    fn end(&mut self, number: u8) {
        let runner = self.runners.iter().find(|runner| runner.runs(job(number))).expect("it runs");
        runner.end(job(number));
        self.bench.settle();
    }

    /// Starts a call with an idempotency key, as the object does.
    fn call(&mut self, number: u8, key: &str, body: &[u8]) -> Task<Result<IdempotentAnswer, PoolFailure>> {
        let (pool, runs) = (Rc::clone(&self.pool), Rc::clone(&self.idempotent_runs));
        let call = IdempotentCall {
            key: IdempotencyKey::parse(key).unwrap(),
            fingerprint: Fingerprint::of(body),
            run_id: job(number),
            created_at: self.bench.runtime.clock.now(),
            deadline_ms: 60_000,
        };
        self.bench.start(async move {
            runs.run(call, async || pool.run(&job(number), None, &ClientSignal::default()).await).await
        })
    }

    fn alarm(&mut self) -> Task<Result<(), PortError>> {
        let (target, runtime) = (self.target.clone(), self.bench.runtime.clone());
        self.bench.start(async move { maintenance::alarm(&target, &runtime).await })
    }

    fn cancel(&mut self, number: u8) -> bool {
        let pool = Rc::clone(&self.pool);
        self.bench.run(async move { pool.cancel_unstarted(job(number)).await })
    }

    fn executed(&self) -> [Vec<RunId>; 2] {
        self.runners.each_ref().map(|runner| runner.executed.borrow().clone())
    }
}

fn code<T>(result: Result<T, PoolFailure>) -> Option<PoolFailureCode> {
    result.err().map(|failure| failure.code)
}

/// What the client of an idempotent run received, whose run has ended.
fn received(answer: Result<IdempotentAnswer, PoolFailure>, bench: &mut ObjectBench) -> String {
    match answer {
        Ok(IdempotentAnswer::Started(events)) => {
            let events = bench.run(events.concat());
            String::from_utf8(events).unwrap()
        }
        _ => panic!("the call starts a run"),
    }
}

fn replayed(answer: Result<IdempotentAnswer, PoolFailure>) -> (FirstCall, String) {
    match answer {
        Ok(IdempotentAnswer::Replayed(first_call, line)) => (first_call, String::from_utf8(line).unwrap()),
        _ => panic!("the call is answered with an earlier run"),
    }
}

mod alarms;
mod idempotency;
mod runs;
