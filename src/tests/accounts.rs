//! Accounts and the fleet by their own logic, without the runtime between.

use crate::domain::account::amounts::Amounts;
use crate::domain::account::lease::LeaseRequest;
use crate::domain::account::quota::QuotaLimits;
use crate::domain::pool::fleet::{Admission, FleetLimits, Renewal};
use crate::objects::account::logic::AccountLogic;
use crate::objects::fleet::logic::FleetLogic;
use crate::objects::runtime::ObjectRuntime;
use crate::ports::PortError;
use crate::ports::accounts::{AccountLedger, AccountUsage, Accounts, LeaseAnswer};
use crate::ports::fleet::Fleet;
use crate::tests::fake_storage::FakeStorage;
use crate::tests::fault::Faults;
use async_trait::async_trait;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

struct Account {
    logic: AccountLogic,
    storage: Rc<FakeStorage>,
}

/// [`Accounts`] as the objects are: one [`AccountLogic`] with a database of its own for each account.
pub struct LocalAccounts {
    own: Weak<Self>,
    runtime: ObjectRuntime,
    ledger: Rc<dyn AccountLedger>,
    /// The limits of objects that are made later.
    pub limits: Cell<QuotaLimits>,
    accounts: RefCell<BTreeMap<String, Rc<Account>>>,
    /// The leases that were asked for, by account, and what their holders had used.
    pub asked: RefCell<Vec<(String, LeaseRequest)>>,
    /// What happens to the next requests for leases.
    pub lease_faults: Faults,
    /// What happens when the next leases are given back.
    pub end_faults: Faults,
    /// Whether the objects cannot be reached.
    pub fails: Cell<bool>,
}

impl LocalAccounts {
    /// Accounts with these limits. `runtime` gives them everything but storage.
    pub fn new(runtime: ObjectRuntime, ledger: Rc<dyn AccountLedger>, limits: QuotaLimits) -> Rc<Self> {
        Rc::new_cyclic(|own| Self {
            own: own.clone(),
            runtime,
            ledger,
            limits: Cell::new(limits),
            accounts: RefCell::default(),
            asked: RefCell::default(),
            lease_faults: Faults::default(),
            end_faults: Faults::default(),
            fails: Cell::default(),
        })
    }

    fn account(&self, account: &str) -> Result<Rc<Account>, PortError> {
        if self.fails.get() {
            return Err(PortError("The account is away.".into()));
        }
        Ok(Rc::clone(self.accounts.borrow_mut().entry(account.to_owned()).or_insert_with(|| self.make(Rc::default()))))
    }

    fn make(&self, storage: Rc<FakeStorage>) -> Rc<Account> {
        let runtime = ObjectRuntime { storage: storage.clone(), ..self.runtime.clone() };
        let accounts = self.own.upgrade().expect("the accounts are there");
        Rc::new(Account {
            logic: AccountLogic::new(runtime, Rc::clone(&self.ledger), accounts, self.limits.get()),
            storage,
        })
    }

    /// The storage of an account's object.
    pub fn storage(&self, account: &str) -> Rc<FakeStorage> {
        Rc::clone(&self.account(account).unwrap().storage)
    }

    /// Takes an object out of memory. Its storage stays.
    pub fn evict(&self, account: &str) {
        let storage = self.storage(account);
        let fresh = self.make(storage);
        self.accounts.borrow_mut().insert(account.to_owned(), fresh);
    }

    /// Fires the alarm of an object.
    pub async fn alarm(&self, account: &str) -> Result<(), PortError> {
        let account = self.account(account)?;
        account.storage.fire();
        account.logic.alarm().await
    }
}

#[async_trait(?Send)]
impl Accounts for LocalAccounts {
    async fn lease(&self, account: &str, request: &LeaseRequest) -> Result<LeaseAnswer, PortError> {
        self.asked.borrow_mut().push((account.to_owned(), request.clone()));
        self.lease_faults.around(async || self.account(account)?.logic.lease(account, request).await).await?
    }

    async fn end_lease(&self, account: &str, lease: &str, used: &Amounts) -> Result<(), PortError> {
        self.end_faults.around(async || self.account(account)?.logic.end_lease(account, lease, used).await).await?
    }

    async fn usage(&self, account: &str) -> Result<AccountUsage, PortError> {
        self.account(account)?.logic.usage(account).await
    }
}

/// [`Fleet`] as the object is.
pub struct LocalFleet {
    logic: FleetLogic,
    pub faults: Faults,
}

impl LocalFleet {
    /// A fleet of so many containers.
    pub fn new(runtime: ObjectRuntime, limits: FleetLimits) -> Rc<Self> {
        let runtime = ObjectRuntime { storage: Rc::new(FakeStorage::default()), ..runtime };
        Rc::new(Self { logic: FleetLogic::new(runtime, limits), faults: Faults::default() })
    }
}

#[async_trait(?Send)]
impl Fleet for LocalFleet {
    async fn ask(&self, object: &str, account: &str) -> Result<Admission, PortError> {
        self.faults.around(async || self.logic.ask(object, account).await).await?
    }

    async fn renew(&self, object: &str, account: &str, running: u32) -> Result<Renewal, PortError> {
        self.faults.around(async || self.logic.renew(object, account, running).await).await?
    }

    async fn release(&self, object: &str) -> Result<(), PortError> {
        self.faults.around(async || self.logic.release(object)).await?
    }

    async fn containers_of(&self, account: &str) -> Result<u32, PortError> {
        self.logic.containers_of(account)
    }
}
