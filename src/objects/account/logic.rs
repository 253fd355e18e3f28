//! What the object of an account does: it shares out the account's quotas as leases, and ends those that nobody renews.
//!
//! No run that has a lease waits for this object. Its state is one row, which is written with every change, so that an eviction
//! loses nothing. When no lease is left and the day is over, the storage is deleted.

use crate::domain::account::amounts::Amounts;
use crate::domain::account::lease::LeaseRequest;
use crate::domain::account::quota::{Quota, QuotaLimits, end_of_day};
use crate::domain::timestamp::Timestamp;
use crate::objects::account::storage::{self, Stored};
use crate::objects::runtime::ObjectRuntime;
use crate::ports::PortError;
use crate::ports::accounts::{AccountLedger, AccountUsage, Accounts, LeaseAnswer, Standing};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The account whose quota of processor time all accounts share that the operator has not marked as trusted. No user has this
/// id.
pub const SHARED: &str = "shared";
/// What the operator has decided is read again after this long, in milliseconds. With the renewals of running pools, every 20 s,
/// a suspended account runs nothing after a minute.
const STANDING_MS: i64 = 15_000;
/// What failed is repeated after this long, in milliseconds.
pub const RETRY_AFTER_MS: i64 = 5_000;

/// The quotas of one account.
pub struct AccountLogic {
    pub(super) runtime: ObjectRuntime,
    ledger: Rc<dyn AccountLedger>,
    /// The other accounts, of which one is [`SHARED`].
    pub(super) accounts: Rc<dyn Accounts>,
    limits: QuotaLimits,
    /// `None`: not loaded. It is never borrowed across an await.
    pub(super) stored: RefCell<Option<Stored>>,
    standing: Cell<Option<(Standing, Timestamp)>>,
}

impl AccountLogic {
    pub fn new(
        runtime: ObjectRuntime,
        ledger: Rc<dyn AccountLedger>,
        accounts: Rc<dyn Accounts>,
        limits: QuotaLimits,
    ) -> Self {
        Self { runtime, ledger, accounts, limits, stored: RefCell::default(), standing: Cell::default() }
    }

    /// Begins or renews a lease. It may be repeated.
    ///
    /// # Errors
    /// Nothing was granted, or the grant may not be stored.
    pub async fn lease(&self, account: &str, request: &LeaseRequest) -> Result<LeaseAnswer, PortError> {
        let standing = self.standing(account).await?;
        if standing.is_suspended {
            return Ok(LeaseAnswer::Suspended);
        }
        let limits = self.limits_of(account, standing);
        let shared = match self.draws_from_shared(account, &limits) {
            true => self.shared_room(account, request).await?,
            false => None,
        };
        let most = shared.as_ref().map_or(Amounts::MAX, |room| Amounts { cpu_ms: room.cpu_ms, ..Amounts::MAX });
        let now = self.runtime.clock.now();
        let mut grant = self.change(account, |stored| stored.state.lease(request, &limits, most, now))?;
        if let Some(exhausted) = shared.and_then(|room| room.exhausted) {
            grant.exhausted.push(exhausted);
        }
        self.set_alarm().await?;
        Ok(LeaseAnswer::Granted(grant))
    }

    /// Ends a lease. It may be repeated.
    ///
    /// # Errors
    /// The lease may go on; it then ends by itself.
    pub async fn end_lease(&self, account: &str, lease: &str, used: &Amounts) -> Result<(), PortError> {
        let now = self.runtime.clock.now();
        self.change(account, |stored| stored.state.end(lease, *used, now))?;
        self.set_alarm().await
    }

