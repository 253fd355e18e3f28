//! The log with a database and a KV that wait, fail, and fail after they have done their work.

use crate::domain::input::page::Page;
use crate::domain::project::guard::Guard;
use crate::domain::run::finished::FinishedRun;
use crate::domain::run::id::RunId;
use crate::domain::timestamp::{DAY_MS, HOUR_MS, Timestamp};
use crate::domain::usage_log::name::{LogId, LogName};
use crate::domain::usage_log::query::{Erased, Filter, HistoryQuery, Hours, UsageRun};
use crate::objects::usage_log::logic::{LogPorts, UsageLogLogic};
use crate::ports::{Clock, FoundRecord, Kv, LogCopy, LogLedger, PortError};
use crate::tests::app::secret;
use crate::tests::fake_artifacts::FakeArtifacts;
use crate::tests::fake_storage::FakeStorage;
use crate::tests::fakes::FakeClock;
use crate::tests::fault::{Fault, Faults};
use async_trait::async_trait;
use futures::channel::oneshot;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A database of one project, with faults. It takes copies as the real one does.
#[derive(Default)]
struct FakeLedger {
    project: RefCell<Option<Guard>>,
    reads: Cell<u32>,
    writes: Cell<u32>,
    hours: RefCell<BTreeMap<(i64, String), i64>>,
    recent: RefCell<Option<(Timestamp, Vec<UsageRun>)>>,
    /// How long a write takes, in milliseconds.
    write_ms: Cell<i64>,
    clock: Rc<FakeClock>,
    read_faults: Faults,
    write_faults: Faults,
}

#[async_trait(?Send)]
impl LogLedger for FakeLedger {
    async fn project(&self, _: LogId) -> Result<Option<Guard>, PortError> {
        self.reads.set(self.reads.get() + 1);
        self.read_faults.around(async || self.project.borrow().clone()).await
    }

    async fn write(&self, copy: &LogCopy) -> Result<Option<Guard>, PortError> {
        self.writes.set(self.writes.get() + 1);
        self.clock.pass_ms(self.write_ms.get());
        let write = async || {
            if self.project.borrow().is_some() {
                let mut hours = self.hours.borrow_mut();
                for count in &copy.hours {
                    let runs = hours.entry((count.hour, count.status.clone())).or_default();
                    *runs = count.runs.max(*runs);
                }
                let mut recent = self.recent.borrow_mut();
                if recent.as_ref().is_none_or(|(at, _)| *at <= copy.at) {
                    *recent = Some((copy.at, copy.recent.clone()));
                }
            }
            self.project.borrow().clone()
        };
        self.write_faults.around(write).await
    }
}

/// [`Kv`] in memory, with faults of its deletions.
#[derive(Default)]
struct FaultyKv {
    values: RefCell<BTreeMap<String, Vec<u8>>>,
    delete_faults: Faults,
}

#[async_trait(?Send)]
impl Kv for FaultyKv {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        Ok(self.values.borrow().get(key).cloned())
    }

    async fn put(&self, key: &str, value: &[u8], _: u64) -> Result<(), PortError> {
        self.values.borrow_mut().insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), PortError> {
        self.delete_faults.around(async || drop(self.values.borrow_mut().remove(key))).await
    }
}

struct Setup {
    log: Rc<UsageLogLogic>,
    ledger: Rc<FakeLedger>,
    kv: Rc<FaultyKv>,
    artifacts: Rc<FakeArtifacts>,
    storage: Rc<FakeStorage>,
    clock: Rc<FakeClock>,
    pool: LocalPool,
}

fn name() -> LogName {
    LogName::of_project(LogId::parse("0badcafe01").unwrap())
}

fn id(number: u32) -> RunId {
    let mut bytes = [0; 16];
    bytes[8..12].copy_from_slice(&number.to_be_bytes());
    RunId::in_log(name(), bytes, &secret())
}

fn guard() -> Guard {
    Guard { project_id: "proj_1".into(), user_id: Some("user_1".into()), private_results: false }
}

/// A run for an end user, whose output of one chunk is in KV.
fn run_for(number: u32, end_user: &str, created_at: Timestamp) -> FinishedRun {
    let usage = json!({
        "runId": id(number), "projectId": "proj_1", "keyId": "key_1", "createdAt": created_at, "tier": "run",
        "language": "python", "snippet": "print(1)", "status": if number.is_multiple_of(4) { "error" } else { "success" },
        "exitCode": 0, "durationMs": 12, "endUserId": end_user, "userContext": { "id": end_user }, "ip": "10.0.0.1",
    });
    let record = json!({ "result": {}, "input": {}, "chunks": { "stdout": 1, "stderr": 0 } });
    FinishedRun { id: id(number), usage: usage.to_string(), record: Some(record.to_string()) }
}

