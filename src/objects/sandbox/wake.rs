//! Starts the machine of a sandbox with the files that were saved.

use crate::domain::account::quota::{Quota, QuotaExceeded};
use crate::domain::pool::fleet::{Admission, RENEW_EVERY_MS};
use crate::objects::sandbox::call::object_of_sandbox;
use crate::objects::sandbox::logic::{SandboxLogic, failure};
use crate::objects::sandbox::storage::Stored;
use crate::objects::sandbox::trees;
use crate::ports::PortError;
use crate::ports::sandboxes::{HostError, SandboxRefusal};
use docle_api::limits::SANDBOX_DISK_MB;
use docle_api::sandboxes::SandboxStatus;
use docle_protocol::sandbox::{FileError, FileErrorCode, SandboxSpec};
use futures::channel::oneshot;
use std::rc::Rc;

impl SandboxLogic {
    /// Starts the machine unless it runs. Calls that come together wait for one start, which goes on when their clients leave.
    ///
    /// # Errors
    /// The machine cannot be started now.
    pub(super) async fn wake(self: &Rc<Self>) -> Result<(), SandboxRefusal> {
        if self.is_running()? {
            return Ok(());
        }
        let (sender, receiver) = oneshot::channel();
        let own = Rc::clone(self);
        self.runtime.background.spawn(Box::pin(async move {
            let woken = own.wake_alone().await;
            // A caller that has left does not wait.
            let _ = sender.send(woken);
        }));
        receiver.await.unwrap_or_else(|_| Err(SandboxRefusal::Unavailable("The start was interrupted.".to_owned())))
    }

    fn is_running(&self) -> Result<bool, SandboxRefusal> {
        let stored = self.stored()?.filter(|stored| stored.status != SandboxStatus::Deleting);
        Ok(stored.ok_or(SandboxRefusal::NotFound)?.status == SandboxStatus::Running)
    }

    async fn wake_alone(self: &Rc<Self>) -> Result<(), SandboxRefusal> {
        let _alone = self.transition.lock().await;
        // Another call may have started it meanwhile.
        if self.is_running()? {
            return Ok(());
        }
        let before = self.stored()?.ok_or(SandboxRefusal::NotFound)?;
        let account = self.account_of(&before).await?;
        self.ask(&before, &account).await?;
        // The row is written before the first request, so that a reset finds what was begun. A machine that is made is to end
        // unless the start succeeds.
        let is_new = before.status == SandboxStatus::Creating;
        let status = if is_new { SandboxStatus::Creating } else { SandboxStatus::Waking };
        self.change(|stored| {
            (stored.status, stored.account, stored.must_end) = (status, Some(account.clone()), true);
        })?;
        self.set_alarm().await?;
        match self.start(&before).await {
            Ok(()) => {
                {
                    let mut memory = self.memory.borrow_mut();
                    memory.starts += 1;
                    (memory.save_again_at, memory.is_suspended) = (None, false);
                }
                let now = self.now();
                self.change(|stored| {
                    if stored.status != SandboxStatus::Deleting {
                        stored.status = SandboxStatus::Running;
                    }
                    (stored.unsaved_since, stored.save_failing, stored.must_end) = (None, None, false);
                    stored.last_used_at = Some(now);
                })?;
                self.note_status();
                self.set_alarm().await?;
                self.is_running().map(drop)
            }
            Err(refused) => {
                self.change(|stored| {
                    if stored.status != SandboxStatus::Deleting {
                        stored.status = SandboxStatus::Failed;
                    }
                })?;
                self.note_status();
                self.end_machine().await;
                self.set_alarm_or_log().await;
                Err(refused)
            }
        }
    }

    /// Makes the machine, and restores the files that were saved last. A disk that was made too small for them since is the largest
    /// one instead: nothing else gives its owner the files back.
    async fn start(&self, stored: &Stored) -> Result<(), SandboxRefusal> {
        let mut spec = stored.config.runtime.spec(&self.env_of(stored));
        let mut made = self.make(stored, &spec).await?;
        let largest = *SANDBOX_DISK_MB.end();
        if let Err(HostError::File(FileError { code: FileErrorCode::NoSpace, .. })) = made
            && spec.disk_mb < largest
        {
            spec.disk_mb = largest;
            made = self.make(stored, &spec).await?;
        }
        made.map_err(|error| SandboxRefusal::Unavailable(failure(error).0))
    }

