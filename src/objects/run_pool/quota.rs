//! What the pool of a project holds of the quotas of the account that owns it.
//!
//! A run that begins while the pool has a block waits for no other object. The block is renewed after runs have begun: every 20 s
//! while runs are in progress, and sooner when half of it is used. While the account does not answer, the block is used up, and
//! then runs are refused. A second after the last run the object stores the block, so that an eviction loses nothing, and leaves
//! the last renewal to its alarm: an idle object must not stay in memory. When the pool has not been used until the end of the
//! lease, it gives the rest back.

use crate::domain::account::amounts::Amounts;
use crate::domain::account::block::{Block, POOL_BLOCK, POOL_RUNS};
use crate::domain::account::lease::LeaseRequest;
use crate::domain::account::quota::{Quota, QuotaExceeded};
use crate::objects::account::lease_storage::{self, StoredLease};
use crate::objects::runtime::ObjectRuntime;
use crate::ports::accounts::{AccountLedger, Accounts, LeaseAnswer};
use crate::ports::{PoolFailure, PoolFailureCode, PortError};
use futures::FutureExt;
use futures::future::{Either, LocalBoxFuture, Shared, select};
use std::cell::RefCell;
use std::rc::Rc;

/// How often a pool with runs in progress renews its block, and how long after its last run it does so once more, in milliseconds.
/// It also learns then that its account was suspended.
pub const RENEW_EVERY_MS: u32 = 20_000;
/// How long a run waits for a block, in milliseconds.
const PATIENCE_MS: u32 = 5_000;

/// What the quotas do to the runs of a pool.
pub trait LimitedRuns {
    /// Lets so many runs be in progress. `exceeded` is the quota that lets no more, if there is one.
    fn limit_runs(&self, runs: u32, exceeded: Option<QuotaExceeded>);
    /// Ends all runs in progress, and refuses those that wait.
    fn end_all(&self) -> LocalBoxFuture<'static, ()>;
}

/// The ports to the accounts.
#[derive(Clone)]
pub struct QuotaPorts {
    pub accounts: Rc<dyn Accounts>,
    pub ledger: Rc<dyn AccountLedger>,
}

/// The quotas of one pool.
pub struct PoolQuota {
    ports: QuotaPorts,
    pub(super) runtime: ObjectRuntime,
    pub(super) memory: RefCell<Memory>,
}

type Renewal = Shared<LocalBoxFuture<'static, Result<(), PortError>>>;

/// What is kept in memory. It is never borrowed across an await.
#[derive(Default)]
pub(super) struct Memory {
    is_loaded: bool,
    pub(super) owner: Owner,
    pub(super) block: Option<Block>,
    /// The renewal that is on its way.
    renewal: Option<Renewal>,
    /// Runs in progress, and runs that wait.
    pub(super) active: u32,
    pub(super) is_watched: bool,
    is_suspended: bool,
    /// The account does not know yet that the pool is idle, and what was used before that.
    pub(super) is_unreported: bool,
}

/// Who owns the project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Owner {
    #[default]
    Unknown,
    /// Nobody: nothing is limited.
    Nobody,
    Account(String),
}

impl PoolQuota {
    pub fn new(ports: QuotaPorts, runtime: ObjectRuntime) -> Rc<Self> {
        Rc::new(Self { ports, runtime, memory: RefCell::default() })
    }

    /// Admits a run of a project. It is counted until the returned value is dropped.
    ///
    /// # Errors
    /// The account is suspended, has used up a quota, or does not answer. Nothing runs.
    pub async fn admit(
        self: &Rc<Self>,
        project_id: &str,
        has_network: bool,
        pool: &Rc<dyn LimitedRuns>,
    ) -> Result<CountedRun, PoolFailure> {
        self.load();
        let run = CountedRun::new(self);
        if self.memory.borrow().owner == Owner::Nobody {
            return Ok(run);
        }
        if !self.has_room(has_network) {
            self.wait_for_block(project_id, has_network, pool).await?;
        }
        if self.memory.borrow().owner != Owner::Nobody {
            self.watch(project_id, pool);
        }
        Ok(run)
    }

