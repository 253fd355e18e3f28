//! What the gate of a key holds of its account's executions of scripts and calls of models.
//!
//! An execution that begins while the gate has a block waits for no other object. The alarm renews a block of which half is used,
//! and gives the rest back when the lease ends without a use. The gate stores its block, so that an eviction loses nothing but
//! the uses of the last second.

use crate::domain::account::amounts::Amounts;
use crate::domain::account::block::{Block, GATE_BLOCK};
use crate::domain::account::lease::LeaseRequest;
use crate::domain::account::quota::{Quota, QuotaExceeded};
use crate::domain::key::gate::Execution;
use crate::domain::timestamp::Timestamp;
use crate::objects::account::lease_storage::{self, StoredLease};
use crate::ports::accounts::{Accounts, LeaseAnswer};
use crate::ports::{Clock, Entropy, ObjectStorage, PortError};
use futures::FutureExt;
use futures::future::{LocalBoxFuture, Shared};
use std::cell::RefCell;
use std::rc::Rc;

/// How often a gate says what its scripts have used, in milliseconds.
const REPORT_EVERY_MS: i64 = 20_000;

/// The ports that the quotas of a gate need beside those of the gate.
#[derive(Clone)]
pub struct GateQuotaPorts {
    pub accounts: Rc<dyn Accounts>,
    pub entropy: Rc<dyn Entropy>,
}

type Renewal = Shared<LocalBoxFuture<'static, Result<(), PortError>>>;

/// The quotas of one key.
pub struct GateQuota {
    ports: GateQuotaPorts,
    storage: Rc<dyn ObjectStorage>,
    clock: Rc<dyn Clock>,
    memory: RefCell<Memory>,
}

/// What is kept in memory. It is never borrowed across an await.
#[derive(Default)]
struct Memory {
    is_loaded: bool,
    lease: Option<StoredLease>,
    /// Whether something was used that is not stored.
    is_unsaved: bool,
    /// Whether something was used since the last renewal.
    is_used: bool,
    renewed_at: Option<Timestamp>,
    renewal: Option<Renewal>,
}

impl Memory {
    /// When to say what was used. A gate that was evicted says it at once.
    fn report_at(&self) -> Timestamp {
        self.renewed_at.map_or(Timestamp(0), |at| at.plus_ms(REPORT_EVERY_MS))
    }
}

/// Why a script may not run.
#[derive(Debug, PartialEq, Eq)]
pub enum ExecutionRefusal {
    Exceeded(QuotaExceeded),
    Suspended,
    /// The account does not answer.
    Silent(PortError),
}

impl GateQuota {
    pub fn new(ports: GateQuotaPorts, storage: Rc<dyn ObjectStorage>, clock: Rc<dyn Clock>) -> Rc<Self> {
        Rc::new(Self { ports, storage, clock, memory: RefCell::default() })
    }

    /// Counts an execution of a script.
    ///
    /// # Errors
    /// The script may not run.
    pub async fn execute(self: &Rc<Self>, account: &str) -> Result<Execution, ExecutionRefusal> {
        self.load().map_err(ExecutionRefusal::Silent)?;
        if let Some(execution) = self.take() {
            return Ok(execution);
        }
        let renewed = self.renewal(account).await;
        if let Some(execution) = self.take() {
            return Ok(execution);
        }
        renewed.map_err(ExecutionRefusal::Silent)?;
        let memory = self.memory.borrow();
        let Some(StoredLease { block, .. }) = &memory.lease else { return Err(ExecutionRefusal::Suspended) };
        Err(match block.exhausted(&[Quota::Executions]) {
            Some(exceeded) => ExecutionRefusal::Exceeded(exceeded),
            None => ExecutionRefusal::Silent(PortError("The account grants nothing.".to_owned())),
        })
    }

    /// Notes what a script has used of models.
    pub fn note(&self, amounts: Amounts) -> Result<(), PortError> {
        self.load()?;
        let mut memory = self.memory.borrow_mut();
        if let Some(StoredLease { block, .. }) = &mut memory.lease {
            block.spend(amounts);
            (memory.is_unsaved, memory.is_used) = (true, true);
        }
        Ok(())
    }

    /// When the block has to be looked at: soon if half of it is used, else when its lease is about to end.
    pub fn due(&self) -> Result<Option<Timestamp>, PortError> {
        self.load()?;
        let (memory, now) = (self.memory.borrow(), self.clock.now());
        let Some(StoredLease { block, .. }) = &memory.lease else { return Ok(None) };
        if memory.is_unsaved || (memory.is_used && block.is_low(GATE_BLOCK, now)) {
            return Ok(Some(now));
        }
        let ending = block.given_back_at();
        Ok(Some(if memory.is_used { ending.min(memory.report_at()) } else { ending }))
    }

