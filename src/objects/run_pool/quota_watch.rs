//! When a pool renews the block that it holds of its account: while runs are in progress, and in the alarm of an idle pool.

use crate::domain::account::block::Block;
use crate::domain::timestamp::Timestamp;
use crate::objects::account::lease_storage::{self, StoredLease};
use crate::objects::run_pool::quota::{LimitedRuns, Owner, PoolQuota, RENEW_EVERY_MS, limit};
use std::rc::Rc;

/// How often a pool looks whether it is idle, or has more runs than the account lets it, in milliseconds.
const LOOK_MS: u32 = 1_000;

impl PoolQuota {
    /// Says what an idle pool has used, and gives the block back if its lease is about to end. Returns when to look again.
    pub async fn alarm(self: &Rc<Self>) -> Option<Timestamp> {
        self.load();
        let now = self.runtime.clock.now();
        let (due, is_active, is_unreported) = {
            let memory = self.memory.borrow();
            (memory.block.as_ref()?.given_back_at(), memory.active > 0, memory.is_unreported)
        };
        let later = now.plus_ms(RENEW_EVERY_MS.into());
        if now >= due {
            if is_active {
                return Some(later);
            }
            self.give_back().await;
        } else if !is_active && is_unreported && !self.renewed(None).await {
            return Some(later);
        }
        self.memory.borrow().block.as_ref().map(Block::given_back_at)
    }

    /// Renews the block while runs are in progress.
    pub(super) fn watch(self: &Rc<Self>, project_id: &str, pool: &Rc<dyn LimitedRuns>) {
        let is_watched = std::mem::replace(&mut self.memory.borrow_mut().is_watched, true);
        if self.is_short() || self.is_low() {
            self.renew_later(project_id, pool);
        }
        if is_watched {
            return;
        }
        // A pool that was evicted knows its block from its storage.
        let block = self.memory.borrow().block.clone();
        if let Some(block) = block {
            limit(pool, &block);
        }
        let (own, project_id, pool) = (Rc::clone(self), project_id.to_owned(), Rc::clone(pool));
        self.runtime.background.spawn(Box::pin(async move {
            let mut waited_ms = 0;
            loop {
                own.runtime.clock.sleep(LOOK_MS).await;
                waited_ms += LOOK_MS;
                if own.memory.borrow().active == 0 {
                    return own.leave_to_alarm().await;
                }
                if waited_ms < RENEW_EVERY_MS && !own.is_short() {
                    continue;
                }
                waited_ms = 0;
                own.renewed(Some((&project_id, &pool))).await;
            }
        }));
    }

    /// Stores what an idle pool has used, for the alarm to say it.
    async fn leave_to_alarm(&self) {
        let stored = {
            let mut memory = self.memory.borrow_mut();
            memory.is_watched = false;
            match (&memory.owner, &memory.block) {
                (Owner::Account(account), Some(block)) if memory.is_unreported => {
                    StoredLease { account: account.clone(), block: block.clone(), is_unreported: true }
                }
                _ => return,
            }
        };
        let storage = &*self.runtime.storage;
        let at = self.runtime.clock.now().plus_ms(RENEW_EVERY_MS.into());
        let kept = match lease_storage::save(storage, &stored) {
            Ok(()) => storage.schedule_alarm(at).await,
            failed => failed,
        };
        if let Err(error) = kept {
            self.runtime.log_failure("What a pool has used of a quota could not be stored.", &error.0);
        }
    }

    fn renew_later(self: &Rc<Self>, project_id: &str, pool: &Rc<dyn LimitedRuns>) {
        let (own, project_id, pool) = (Rc::clone(self), project_id.to_owned(), Rc::clone(pool));
        self.runtime.background.spawn(Box::pin(async move {
            own.renewed(Some((&project_id, &pool))).await;
        }));
    }

    /// Renews the block; whether the account has answered.
    async fn renewed(self: &Rc<Self>, run: Option<(&str, &Rc<dyn LimitedRuns>)>) -> bool {
        let renewed = self.renewal(run).await;
        if let Err(error) = &renewed {
            self.runtime.log_failure("The quotas of an account do not answer.", &error.0);
        }
        renewed.is_ok()
    }
}