    /// Gives the block back, because the project is gone or its pool is not used any more.
    pub async fn give_back(&self) {
        self.load();
        let (owner, block) = {
            let mut memory = self.memory.borrow_mut();
            (memory.owner.clone(), memory.block.take())
        };
        if let (Owner::Account(account), Some(block)) = (owner, block)
            && let Err(error) = self.ports.accounts.end_lease(&account, &block.lease, &block.used).await
        {
            // It ends by itself, and then counts as used.
            self.runtime.log_failure("A block of an account's quotas could not be given back.", &error.0);
        }
        // A run that came meanwhile has begun a new lease.
        if self.memory.borrow().block.is_none()
            && let Err(error) = lease_storage::delete(&*self.runtime.storage)
        {
            self.runtime.log_failure("A lease could not be deleted.", &error.0);
        }
    }

    pub(super) fn load(&self) {
        let mut memory = self.memory.borrow_mut();
        if memory.is_loaded {
            return;
        }
        memory.is_loaded = true;
        match lease_storage::load(&*self.runtime.storage) {
            Ok(Some(StoredLease { account, block, is_unreported })) => {
                memory.owner = Owner::Account(account);
                memory.block = Some(block);
                memory.is_unreported = is_unreported;
            }
            Ok(None) => {}
            Err(error) => self.runtime.log_failure("A lease could not be read.", &error.0),
        }
    }

    /// Whether a run may begin without asking, which has the network or not.
    fn has_room(&self, has_network: bool) -> bool {
        let (memory, now) = (self.memory.borrow(), self.runtime.clock.now());
        let block = memory.block.as_ref().filter(|block| block.is_valid(now));
        !memory.is_suspended
            && block.is_some_and(|block| {
                let left = block.left();
                left.cpu_ms > 0 && (left.egress_bytes > 0 || !has_network)
            })
    }

    async fn wait_for_block(
        self: &Rc<Self>,
        project_id: &str,
        has_network: bool,
        pool: &Rc<dyn LimitedRuns>,
    ) -> Result<(), PoolFailure> {
        let renewal = self.renewal(Some((project_id, pool)));
        let answer = match select(renewal, self.runtime.clock.sleep(PATIENCE_MS)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(PortError("The account does not answer in time.".to_owned())),
        };
        let memory = self.memory.borrow();
        if memory.is_suspended {
            return Err(PoolFailureCode::Suspended.with_message("The account is suspended."));
        }
        if memory.owner == Owner::Nobody {
            return Ok(());
        }
        drop(memory);
        if self.has_room(has_network) {
            return Ok(());
        }
        let exhausted = match (&self.memory.borrow().block, answer) {
            (Some(block), Ok(())) if block.left().cpu_ms == 0 => {
                block.exhausted(&[Quota::CpuSeconds, Quota::SharedCpuSeconds])
            }
            (Some(block), Ok(())) => block.exhausted(&[Quota::EgressMegabytes]),
            _ => None,
        };
        Err(match exhausted {
            Some(exceeded) => PoolFailure::of_quota(exceeded),
            None => PoolFailureCode::Unavailable.with_message("The quotas of the account cannot be checked."),
        })
    }

    /// Whether more runs want to be in progress than the account lets.
    pub(super) fn is_short(&self) -> bool {
        let memory = self.memory.borrow();
        memory.block.as_ref().is_some_and(|block| memory.active > block.grant.runs)
    }

    /// Whether half of the block is used up.
    pub(super) fn is_low(&self) -> bool {
        let (memory, now) = (self.memory.borrow(), self.runtime.clock.now());
        memory.block.as_ref().is_some_and(|block| block.is_low(POOL_BLOCK, now))
    }

    /// The renewal that is on its way, or a new one: for a run of this project in this pool, or for none.
    pub(super) fn renewal(self: &Rc<Self>, run: Option<(&str, &Rc<dyn LimitedRuns>)>) -> Renewal {
        let mut memory = self.memory.borrow_mut();
        if let Some(renewal) = &memory.renewal {
            return renewal.clone();
        }
        let own = Rc::clone(self);
        let run = run.map(|(project_id, pool)| (project_id.to_owned(), Rc::clone(pool)));
        let renewal = async move {
            let renewed = own.renew(run).await;
            own.memory.borrow_mut().renewal = None;
            renewed
        };
        let renewal = renewal.boxed_local().shared();
        memory.renewal = Some(renewal.clone());
        renewal
    }