    /// What the account uses now.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn usage(&self, account: &str) -> Result<AccountUsage, PortError> {
        let limits = self.limits_of(account, self.standing(account).await?);
        let shared = match self.draws_from_shared(account, &limits) {
            true => Some(self.accounts.usage(SHARED).await?.today),
            false => None,
        };
        let now = self.runtime.clock.now();
        self.with(account, |stored| {
            stored.state.advance(now);
            AccountUsage { today: stored.state.used(), running: stored.state.running(), shared }
        })
    }

    /// Ends the leases that nobody has renewed, gives back what was shared, and deletes the storage when nothing is left.
    ///
    /// # Errors
    /// The next alarm could not be set; the runtime repeats this one.
    pub async fn alarm(&self) -> Result<(), PortError> {
        let Some(stored) = storage::load(&*self.runtime.storage)? else { return Ok(()) };
        let (account, now) = (stored.account, self.runtime.clock.now());
        self.change(&account, |stored| stored.state.advance(now))?;
        self.end_shared(&account).await?;
        let is_empty = self.with(&account, |stored| stored.state.is_empty() && stored.shared.is_none())?;
        if is_empty {
            // Between the look and the deletion there is no await, so no call can have stored anything.
            self.stored.take();
            return self.runtime.storage.delete_all().await;
        }
        self.set_alarm().await
    }

    /// What the operator has decided. If the database does not answer, what it said before stands.
    async fn standing(&self, account: &str) -> Result<Standing, PortError> {
        if account == SHARED {
            return Ok(Standing { is_trusted: true, is_suspended: false });
        }
        let now = self.runtime.clock.now();
        let known = self.standing.get();
        if let Some((standing, _)) = known.filter(|(_, at)| now.0 - at.0 < STANDING_MS) {
            return Ok(standing);
        }
        match self.ledger.standing(account).await {
            Ok(standing) => {
                // Nothing of an account that was deleted runs any more.
                let standing = standing.unwrap_or(Standing { is_trusted: false, is_suspended: true });
                self.standing.set(Some((standing, now)));
                Ok(standing)
            }
            Err(error) => known.map(|(standing, _)| standing).ok_or(error),
        }
    }

    fn limits_of(&self, account: &str, standing: Standing) -> QuotaLimits {
        match account {
            SHARED => QuotaLimits::UNLIMITED.with(Quota::CpuSeconds, self.limits.of(Quota::SharedCpuSeconds)),
            _ => self.limits.for_account(standing.is_trusted),
        }
    }

    fn draws_from_shared(&self, account: &str, limits: &QuotaLimits) -> bool {
        account != SHARED && limits.of(Quota::SharedCpuSeconds).is_some()
    }

    /// The limit of the processor time that all strangers share, in seconds.
    pub(super) fn shared_limit(&self) -> u64 {
        self.limits.of(Quota::SharedCpuSeconds).unwrap_or(u64::MAX)
    }

    /// Reads the state, which is loaded if it is not in memory.
    pub(super) fn with<T>(&self, account: &str, read: impl FnOnce(&mut Stored) -> T) -> Result<T, PortError> {
        let mut memory = self.stored.borrow_mut();
        if memory.is_none() {
            *memory = storage::load(&*self.runtime.storage)?;
        }
        Ok(read(memory.get_or_insert_with(|| Stored { account: account.to_owned(), ..Stored::default() })))
    }

    /// Changes the state, and stores it. If it cannot be stored, the memory is dropped, so that it never knows more than the
    /// storage.
    pub(super) fn change<T>(&self, account: &str, change: impl FnOnce(&mut Stored) -> T) -> Result<T, PortError> {
        let (value, stored) = self.with(account, |stored| (change(stored), stored.clone()))?;
        if let Err(error) = storage::save(&*self.runtime.storage, &stored) {
            self.stored.take();
            return Err(error);
        }
        Ok(value)
    }

    /// Sets the alarm for the end of the next lease, or else for the end of the day.
    pub(super) async fn set_alarm(&self) -> Result<(), PortError> {
        let now = self.runtime.clock.now();
        let next = self.stored.borrow().as_ref().and_then(|stored| next_alarm(stored, now));
        match next {
            Some(at) => self.runtime.storage.schedule_alarm(at).await,
            None => Ok(()),
        }
    }
}

/// When the object has something to do; `None` if it stores nothing.
fn next_alarm(stored: &Stored, now: Timestamp) -> Option<Timestamp> {
    match stored.state.next_end() {
        Some(end) => Some(end),
        // Nobody uses what the account has of the shared time.
        None if stored.shared.is_some() => Some(now.plus_ms(RETRY_AFTER_MS)),
        None => Some(end_of_day(now)),
    }
}
