//! The gates of keys by their own logic, without the runtime between.

use crate::domain::account::amounts::Amounts;
use crate::domain::key::gate::{CheckKey, Decision};
use crate::objects::key_gate::logic::KeyGateLogic;
use crate::objects::key_gate::quota::GateQuotaPorts;
use crate::ports::{Clock, KeyGates, KeyLedger, PortError};
use crate::tests::fake_storage::FakeStorage;
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
}

impl LocalKeyGates {
    pub fn new(ledger: Rc<dyn KeyLedger>, clock: Rc<dyn Clock>, quotas: GateQuotaPorts) -> Self {
        let (gates, fails, refreshed) = (RefCell::default(), Cell::default(), RefCell::default());
        Self { ledger, quotas, clock, gates, fails, refreshed }
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

    /// Fires every alarm that is due.
    pub async fn fire_alarms(&self) {
        let gates: Vec<Rc<Gate>> = self.gates.borrow().values().map(Rc::clone).collect();
        for gate in gates {
            while gate.storage.alarm_at().is_some_and(|at| at <= self.clock.now().0) {
                gate.storage.fire();
                gate.logic.alarm().await.unwrap();
            }
        }
    }

    /// Fires the alarms of all gates.
    pub async fn maintain_all(&self) {
        let gates: Vec<_> = self.gates.borrow().values().cloned().collect();
        for gate in gates {
            gate.storage.fire();
            gate.logic.alarm().await.unwrap();
        }
    }
}

#[async_trait(?Send)]
impl KeyGates for LocalKeyGates {
    async fn check(&self, key_hash: &str, check: &CheckKey) -> Result<Decision, PortError> {
        self.gate(key_hash)?.logic.check(key_hash, check).await
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
        self.gate(key_hash)?.logic.note_models(amounts).await
    }
}
