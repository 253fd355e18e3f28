//! A pool of two containers, each of an object of its own, with clients that leave and runners, logs and objects that fail.

use crate::domain::account::quota::{Quota, QuotaLimits};
use crate::domain::pool::scheduler::PoolLimits;
use crate::domain::run::draft::{Asked, RunDraft};
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{Entry, Fingerprint, IdempotencyKey, RETENTION_MS};
use crate::domain::run::record::Owner;
use crate::domain::run::request::parse;
use crate::domain::secret::DeploymentSecret;
use crate::domain::timestamp::Timestamp;
use crate::objects::account::lease_storage;
use crate::objects::container::instance::ContainerInstance;
use crate::objects::container::target::RunTarget;
use crate::objects::run_pool::logic::PoolLogic;
use crate::objects::run_pool::maintenance;
use crate::objects::run_pool::members::Members;
use crate::objects::run_pool::pipe::pipe_response;
use crate::objects::run_pool::quota::QuotaPorts;
use crate::objects::run_pool::runs::{PoolAnswer, PoolRuns, RecordPorts};
use crate::objects::run_pool::storage;
use crate::objects::runtime::ObjectRuntime;
use crate::objects::webhooks::logic::WebhookPorts;
use crate::ports::accounts::{AccountLedger, Standing};
use crate::ports::{
    ClientSignal, IdempotentCall, PoolFailure, PoolFailureCode, PoolMembers, PortError, RunCall, RunMode, SentJob,
};
use crate::store::log_ledger::SqlLogLedger;
use crate::store::webhooks::SqlWebhookLedger;
use crate::tests::accounts::LocalAccounts;
use crate::tests::app;
use crate::tests::fake_artifacts::FakeArtifacts;
use crate::tests::fake_runner::{COMPLETE, FakeResponse, FakeRunner, FakeWay, START, output};
use crate::tests::fake_storage::FakeStorage;
use crate::tests::fakes::FakeKv;
use crate::tests::fault::Fault;
use crate::tests::object_fixture::{ObjectBench, Task, job};
use crate::tests::sqlite::Sqlite;
use crate::tests::usage_logs::LocalUsageLogs;
use crate::tests::webhooks::{FakeReceivers, LocalWebhooks};
use async_trait::async_trait;
use docle_protocol::limits::MAX_QUEUE_MS;
use docle_protocol::{RefusalCode, Stream};
use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
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

    /// The fake runner is told the id only.
    fn body(&self, job: &[u8]) -> RunId {
        serde_json::from_slice::<Value>(job)
            .ok()
            .and_then(|job| RunId::parse(job["id"].as_str()?))
            .expect("a job with its id")
    }

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

    async fn attach(&self, member: usize, id: RunId) -> Result<Option<(FakeResponse, ())>, PoolFailure> {
        let Some((events, lease)) = self.targets[member - 1].attach(id).await? else { return Ok(None) };
        let piped = pipe_response(SentJob::Running(events), lease, &ClientSignal::default(), &self.runtime);
        Ok(Some((FakeResponse::with(piped.expect("it has events")), ())))
    }

    async fn forget(&self, member: usize, id: RunId) {
        self.targets[member - 1].forget(id).await;
    }

    async fn cancel(&self, member: usize, id: RunId) -> bool {
        self.targets[member - 1].cancel(id).await
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
type Lines = mpsc::Receiver<Vec<u8>>;
type Answer = Result<Lines, PoolFailure>;

/// The database of accounts: the project belongs to `owner`.
#[derive(Default)]
struct OwnerLedger {
    owner: RefCell<Option<String>>,
    is_suspended: Cell<bool>,
    /// How often the owner of the project was asked for.
    asked: Cell<u32>,
}

#[async_trait(?Send)]
impl AccountLedger for OwnerLedger {
    async fn standing(&self, _: &str) -> Result<Option<Standing>, PortError> {
        Ok(Some(Standing { is_trusted: false, is_suspended: self.is_suspended.get() }))
    }

    async fn owner_of(&self, _: &str) -> Result<Option<String>, PortError> {
        self.asked.set(self.asked.get() + 1);
        Ok(self.owner.borrow().clone())
    }
}

struct Setup {
    accounts: Rc<LocalAccounts>,
    ledger: Rc<OwnerLedger>,
    bench: ObjectBench,
    /// Two containers with one slot each.
    runners: [Rc<FakeRunner>; 2],
    further_storage: Rc<FakeStorage>,
    logs: Rc<LocalUsageLogs>,
    webhooks: Rc<LocalWebhooks>,
    artifacts: Rc<FakeArtifacts>,
    target: RunTarget<FakeWay>,
    pool: Rc<Pool>,
    runs: Rc<PoolRuns>,
    /// Whether the runs can reach other hosts.
    has_network: bool,
    /// The answers whose clients are still there.
    clients: Vec<Lines>,
}

fn target(runner: &Rc<FakeRunner>, runtime: &ObjectRuntime) -> RunTarget<FakeWay> {
    let way = FakeWay(Rc::clone(runner));
    RunTarget::Container(ContainerInstance::new(
        Rc::new(way.clone()),
        Rc::new(way),
        runtime.clone(),
        SLEEP_AFTER_MS,
        None,
    ))
}

fn draft(number: u8, created_at: Timestamp) -> RunDraft {
    let owner = Owner { project_id: "proj_1".into(), log_id: job(number).log().log, key_id: "key_1".into() };
    let asked = Asked { id: job(number), created_at, owner, ip: None, token: None, base_url: "https://api".into() };
    let body = json!({ "code": "print(1)", "lang": "python", "artifacts": ["*"] });
    RunDraft::new(asked, &parse(body, job(number), 300_000).unwrap()).0
}

impl Setup {
    fn new() -> Self {
        let bench = ObjectBench::new();
        let limits = QuotaLimits::default().with(Quota::CpuSeconds, Some(90)).with(Quota::RunsAtOnce, Some(6));
        let owners = Rc::new(OwnerLedger::default());
        let accounts = LocalAccounts::new(bench.runtime.clone(), owners.clone(), limits);
        let sql = Rc::new(Sqlite::migrated());
        sql.run("INSERT INTO projects (id, log_id, name, created_at) VALUES ('proj_1', '0000000000', 'One', 0)");
        let ledger = Rc::new(SqlLogLedger { sql });
        let artifacts = Rc::new(FakeArtifacts::default());
        let kv = Rc::new(FakeKv::default());
        let logs = Rc::new(LocalUsageLogs::new(ledger, kv.clone(), artifacts.clone(), bench.clock.clone()));
        let webhooks = Rc::new(LocalWebhooks::new(
            ObjectRuntime { storage: Rc::new(FakeStorage::default()), ..bench.runtime.clone() },
            WebhookPorts {
                ledger: Rc::new(SqlWebhookLedger(Rc::new(Sqlite::migrated()))),
                logs: logs.clone(),
                runs: kv,
                sender: Rc::new(FakeReceivers::default()),
                mailer: None,
                secret: DeploymentSecret::parse(&"k".repeat(32), "").unwrap(),
            },
        ));
        Self::over(
            bench,
            [FakeRunner::with_slots(1), FakeRunner::with_slots(1)],
            Rc::default(),
            (logs, webhooks, artifacts),
            (accounts, owners),
        )
    }

    fn over(
        bench: ObjectBench,
        runners: [Rc<FakeRunner>; 2],
        further_storage: Rc<FakeStorage>,
        (logs, webhooks, artifacts): (Rc<LocalUsageLogs>, Rc<LocalWebhooks>, Rc<FakeArtifacts>),
        (accounts, ledger): (Rc<LocalAccounts>, Rc<OwnerLedger>),
    ) -> Self {
        let further = ObjectRuntime { storage: further_storage.clone(), ..bench.runtime.clone() };
        let own = target(&runners[0], &bench.runtime);
        let others = Others { targets: vec![target(&runners[1], &further)], runtime: further };
        let pool = PoolLogic::new(LIMITS, Members { own: own.clone(), others }, bench.runtime.clone());
        let quotas = QuotaPorts { accounts: accounts.clone(), ledger: ledger.clone() };
        let kv = Rc::new(FakeKv::default());
        let records = RecordPorts { logs: logs.clone(), runs: kv, artifacts: artifacts.clone(), secret: app::secret() };
        let runs = Rc::new(PoolRuns::new(bench.runtime.clone(), records, webhooks.clone(), quotas));
        Self {
            accounts,
            ledger,
            bench,
            runners,
            further_storage,
            logs,
            webhooks,
            artifacts,
            target: own,
            pool,
            runs,
            has_network: false,
            clients: Vec::new(),
        }
    }

    /// The objects as they are after a reset: their memory is lost.
    fn reset(self) -> Self {
        Self::over(
            self.bench,
            self.runners,
            self.further_storage,
            (self.logs, self.webhooks, self.artifacts),
            (self.accounts, self.ledger),
        )
    }

    /// Starts a run, as the object does.
    fn start(&mut self, number: u8, client: &ClientSignal) -> Task<Answer> {
        self.start_as(number, RunMode::Plain, client, |answer| match answer {
            PoolAnswer::Started(lines) => lines,
            _ => panic!("a run without a key is a new one"),
        })
    }

    fn start_as<T: 'static>(
        &mut self,
        number: u8,
        mode: RunMode,
        client: &ClientSignal,
        read: fn(PoolAnswer) -> T,
    ) -> Task<Result<T, PoolFailure>> {
        let (pool, runs, client) = (Rc::clone(&self.pool), Rc::clone(&self.runs), client.clone());
        let draft = draft(number, self.bench.runtime.clock.now());
        let call = RunCall { mode, deadline_ms: 60_000, has_network: self.has_network };
        self.bench.start(async move {
            let answer = runs.run(&pool, call, draft, async || Ok(job(number)), &client).await;
            answer.map(read)
        })
    }

    /// Starts a run that nothing keeps from running, and whose client stays.
    fn run(&mut self, number: u8) {
        let lines = self.start(number, &ClientSignal::default()).result().unwrap();
        self.clients.push(lines);
    }

    /// A run succeeds.
    fn end(&mut self, number: u8) {
        self.emit(number, START);
        self.emit(number, COMPLETE);
        self.runner(number).end(job(number));
        self.bench.settle();
    }

    fn emit(&mut self, number: u8, line: &str) {
        self.runner(number).emit(job(number), line);
        self.bench.settle();
    }

    fn runner(&self, number: u8) -> Rc<FakeRunner> {
        Rc::clone(self.runners.iter().find(|runner| runner.runs(job(number))).expect("it runs"))
    }

    /// Starts a call with an idempotency key, as the object does.
    fn call(&mut self, number: u8, key: &str, body: &[u8]) -> Task<Result<PoolAnswer, PoolFailure>> {
        let (key, fingerprint) = (IdempotencyKey::parse(key).unwrap(), Fingerprint::of(body));
        let mode = RunMode::Idempotent(IdempotentCall { key, fingerprint });
        self.start_as(number, mode, &ClientSignal::default(), |answer| answer)
    }

    fn alarm(&mut self) -> Task<Result<(), PortError>> {
        let pool = Rc::clone(&self.pool);
        let (target, runs, runtime) = (self.target.clone(), Rc::clone(&self.runs), self.bench.runtime.clone());
        self.bench.start(async move {
            let take_up = || runs.take_up(|_| Ok(Rc::clone(&pool)));
            maintenance::alarm(&target, Some((&*runs.recorder, &*runs.notices)), Some(&runs.quota), take_up, &runtime)
                .await
        })
    }

    fn cancel(&mut self, number: u8) -> bool {
        let pool = Rc::clone(&self.pool);
        self.bench.run(async move { pool.cancel(job(number)).await })
    }

    fn executed(&self) -> [Vec<RunId>; 2] {
        self.runners.each_ref().map(|runner| runner.executed.borrow().clone())
    }

    /// The result in the only record in the log.
    fn recorded(&self) -> Value {
        let records = self.logs.records();
        assert_eq!(records.len(), 1, "one record");
        let record: Value = serde_json::from_str(records.values().next().unwrap()).unwrap();
        record["result"].clone()
    }

    /// Lets the runs that have ended reach their log.
    fn submit(&mut self) {
        self.bench.pass_ms(50);
    }
}

fn code<T>(result: Result<T, PoolFailure>) -> Option<PoolFailureCode> {
    result.err().map(|failure| failure.code)
}

/// What the client of an idempotent run received, whose run has ended.
fn received(answer: Result<PoolAnswer, PoolFailure>, bench: &mut ObjectBench) -> String {
    match answer {
        Ok(PoolAnswer::Started(lines)) => String::from_utf8(bench.run(lines.concat())).unwrap(),
        _ => panic!("the call starts a run"),
    }
}

fn replayed(answer: Result<PoolAnswer, PoolFailure>) -> RunId {
    match answer {
        Ok(PoolAnswer::Ended(first_call)) => first_call.run_id,
        _ => panic!("the call is answered with an earlier run"),
    }
}

fn attached(answer: Result<PoolAnswer, PoolFailure>) -> RunId {
    match answer {
        Ok(PoolAnswer::Attached(first_call)) => first_call.run_id,
        _ => panic!("the call is attached to an earlier run"),
    }
}

mod alarms;
mod artifacts;
mod cancelling;
mod detached;
mod following;
mod idempotency;
mod leaving;
mod quotas;
mod records;
mod resets;
mod runs;
mod webhooks;
