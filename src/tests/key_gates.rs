//! The gates of keys by their own logic, without the runtime between.

use crate::domain::account::amounts::Amounts;
use crate::domain::key::gate::{CheckKey, Decision};
use crate::domain::run::finished::FinishedRun;
use crate::domain::run::id::RunId;
use crate::objects::key_gate::logic::KeyGateLogic;
use crate::objects::key_gate::quota::GateQuotaPorts;
use crate::ports::{Clock, DeletedRecord, KeyGates, KeyLedger, LocalSql, PortError, SqlValue};
use crate::tests::fake_storage::FakeStorage;
use crate::tests::fault::Faults;
use async_trait::async_trait;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

struct Gate {
    logic: KeyGateLogic,
    storage: Rc<FakeStorage>,
}

/// [`KeyGates`] as the objects are: one [`KeyGateLogic`] with a database of its own for each key.
pub struct LocalKeyGates {
    ledger: Rc<dyn KeyLedger>,
    quotas: GateQuotaPorts,
    clock: Rc<dyn Clock>,
    gates: RefCell<BTreeMap<String, Rc<Gate>>>,
    /// Whether the objects cannot be reached.
    pub fails: Cell<bool>,
    /// The keys whose gates were told to read their settings again.
    pub refreshed: RefCell<Vec<String>>,
    /// How many reads of a record come before the record does.
    pub misses: Cell<u32>,
    /// What happens to the next submissions.
    pub submit_faults: Faults,
}

impl LocalKeyGates {
    pub fn new(ledger: Rc<dyn KeyLedger>, clock: Rc<dyn Clock>, quotas: GateQuotaPorts) -> Self {
        Self {
            ledger,
            clock,
            quotas,
            gates: RefCell::default(),
            fails: Cell::default(),
            refreshed: RefCell::default(),
            misses: Cell::default(),
            submit_faults: Faults::default(),
        }
    }

    fn gate(&self, key_hash: &str) -> Result<Rc<Gate>, PortError> {
        if self.fails.get() {
            return Err(PortError("The gate is away.".into()));
        }
        let make = || {
            let storage = Rc::new(FakeStorage::default());
            let logic = KeyGateLogic::new(
                storage.clone(),
                Rc::clone(&self.ledger),
                Rc::clone(&self.clock),
                self.quotas.clone(),
            );
            Rc::new(Gate { logic, storage })
        };
        Ok(Rc::clone(self.gates.borrow_mut().entry(key_hash.to_owned()).or_insert_with(make)))
    }

    fn all(&self) -> Vec<(String, Rc<Gate>)> {
        self.gates.borrow().iter().map(|(key_hash, gate)| (key_hash.clone(), Rc::clone(gate))).collect()
    }

    /// Writes all pending usage to the database, as the gates' alarms do within seconds.
    pub async fn flush_all(&self) {
        for (key_hash, gate) in self.all() {
            gate.logic.flush(&key_hash).await.unwrap();
        }
    }

    /// Fires the alarms of all gates.
    pub async fn maintain_all(&self) {
        for (_, gate) in self.all() {
            gate.storage.fire();
            gate.logic.alarm().await.unwrap();
        }
    }

    /// The records that are kept, by run.
    pub fn records(&self) -> BTreeMap<String, String> {
        let rows = self.all().into_iter().flat_map(|(_, gate)| {
            let has_table =
                !gate.storage.exec("SELECT 1 FROM sqlite_master WHERE name = 'results'", &[]).unwrap().is_empty();
            if has_table { gate.storage.exec("SELECT run_id, record FROM results", &[]).unwrap() } else { Vec::new() }
        });
        rows.map(|row| match <[SqlValue; 2]>::try_from(row) {
            Ok([SqlValue::Text(id), SqlValue::Text(record)]) => (id, record),
            other => panic!("{other:?} is no record"),
        })
        .collect()
    }
}

#[async_trait(?Send)]
impl KeyGates for LocalKeyGates {
    async fn check(&self, key_hash: &str, check: &CheckKey) -> Result<Decision, PortError> {
        self.gate(key_hash)?.logic.check(key_hash, check).await
    }

    async fn submit(&self, key_hash: &str, run: FinishedRun) -> Result<(), PortError> {
        self.submit_all(key_hash, &[run]).await
    }

    async fn submit_all(&self, key_hash: &str, runs: &[FinishedRun]) -> Result<(), PortError> {
        let lines = FinishedRun::to_lines(runs);
        let submit = async || {
            let runs = FinishedRun::from_lines(&lines).expect("what is submitted can be read");
            self.gate(key_hash)?.logic.submit(key_hash, runs).await
        };
        self.submit_faults.around(submit).await?
    }

    async fn record(&self, key_hash: &str, id: RunId) -> Result<Option<Vec<u8>>, PortError> {
        if self.misses.get() > 0 {
            self.misses.set(self.misses.get() - 1);
            return Ok(None);
        }
        Ok(self.gate(key_hash)?.logic.record(id)?.map(String::into_bytes))
    }

    async fn delete_records(&self, key_hash: &str, ids: &[RunId]) -> Result<Vec<DeletedRecord>, PortError> {
        self.gate(key_hash)?.logic.delete_records(ids)
    }

    async fn flush(&self, key_hash: &str) -> Result<(), PortError> {
        self.gate(key_hash)?.logic.flush(key_hash).await
    }

    async fn erase(&self, key_hash: &str) -> Result<(), PortError> {
        self.refreshed.borrow_mut().push(key_hash.to_owned());
        self.gate(key_hash)?.logic.erase().await
    }

    async fn refresh(&self, key_hash: &str) -> Result<(), PortError> {
        self.refreshed.borrow_mut().push(key_hash.to_owned());
        self.gate(key_hash)?.logic.refresh();
        Ok(())
    }

    async fn note_use(&self, key_hash: &str, amounts: Amounts) -> Result<(), PortError> {
        self.gate(key_hash)?.logic.note_use(amounts).await
    }
}