    /// Makes a machine in the place of another one, and restores the files; whether they have come.
    async fn make(&self, stored: &Stored, spec: &SandboxSpec) -> Result<Result<(), HostError>, SandboxRefusal> {
        let host = &self.ports.host;
        let refused = |error| SandboxRefusal::Unavailable(failure(error).0);
        if !host.create(spec).await.map_err(refused)? {
            // A start or a sleep was interrupted. What is in that machine is unknown.
            host.end().await.map_err(refused)?;
            host.create(spec).await.map_err(refused)?;
        }
        let Some(head) = stored.head else { return Ok(Ok(())) };
        let tree = trees::complete(&*self.runtime.storage, head.tree)?;
        let frames = trees::frames(Rc::clone(&self.ports.disk), stored.sandbox.clone(), tree.parts(head.tree));
        Ok(host.restore_tree(frames).await)
    }

    /// Notes that the runner has lost the machine of start number `start`. The next start restores the files.
    pub(super) fn lost(&self, start: u64) -> Result<(), PortError> {
        if self.memory.borrow().starts != start {
            // Another call has noticed it, and the machine was made anew since.
            return Ok(());
        }
        self.change(|stored| {
            if stored.status == SandboxStatus::Running {
                stored.status = SandboxStatus::Waking;
                stored.restored_from = Some(stored.time_of_files());
                (stored.tells_restored, stored.unsaved_since) = (true, None);
            }
        })
    }

    /// Ends the machine if a runner may have one. After a failure the alarm tries again.
    pub(super) async fn end_machine(&self) {
        match self.ports.host.end().await {
            Ok(()) => {
                if let Err(error) = self.change(|stored| stored.must_end = false) {
                    self.runtime.log_failure("The end of a sandbox could not be noted.", &error.0);
                }
                self.release().await;
            }
            Err(error) => self.runtime.log_failure("A sandbox could not be ended.", &failure(error).0),
        }
    }

    /// Asks for a place among the awake sandboxes.
    async fn ask(&self, stored: &Stored, account: &str) -> Result<(), SandboxRefusal> {
        let now = self.now();
        match self.ports.fleet.ask(&object_of_sandbox(&stored.sandbox.id), account).await? {
            Admission::Granted => {
                let mut memory = self.memory.borrow_mut();
                (memory.is_reclaimed, memory.renew_at) = (false, Some(now.plus_ms(RENEW_EVERY_MS)));
                Ok(())
            }
            Admission::Full => Err(SandboxRefusal::Full),
            Admission::AccountFull { limit } => {
                Err(SandboxRefusal::Quota(QuotaExceeded::new(Quota::SandboxesAwake, limit.into(), now)))
            }
        }
    }

    /// Gives the place among the awake sandboxes back.
    pub(super) async fn release(&self) {
        let Ok(Some(stored)) = self.stored() else { return };
        if let Err(error) = self.ports.fleet.release(&object_of_sandbox(&stored.sandbox.id)).await {
            self.runtime.log_failure("The place of a sandbox could not be given back.", &error.0);
        }
    }

    async fn account_of(&self, stored: &Stored) -> Result<String, PortError> {
        if let Some(account) = &stored.account {
            return Ok(account.clone());
        }
        let project_id = &stored.sandbox.project_id;
        Ok(self.ports.directory.owner_of(project_id).await?.unwrap_or_else(|| project_id.clone()))
    }

    /// Tells the directory what the sandbox does. Lists may be a moment late.
    pub(super) fn note_status(&self) {
        match trees::stored_bytes(&*self.runtime.storage) {
            Ok(stored_bytes) => self.note(stored_bytes),
            Err(error) => self.runtime.log_failure("What a sandbox stores could not be summed up.", &error.0),
        }
    }

    /// The same, if it stores more or less than the directory has.
    pub(super) fn note_stored(&self) -> Result<(), PortError> {
        let stored_bytes = trees::stored_bytes(&*self.runtime.storage)?;
        if self.memory.borrow().noted_bytes != Some(stored_bytes) {
            self.note(stored_bytes);
        }
        Ok(())
    }

    fn note(&self, stored_bytes: u64) {
        let Ok(Some(stored)) = self.stored() else { return };
        let last_use = self.last_use();
        {
            let mut memory = self.memory.borrow_mut();
            (memory.noted_use, memory.noted_bytes) = (last_use, Some(stored_bytes));
        }
        let (directory, log, memory) =
            (Rc::clone(&self.ports.directory), self.runtime.clone(), Rc::clone(&self.memory));
        self.runtime.background.spawn(Box::pin(async move {
            if let Err(error) = directory.note(&stored.sandbox.id, stored.status, last_use, stored_bytes).await {
                log.log_failure("The status of a sandbox could not be noted.", &error.0);
                // The next alarm, or the next save, tries again.
                let mut memory = memory.borrow_mut();
                (memory.noted_use, memory.noted_bytes) = (None, None);
            }
        }));
    }
}
