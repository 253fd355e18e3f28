//! The one alarm of a sandbox.

use crate::domain::pool::fleet::{RENEW_EVERY_MS, Renewal};
use crate::domain::sandbox::lifecycle::{Due, SAVE_AGAIN_MS, due};
use crate::domain::timestamp::Timestamp;
use crate::objects::sandbox::call::object_of_sandbox;
use crate::objects::sandbox::logic::SandboxLogic;
use crate::objects::sandbox::snapshots;
use crate::objects::sandbox::storage::Stored;
use crate::ports::PortError;
use docle_api::sandboxes::SandboxStatus;
use std::rc::Rc;

impl SandboxLogic {
    /// Does what is due. A failure loses nothing, and the alarm fires again.
    ///
    /// # Errors
    /// The next alarm could not be set; the runtime repeats this one.
    pub async fn alarm(self: &Rc<Self>) -> Result<(), PortError> {
        let Some(stored) = self.stored()? else { return Ok(()) };
        match stored.status {
            SandboxStatus::Deleting => return self.delete_the_rest().await,
            SandboxStatus::Running => self.maintain(&stored).await,
            // A start is in progress, or was interrupted by a reset.
            SandboxStatus::Creating | SandboxStatus::Sleeping | SandboxStatus::Waking | SandboxStatus::Failed => {
                self.end_if_left().await
            }
        }
        self.delete_held().await;
        self.set_alarm().await
    }

    /// Deletes what was kept for a caller that has gone.
    async fn delete_held(&self) {
        let is_over = |until| until <= self.now();
        match snapshots::next_over(&*self.runtime.storage) {
            Ok(Some(until)) if is_over(until) => {
                let _alone = self.transition.lock().await;
                self.collect_garbage().await;
            }
            Ok(_) => {}
            Err(error) => self.runtime.log_failure("The snapshots of a sandbox could not be read.", &error.0),
        }
    }

    /// Renews the place of an awake sandbox, saves it, puts it to sleep. That of a suspended account sleeps whatever it does.
    async fn maintain(&self, stored: &Stored) {
        self.renew(stored).await;
        let last_use = self.last_use();
        if last_use != self.memory.borrow().noted_use {
            self.note_status();
        }
        let Ok(Some(stored)) = self.stored() else { return };
        let done = match due(self.activity(&stored), &stored.config.runtime, self.now()) {
            Due::Sleep => self.go_to_sleep().await,
            Due::Save => self.save_alone().await,
            Due::Later(_) => Ok(()),
        };
        if let Err(error) = done {
            self.runtime.log_failure("A sandbox could not be saved.", &error.0);
        }
    }

    /// Ends a machine that an interrupted start or sleep has left.
    async fn end_if_left(&self) {
        let _alone = self.transition.lock().await;
        let Ok(Some(stored)) = self.stored() else { return };
        if stored.must_end && stored.status != SandboxStatus::Running {
            self.end_machine().await;
        }
    }

    async fn renew(&self, stored: &Stored) {
        let now = self.now();
        if self.memory.borrow().renew_at.is_some_and(|at| now < at) {
            return;
        }
        let account = stored.account.as_deref().unwrap_or(&stored.sandbox.project_id);
        let active = self.activity(stored).active;
        let renewal = self.ports.fleet.renew(&object_of_sandbox(&stored.sandbox.id), account, active).await;
        let suspended = self.ports.directory.is_suspended(&stored.sandbox.project_id).await;
        let next = self.now().plus_ms(RENEW_EVERY_MS);
        let mut memory = self.memory.borrow_mut();
        memory.renew_at = Some(next);
        // While the database does not answer, what it said before stands.
        memory.is_suspended = suspended.unwrap_or(memory.is_suspended);
        match renewal {
            Ok(renewal) => memory.is_reclaimed = renewal == Renewal::Reclaimed,
            // A lease lasts for three renewals.
            Err(error) => {
                drop(memory);
                self.runtime.log_failure("The place of a sandbox could not be renewed.", &error.0);
            }
        }
    }

    /// Sets the alarm for what is due next.
    pub(super) async fn set_alarm(&self) -> Result<(), PortError> {
        let Some(stored) = self.stored()? else { return Ok(()) };
        let over = snapshots::next_over(&*self.runtime.storage)?;
        match self.next_alarm(&stored).into_iter().chain(over).min() {
            Some(at) => self.runtime.storage.schedule_alarm(at).await,
            None => Ok(()),
        }
    }

    pub(super) async fn set_alarm_or_log(&self) {
        if let Err(error) = self.set_alarm().await {
            self.runtime.log_failure("The alarm of a sandbox could not be set.", &error.0);
        }
    }

    fn next_alarm(&self, stored: &Stored) -> Option<Timestamp> {
        let now = self.now();
        let soon = now.plus_ms(SAVE_AGAIN_MS);
        match stored.status {
            SandboxStatus::Deleting => Some(soon),
            SandboxStatus::Running => {
                let renew_at = self.memory.borrow().renew_at.unwrap_or(now);
                let at = match due(self.activity(stored), &stored.config.runtime, now) {
                    Due::Sleep | Due::Save => now,
                    Due::Later(at) => at,
                };
                Some(at.min(renew_at))
            }
            // While a start is in progress the alarm waits for the lock, and finds it done.
            _ => stored.must_end.then_some(soon),
        }
    }
}
