//! What a log deletes: expired runs, the runs for an end user, and in the end everything.
//!
//! Rows go first, in one transaction, together with a note of what KV and R2 still have. So after an error nothing is forgotten:
//! the alarm goes on with what the notes say. Until then nobody reads what KV has, because only the log leads to it. A link leads
//! to a file in R2 until that is deleted.

use crate::domain::run::stored_keys::keys_of;
use crate::domain::usage_log::name::LogName;
use crate::domain::usage_log::query::Erased;
use crate::domain::usage_log::retention::MAX_STORED_BYTES;
use crate::objects::usage_log::logic::{Memory, RECENT_RUNS, UsageLogLogic};
use crate::objects::usage_log::storage::runs::ERASED_AT_ONCE;
use crate::objects::usage_log::storage::{self, results, runs};
use crate::ports::PortError;
use futures::future::try_join_all;

/// Values in KV, and runs with files in R2, that one step deletes, but for those of its last run: that one has some 250 at most. An object may make a
/// thousand calls for one request.
const VALUES_AT_ONCE: usize = 500;
/// Deleted runs whose values in KV are deleted side by side.
const LEFTOVERS_AT_ONCE: i64 = 20;
/// The most results whose values in KV one step of the deletion of a log takes up.
const ABANDONED_AT_ONCE: i64 = 100;

impl UsageLogLogic {
    /// Deletes runs for an end user with their results, as many as one call can. It may be repeated.
    ///
    /// # Errors
    /// Something is left. The call is to be repeated.
    pub async fn erase_end_user(&self, log: LogName, end_user_id: &str) -> Result<Erased, PortError> {
        let _only = self.working.lock().await;
        if self.project(log).await?.is_none() || self.is_deleting()? {
            return Ok(Erased { runs: 0, complete: true });
        }
        let (storage, now) = (&*self.storage, self.clock.now());
        self.create_tables(log)?;
        let mut erased = 0;
        storage.atomically(&mut || {
            erased = runs::erase_end_user(storage, end_user_id, now)?;
            storage::set_must_flush(storage)
        })?;
        self.wake_soon().await?;
        self.flush(log).await?;
        let is_cleared = self.clear_leftovers(&mut 0).await?;
        Ok(Erased { runs: erased, complete: is_cleared && (erased as i64) < ERASED_AT_ONCE })
    }

    /// Deletes the log of a project that is gone. `false` means that values in KV are left, and that the alarm goes on. It may
    /// be repeated.
    ///
    /// # Errors
    /// The call is to be repeated.
    pub async fn delete(&self) -> Result<bool, PortError> {
        self.refresh();
        if storage::state(&*self.storage)?.is_some() {
            // Nothing is read or stored from here on, also while another deletion goes on.
            storage::set_deleting(&*self.storage)?;
        }
        let _only = self.working.lock().await;
        match storage::state(&*self.storage)? {
            Some(_) => self.delete_step().await,
            None => Ok(true),
        }
    }

    /// Deletes values in KV and files, and everything else when none is left. Returns whether that is so. The caller holds the lock.
    pub(super) async fn delete_step(&self) -> Result<bool, PortError> {
        let storage = &*self.storage;
        self.wake_soon().await?;
        let mut deleted = 0;
        loop {
            if !self.clear_leftovers(&mut deleted).await? {
                return Ok(false);
            }
            let mut abandoned = 0;
            storage.atomically(&mut || {
                abandoned = results::abandon(storage, ABANDONED_AT_ONCE)?;
                Ok(())
            })?;
            if abandoned == 0 {
                break;
            }
        }
        // Also the files of runs whose records never came.
        if let Some(state) = storage::state(storage)?
            && !self.artifacts.delete_log(state.log.log).await?
        {
            return Ok(false);
        }
        *self.memory.borrow_mut() = Memory::default();
        storage.delete_all().await?;
        Ok(true)
    }

    /// Deletes what KV and R2 have of deleted runs, as much as one step may; `deleted` counts the values of the step. Returns whether
    /// nothing is left.
    ///
    /// # Errors
    /// KV or R2 fails. What is left stays noted.
    pub(super) async fn clear_leftovers(&self, deleted: &mut usize) -> Result<bool, PortError> {
        loop {
            let (mut runs, mut keys, mut files) = (Vec::new(), Vec::new(), Vec::new());
            let leftovers = results::leftovers(&*self.storage, LEFTOVERS_AT_ONCE)?;
            if leftovers.is_empty() {
                return Ok(true);
            }
            for (id, in_kv) in leftovers {
                if *deleted + keys.len() + files.len() < VALUES_AT_ONCE {
                    keys.extend(keys_of(id, in_kv));
                    files.extend((in_kv.apart.artifacts > 0).then_some((id, in_kv.apart.artifacts)));
                    runs.push(id);
                }
            }
            if runs.is_empty() {
                return Ok(false);
            }
            // Side by side, because a caller may wait for the end.
            try_join_all(keys.iter().map(|key| self.kv.delete(key))).await?;
            // All files of a run are one call.
            try_join_all(files.iter().map(|(id, count)| self.artifacts.delete(*id, *count))).await?;
            *deleted += keys.len() + files.len();
            for id in runs {
                results::forget_leftover(&*self.storage, id)?;
            }
        }
    }

    /// Deletes what is kept no longer.
    pub(super) fn purge(&self) -> Result<(), PortError> {
        let (storage, now) = (&*self.storage, self.clock.now());
        let is_full = storage.size() > MAX_STORED_BYTES;
        storage.atomically(&mut || {
            let expired = runs::purge(storage, now)?;
            let too_many = is_full && runs::purge_early(storage)?;
            // The database's copy may name a run that is gone.
            if (expired || too_many) && runs::has_fewer_than(storage, RECENT_RUNS)? {
                storage::set_must_flush(storage)?;
            }
            Ok(())
        })
    }
}