impl Setup {
    fn new() -> Self {
        let clock = Rc::new(FakeClock::default());
        clock.pass_ms(100 * DAY_MS);
        let ledger = Rc::new(FakeLedger { clock: Rc::clone(&clock), ..FakeLedger::default() });
        *ledger.project.borrow_mut() = Some(guard());
        let (kv, artifacts, storage) = (Rc::default(), Rc::default(), Rc::default());
        let log = logic(&storage, &ledger, (&kv, &artifacts), &clock);
        Self { log, ledger, kv, artifacts, storage, clock, pool: LocalPool::new() }
    }

    /// The object as it is after a reset: what was in memory is lost.
    fn reset(&mut self) {
        self.log = logic(&self.storage, &self.ledger, (&self.kv, &self.artifacts), &self.clock);
    }

    /// Starts something that goes on beside what follows.
    fn start<F: Future<Output = ()> + 'static>(&mut self, work: impl FnOnce(Rc<UsageLogLogic>) -> F) {
        self.pool.spawner().spawn_local(work(Rc::clone(&self.log))).unwrap();
        self.pool.run_until_stalled();
    }

    fn submit_all(&mut self, runs: Vec<FinishedRun>) -> Result<(), PortError> {
        for run in &runs {
            self.kv.values.borrow_mut().insert(format!("output:{}:stdout:0", run.id), b"x".to_vec());
        }
        let log = Rc::clone(&self.log);
        self.pool.run_until(async move { log.submit(name(), runs).await })
    }

    /// Submits runs that are made now, for end users `u0` and `u1` in turn.
    fn submit(&mut self, runs: std::ops::Range<u32>) {
        let now = self.clock.now();
        let runs = runs.map(|number| run_for(number, &format!("u{}", number % 2), now));
        self.submit_all(runs.collect()).unwrap();
    }

    fn record(&mut self, number: u32) -> Result<Option<FoundRecord>, PortError> {
        let log = Rc::clone(&self.log);
        self.pool.run_until(async move { log.record(name(), id(number)).await })
    }

    fn erase(&mut self, end_user: &str) -> Result<Erased, PortError> {
        let (log, end_user) = (Rc::clone(&self.log), end_user.to_owned());
        self.pool.run_until(async move { log.erase_end_user(name(), &end_user).await })
    }

    fn delete(&mut self) -> Result<bool, PortError> {
        let log = Rc::clone(&self.log);
        self.pool.run_until(async move { log.delete().await })
    }

    /// Fires the alarm when it is due.
    fn alarm(&mut self) -> Result<(), PortError> {
        let at = self.storage.alarm_at().expect("an alarm is set");
        self.clock.pass_ms((at - self.clock.now().0).max(0));
        self.storage.fire();
        let log = Rc::clone(&self.log);
        self.pool.run_until(async move { log.alarm().await })
    }

    /// Fires all alarms until this time.
    fn pass_to(&mut self, end: Timestamp) {
        let mut alarms = 0;
        while self.storage.alarm_at().is_some_and(|at| at <= end.0) {
            self.alarm().unwrap();
            alarms += 1;
            assert!(alarms < 500, "the alarm fires for ever");
        }
        self.clock.pass_ms((end.0 - self.clock.now().0).max(0));
    }

    fn pass_ms(&mut self, milliseconds: i64) {
        self.pass_to(self.clock.now().plus_ms(milliseconds));
    }

    fn history(&self, filter: Filter) -> Vec<String> {
        let query = HistoryQuery::of(filter, &Page::of(5_000, None), 0);
        self.log.history(&query).unwrap().into_iter().map(|run| run.run_id).collect()
    }

    /// The runs by the totals, by the series, and by end user.
    fn counted(&self) -> (i64, i64, Vec<(String, i64)>) {
        let counts = self.log.counts(Hours { from: 0, to: 1_000 * 24, step: 24 }).unwrap();
        let end_users = counts.end_users.into_iter().map(|user| (user.id, user.runs)).collect();
        let totals = counts.totals.iter().map(|count| count.runs).sum();
        (totals, counts.series.iter().map(|stretch| stretch.runs).sum(), end_users)
    }

    /// The runs in the database's counts, and in its list.
    fn copied(&self) -> (i64, usize) {
        let recent = self.ledger.recent.borrow().as_ref().map_or(0, |(_, runs)| runs.len());
        (self.ledger.hours.borrow().values().sum(), recent)
    }
}

fn logic(
    storage: &Rc<FakeStorage>,
    ledger: &Rc<FakeLedger>,
    (kv, artifacts): (&Rc<FaultyKv>, &Rc<FakeArtifacts>),
    clock: &Rc<FakeClock>,
) -> Rc<UsageLogLogic> {
    let ports = LogPorts { ledger: ledger.clone(), kv: kv.clone(), artifacts: artifacts.clone() };
    Rc::new(UsageLogLogic::new(storage.clone(), ports, clock.clone()))
}

mod artifacts;
mod copies;
mod deletion;
mod end_users;
mod plans;
mod retention;
mod runs;