    /// Stores what was used, renews a block that is used, and gives back one that is not.
    ///
    /// # Errors
    /// It is to be repeated.
    pub async fn maintain(self: &Rc<Self>) -> Result<(), PortError> {
        self.load()?;
        let now = self.clock.now();
        let (lease, is_used, is_unsaved, report_at) = {
            let memory = self.memory.borrow();
            let Some(lease) = memory.lease.clone() else { return Ok(()) };
            (lease, memory.is_used, memory.is_unsaved, memory.report_at())
        };
        let is_ending = lease.block.given_back_at() <= now;
        if is_used && (is_ending || report_at <= now || lease.block.is_low(GATE_BLOCK, now)) {
            // While the account is silent, the block is used up. A lease that has ended begins anew with the next script.
            let renewed = self.renewal(&lease.account).await;
            if renewed.is_err() {
                // The next use asks again.
                self.memory.borrow_mut().is_used = false;
            }
            if renewed.is_ok() || lease.block.is_valid(now) {
                return self.save();
            }
        }
        if is_ending {
            return self.give_back().await;
        }
        if is_unsaved { self.save() } else { Ok(()) }
    }

    /// Gives the block back. If the account does not answer, the lease ends by itself.
    ///
    /// # Errors
    /// The storage has failed.
    pub async fn give_back(&self) -> Result<(), PortError> {
        self.load()?;
        let Some(StoredLease { account, block, .. }) = self.memory.borrow_mut().lease.take() else { return Ok(()) };
        let _counted_whole = self.ports.accounts.end_lease(&account, &block.lease, &block.used).await;
        if self.memory.borrow().lease.is_none() {
            lease_storage::delete(&*self.storage)?;
        }
        Ok(())
    }

    fn load(&self) -> Result<(), PortError> {
        let mut memory = self.memory.borrow_mut();
        if !memory.is_loaded {
            memory.lease = lease_storage::load(&*self.storage)?;
            memory.is_loaded = true;
        }
        Ok(())
    }

    fn save(&self) -> Result<(), PortError> {
        let mut memory = self.memory.borrow_mut();
        if let Some(lease) = &memory.lease {
            lease_storage::save(&*self.storage, lease)?;
        }
        memory.is_unsaved = false;
        Ok(())
    }

    /// Takes an execution from the block, if there is one.
    fn take(&self) -> Option<Execution> {
        let (mut memory, now) = (self.memory.borrow_mut(), self.clock.now());
        let StoredLease { block, .. } = memory.lease.as_mut().filter(|lease| lease.block.is_valid(now))?;
        let left = block.left();
        if left.executions == 0 {
            return None;
        }
        block.spend(Amounts { executions: 1, ..Amounts::default() });
        (memory.is_unsaved, memory.is_used) = (true, true);
        Some(Execution { has_ai: left.ai_calls > 0 && left.ai_neurons > 0 })
    }

    /// The renewal that is on its way, or a new one.
    fn renewal(self: &Rc<Self>, account: &str) -> Renewal {
        let mut memory = self.memory.borrow_mut();
        if let Some(renewal) = &memory.renewal {
            return renewal.clone();
        }
        let (own, account) = (Rc::clone(self), account.to_owned());
        let renewal = async move {
            let renewed = own.renew(account).await;
            own.memory.borrow_mut().renewal = None;
            renewed
        };
        let renewal = renewal.boxed_local().shared();
        memory.renewal = Some(renewal.clone());
        renewal
    }

    async fn renew(&self, account: String) -> Result<(), PortError> {
        let request = self.request();
        let answer = self.ports.accounts.lease(&account, &request).await?;
        let mut memory = self.memory.borrow_mut();
        memory.is_used = false;
        memory.renewed_at = Some(self.clock.now());
        let LeaseAnswer::Granted(grant) = answer else {
            memory.lease = None;
            return lease_storage::delete(&*self.storage);
        };
        let block = Block::granted(memory.lease.take().map(|lease| lease.block), request, grant);
        memory.lease = Some(StoredLease { account, block, is_unreported: false });
        drop(memory);
        self.save()
    }

    fn request(&self) -> LeaseRequest {
        let (memory, now) = (self.memory.borrow(), self.clock.now());
        match memory.lease.as_ref().filter(|lease| lease.block.is_valid(now)) {
            Some(lease) => lease.block.renewal(GATE_BLOCK, 0, 0),
            None => {
                let mut random = [0; 16];
                self.ports.entropy.fill(&mut random);
                let (lease, used) = (hex::encode(random), Amounts::default());
                LeaseRequest { lease, used, wants: GATE_BLOCK, running: 0, wants_runs: 0 }
            }
        }
    }
}