    async fn renew(&self, run: Option<(String, Rc<dyn LimitedRuns>)>) -> Result<(), PortError> {
        let (project_id, pool) = run.unzip();
        let Some(account) = self.account(project_id.as_deref()).await? else { return Ok(()) };
        let request = self.request();
        let answer = self.ports.accounts.lease(&account, &request).await?;
        let LeaseAnswer::Granted(grant) = answer else {
            {
                let mut memory = self.memory.borrow_mut();
                memory.is_suspended = true;
                memory.block = None;
            }
            if let Some(pool) = pool {
                pool.end_all().await;
            }
            return Ok(());
        };
        let (given_back_at, stored) = {
            let mut memory = self.memory.borrow_mut();
            memory.is_suspended = false;
            let (running, reported) = (request.running.max(memory.active), request.used);
            let block = Block::granted(memory.block.take(), request, grant);
            memory.block = Some(block.clone());
            let is_unreported = running > 0 || block.used != reported;
            memory.is_unreported = is_unreported;
            (block.given_back_at(), StoredLease { account, block, is_unreported })
        };
        if let Some(pool) = pool {
            limit(&pool, &stored.block);
        }
        lease_storage::save(&*self.runtime.storage, &stored)?;
        self.runtime.storage.schedule_alarm(given_back_at).await
    }

    /// The account that owns the project. The database is asked once, for a run.
    async fn account(&self, project_id: Option<&str>) -> Result<Option<String>, PortError> {
        let known = self.memory.borrow().owner.clone();
        match known {
            Owner::Account(account) => return Ok(Some(account)),
            Owner::Nobody => return Ok(None),
            Owner::Unknown => {}
        }
        let Some(project_id) = project_id else { return Ok(None) };
        let owner = self.ports.ledger.owner_of(project_id).await?;
        self.memory.borrow_mut().owner = owner.clone().map_or(Owner::Nobody, Owner::Account);
        Ok(owner)
    }

    /// The request that renews the block, or begins a new lease if it has ended.
    fn request(&self) -> LeaseRequest {
        let (memory, now) = (self.memory.borrow(), self.runtime.clock.now());
        let (running, wants_runs) = (memory.active, memory.active.max(POOL_RUNS));
        match memory.block.as_ref().filter(|block| block.is_valid(now)) {
            Some(block) => block.renewal(POOL_BLOCK, running, wants_runs),
            None => {
                let mut random = [0; 16];
                self.runtime.entropy.fill(&mut random);
                let (lease, used) = (hex::encode(random), Amounts::default());
                LeaseRequest { lease, used, wants: POOL_BLOCK, running, wants_runs }
            }
        }
    }
}

pub(super) fn limit(pool: &Rc<dyn LimitedRuns>, block: &Block) {
    pool.limit_runs(block.grant.runs, block.exhausted(&[Quota::RunsAtOnce]));
}

/// A run that counts against the quotas of its account until this is dropped.
pub struct CountedRun {
    quota: Rc<PoolQuota>,
}

impl CountedRun {
    fn new(quota: &Rc<PoolQuota>) -> Self {
        let mut memory = quota.memory.borrow_mut();
        memory.active += 1;
        memory.is_unreported = true;
        drop(memory);
        Self { quota: Rc::clone(quota) }
    }

    /// Notes what the run has used.
    pub fn ended(self, cpu_ms: f64, egress_bytes: u64) {
        let cpu_ms = cpu_ms.clamp(0.0, 1e12).ceil() as u64;
        if let Some(block) = &mut self.quota.memory.borrow_mut().block {
            block.spend(Amounts { cpu_ms, egress_bytes, ..Amounts::default() });
        }
    }
}

impl Drop for CountedRun {
    fn drop(&mut self) {
        let mut memory = self.quota.memory.borrow_mut();
        memory.active = memory.active.saturating_sub(1);
    }
}
