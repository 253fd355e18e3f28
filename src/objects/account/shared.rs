//! The processor time that all strangers share: an account that is not trusted holds a block of it, as its pools hold blocks of
//! the account.

use crate::domain::account::amounts::Amounts;
use crate::domain::account::block::Block;
use crate::domain::account::lease::{Grant, LeaseRequest};
use crate::domain::account::quota::{Quota, QuotaExceeded};
use crate::domain::timestamp::Timestamp;
use crate::objects::account::logic::{AccountLogic, SHARED};
use crate::objects::account::storage::SharedBlock;
use crate::ports::PortError;
use crate::ports::accounts::LeaseAnswer;

/// What an account takes of the shared time at once, so that not every renewal of a pool becomes two calls.
const BLOCK_MS: u64 = 300_000;

/// What an account has of the shared time for one lease.
pub(super) struct SharedRoom {
    pub cpu_ms: u64,
    pub exhausted: Option<QuotaExceeded>,
}

impl AccountLogic {
    /// What may be granted of the shared time for a request. `None` if the request wants no processor time.
    ///
    /// # Errors
    /// Nothing is left of what the account holds, and the object of the shared time does not answer.
    pub(super) async fn shared_room(
        &self,
        account: &str,
        request: &LeaseRequest,
    ) -> Result<Option<SharedRoom>, PortError> {
        let wants = request.wants.cpu_ms;
        if wants == 0 {
            return Ok(None);
        }
        let now = self.runtime.clock.now();
        let left = self.with(account, |stored| {
            stored.state.advance(now);
            stored.state.report(&request.lease, request.used);
            time_left(stored.shared.as_ref(), stored.state.total(), stored.state.outstanding(&request.lease), now)
        })?;
        let is_low = self.with(account, |stored| stored.shared.as_ref().is_none_or(|shared| shared.is_low(now)))?;
        if left >= wants && !is_low {
            return Ok(Some(SharedRoom { cpu_ms: left, exhausted: None }));
        }
        match self.renew_shared(account, wants).await {
            Ok(grant) => {
                let now = self.runtime.clock.now();
                let left = self.change(account, |stored| {
                    stored.take_shared(grant);
                    time_left(
                        stored.shared.as_ref(),
                        stored.state.total(),
                        stored.state.outstanding(&request.lease),
                        now,
                    )
                })?;
                let exceeded = QuotaExceeded::new(Quota::SharedCpuSeconds, self.shared_limit(), now);
                Ok(Some(SharedRoom { cpu_ms: left, exhausted: (left == 0).then_some(exceeded) }))
            }
            Err(error) if left == 0 => Err(error),
            // What the account holds is used up first.
            Err(error) => {
                self.runtime.log_failure("The shared processor time does not answer.", &error.0);
                Ok(Some(SharedRoom { cpu_ms: left, exhausted: None }))
            }
        }
    }

    async fn renew_shared(&self, account: &str, wants: u64) -> Result<Grant, PortError> {
        let mut random = [0; 16];
        self.runtime.entropy.fill(&mut random);
        let now = self.runtime.clock.now();
        let request = self.change(account, |stored| {
            let total = stored.state.total().cpu_ms;
            let outstanding = stored.state.outstanding("").cpu_ms;
            let fresh = || SharedBlock::new(hex::encode(random), total, now);
            // A block whose lease has ended was counted whole.
            if stored.shared.as_ref().is_none_or(|shared| !shared.block.is_valid(now)) {
                stored.shared = Some(fresh());
            }
            let shared = stored.shared.get_or_insert_with(fresh);
            shared.block.used.cpu_ms = total.saturating_sub(shared.since_cpu_ms);
            let wants = Amounts { cpu_ms: outstanding + wants.max(BLOCK_MS), ..Amounts::default() };
            shared.block.renewal(wants, 0, 0)
        })?;
        match self.accounts.lease(SHARED, &request).await? {
            LeaseAnswer::Granted(grant) => Ok(grant),
            LeaseAnswer::Suspended => Err(PortError("The shared processor time is suspended.".to_owned())),
        }
    }

    /// Gives the shared time back when the account has no lease.
    ///
    /// # Errors
    /// The state cannot be stored.
    pub(super) async fn end_shared(&self, account: &str) -> Result<(), PortError> {
        let now = self.runtime.clock.now();
        let over = self.with(account, |stored| {
            let shared = stored.shared.as_ref().filter(|_| stored.state.next_end().is_none())?;
            let cpu_ms = stored.state.total().cpu_ms.saturating_sub(shared.since_cpu_ms);
            Some((shared.block.clone(), Amounts { cpu_ms, ..Amounts::default() }))
        })?;
        let Some((block, used)) = over else { return Ok(()) };
        if block.is_valid(now)
            && let Err(error) = self.accounts.end_lease(SHARED, &block.lease, &used).await
        {
            self.runtime.log_failure("Shared processor time could not be given back.", &error.0);
            return Ok(());
        }
        // A request may have begun a new lease during the call. The next one then begins a new block.
        self.change(account, |stored| stored.shared = None)
    }
}

impl SharedBlock {
    fn new(lease: String, since_cpu_ms: u64, now: Timestamp) -> Self {
        let nothing = Grant { granted: Amounts::default(), runs: 0, until: now.plus_ms(1), exhausted: Vec::new() };
        Self { block: Block { lease, used: Amounts::default(), grant: nothing }, since_cpu_ms }
    }

    fn is_low(&self, now: Timestamp) -> bool {
        self.block.is_low(Amounts::default(), now)
    }
}

/// What the account may still grant of the shared time, in milliseconds.
fn time_left(shared: Option<&SharedBlock>, total: Amounts, outstanding: Amounts, now: Timestamp) -> u64 {
    let Some(SharedBlock { block, since_cpu_ms }) = shared.filter(|shared| shared.block.is_valid(now)) else {
        return 0;
    };
    let used = total.cpu_ms.saturating_sub(*since_cpu_ms);
    block.grant.granted.cpu_ms.saturating_sub(used).saturating_sub(outstanding.cpu_ms)
}
