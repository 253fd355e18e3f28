//! The logs of projects by their own logic, without the runtime between.

use crate::domain::input::page::Page;
use crate::domain::run::finished::FinishedRun;
use crate::domain::run::id::RunId;
use crate::domain::usage_log::name::LogName;
use crate::domain::usage_log::query::{Erased, Filter, HistoryQuery, Hours, UsageCounts, UsageRun};
use crate::objects::usage_log::logic::{LogPorts, UsageLogLogic};
use crate::objects::usage_log::storage::results;
use crate::ports::artifacts::ArtifactStore;
use crate::ports::{Clock, FoundRecord, Kv, LocalSql, LogLedger, PortError, SqlValue, UsageLogs};
use crate::tests::fake_storage::FakeStorage;
use crate::tests::fault::Faults;
use async_trait::async_trait;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

struct Log {
    logic: UsageLogLogic,
    storage: Rc<FakeStorage>,
}

/// [`UsageLogs`] as the objects are: one [`UsageLogLogic`] with a database of its own for each log.
pub struct LocalUsageLogs {
    ledger: Rc<dyn LogLedger>,
    kv: Rc<dyn Kv>,
    artifacts: Rc<dyn ArtifactStore>,
    clock: Rc<dyn Clock>,
    logs: RefCell<BTreeMap<LogName, Rc<Log>>>,
    /// Whether the objects cannot be reached.
    pub fails: Cell<bool>,
    /// How many reads of a record come before the record does.
    pub misses: Cell<u32>,
    /// What happens to the next submissions.
    pub submit_faults: Faults,
}

impl LocalUsageLogs {
    pub fn new(
        ledger: Rc<dyn LogLedger>,
        kv: Rc<dyn Kv>,
        artifacts: Rc<dyn ArtifactStore>,
        clock: Rc<dyn Clock>,
    ) -> Self {
        Self {
            ledger,
            kv,
            artifacts,
            clock,
            logs: RefCell::default(),
            fails: Cell::default(),
            misses: Cell::default(),
            submit_faults: Faults::default(),
        }
    }

    fn log(&self, name: LogName) -> Result<Rc<Log>, PortError> {
        if self.fails.get() {
            return Err(PortError("The log is away.".into()));
        }
        let make = || {
            let storage = Rc::new(FakeStorage::default());
            let (ledger, kv, clock) = (Rc::clone(&self.ledger), Rc::clone(&self.kv), Rc::clone(&self.clock));
            let ports = LogPorts { ledger, kv, artifacts: Rc::clone(&self.artifacts) };
            Rc::new(Log { logic: UsageLogLogic::new(storage.clone(), ports, clock), storage })
        };
        Ok(Rc::clone(self.logs.borrow_mut().entry(name).or_insert_with(make)))
    }

    fn all(&self) -> Vec<Rc<Log>> {
        self.logs.borrow().values().map(Rc::clone).collect()
    }

    /// Fires every alarm that is due.
    pub async fn fire_alarms(&self) {
        for log in self.all() {
            while log.storage.alarm_at().is_some_and(|at| at <= self.clock.now().0) {
                log.storage.fire();
                log.logic.alarm().await.unwrap();
            }
        }
    }

    /// The records that are kept, by run.
    pub fn records(&self) -> BTreeMap<String, String> {
        let mut records = BTreeMap::new();
        for log in self.all() {
            for day in results::days(&*log.storage).unwrap() {
                for row in log.storage.exec(&format!("SELECT run_id, record FROM results_{day}"), &[]).unwrap() {
                    match <[SqlValue; 2]>::try_from(row) {
                        Ok([SqlValue::Text(id), SqlValue::Text(record)]) => drop(records.insert(id, record)),
                        Ok([SqlValue::Text(_), SqlValue::Null]) => {}
                        other => panic!("{other:?} is no record"),
                    }
                }
            }
        }
        records
    }

    /// The runs in all logs, at most 100 of each.
    pub fn runs(&self) -> Vec<UsageRun> {
        let query = HistoryQuery::of(Filter::All, &Page::of(100, None), 0);
        self.all().iter().flat_map(|log| log.logic.history(&query).unwrap()).collect()
    }

    /// Whether no log stores anything.
    pub fn are_empty(&self) -> bool {
        self.all().iter().all(|log| log.storage.is_empty())
    }
}

#[async_trait(?Send)]
impl UsageLogs for LocalUsageLogs {
    async fn submit(&self, run: FinishedRun) -> Result<(), PortError> {
        self.submit_all(run.id.log(), &[run]).await
    }

    async fn submit_all(&self, log: LogName, runs: &[FinishedRun]) -> Result<(), PortError> {
        let lines = FinishedRun::to_lines(runs);
        let submit = async || {
            let runs = FinishedRun::from_lines(&lines).expect("what is submitted can be read");
            self.log(log)?.logic.submit(log, runs).await
        };
        self.submit_faults.around(submit).await?
    }

    async fn record(&self, id: RunId) -> Result<Option<FoundRecord>, PortError> {
        if self.misses.get() > 0 {
            self.misses.set(self.misses.get() - 1);
            return Ok(None);
        }
        self.log(id.log())?.logic.record(id.log(), id).await
    }

    async fn history(&self, log: LogName, query: &HistoryQuery) -> Result<Vec<UsageRun>, PortError> {
        self.log(log)?.logic.history(query)
    }

    async fn counts(&self, log: LogName, hours: Hours) -> Result<UsageCounts, PortError> {
        self.log(log)?.logic.counts(hours)
    }

    async fn erase_end_user(&self, log: LogName, end_user_id: &str) -> Result<Erased, PortError> {
        self.log(log)?.logic.erase_end_user(log, end_user_id).await
    }

    async fn refresh(&self, log: LogName) -> Result<(), PortError> {
        self.log(log)?.logic.refresh();
        Ok(())
    }

    async fn delete(&self, log: LogName) -> Result<bool, PortError> {
        self.log(log)?.logic.delete().await
    }
}
