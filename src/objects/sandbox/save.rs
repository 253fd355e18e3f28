//! Saves the files of a sandbox, and puts it to sleep.

use crate::domain::sandbox::lifecycle::SAVE_AGAIN_MS;
use crate::objects::sandbox::logic::{SandboxLogic, failure};
use crate::objects::sandbox::storage::Head;
use crate::ports::PortError;
use crate::ports::sandboxes::{HostError, SandboxRefusal};
use docle_api::sandboxes::SandboxStatus;

impl SandboxLogic {
    /// Saves the sandbox and ends its machine. A call that comes meanwhile keeps it awake.
    ///
    /// # Errors
    /// There is no such sandbox, or it cannot be saved; it stays awake then.
    pub async fn sleep(&self, project_id: &str) -> Result<(), SandboxRefusal> {
        self.own(project_id)?;
        self.go_to_sleep().await.map_err(|error| SandboxRefusal::Unavailable(error.0))
    }

    /// The same for the alarm.
    pub(super) async fn go_to_sleep(&self) -> Result<(), PortError> {
        let _alone = self.transition.lock().await;
        let Some(stored) = self.stored()?.filter(|stored| stored.status == SandboxStatus::Running) else {
            return Ok(());
        };
        let uses = self.memory.borrow().uses;
        if stored.unsaved_since.is_some() {
            self.save_or_note().await?;
        }
        let Some(stored) = self.stored()?.filter(|stored| stored.status == SandboxStatus::Running) else {
            return Ok(());
        };
        // From here to the change of the status there is no await, so no call comes between.
        let has_new_use = !self.memory.borrow().is_suspended && self.memory.borrow().uses != uses;
        if has_new_use || self.activity(&stored).active > 0 {
            return Ok(());
        }
        self.change(|stored| {
            (stored.status, stored.must_end, stored.unsaved_since) = (SandboxStatus::Sleeping, true, None);
        })?;
        self.set_alarm().await?;
        self.end_machine().await;
        self.note_status();
        Ok(())
    }

    /// Saves the sandbox; the alarm calls it.
    pub(super) async fn save_alone(&self) -> Result<(), PortError> {
        let _alone = self.transition.lock().await;
        match self.stored()? {
            Some(stored) if stored.status == SandboxStatus::Running && stored.unsaved_since.is_some() => {
                self.save_or_note().await
            }
            _ => Ok(()),
        }
    }

    /// Saves, and notes a failure.
    async fn save_or_note(&self) -> Result<(), PortError> {
        let Err(error) = self.save().await else { return Ok(()) };
        let now = self.now();
        self.memory.borrow_mut().save_again_at = Some(now.plus_ms(SAVE_AGAIN_MS));
        if let Err(error) = self.change(|stored| stored.save_failing = stored.save_failing.or(Some(now))) {
            self.runtime.log_failure("A failure to save a sandbox could not be noted.", &error.0);
        }
        Err(error)
    }

    async fn save(&self) -> Result<(), PortError> {
        let Some(stored) = self.stored()? else { return Ok(()) };
        let (tree, uses, start) = (stored.next_tree, self.memory.borrow().uses, self.memory.borrow().starts);
        // The tree is garbage until it is the head, so that a reset leaves nothing behind that nobody deletes.
        self.change(|stored| {
            stored.next_tree += 1;
            stored.garbage.push(tree);
        })?;
        let (host, disk) = (&self.ports.host, &self.ports.disk);
        let lost = |error: HostError| {
            if error == HostError::Unknown {
                self.lost(start)?;
            }
            Err(failure(error))
        };
        let was_busy = self.activity(&stored).active > 0;
        let state = match host.state().await {
            Ok(state) => state,
            Err(error) => return lost(error),
        };
        let saved_at = self.now();
        let archive = match host.archive().await {
            Ok(archive) => archive,
            Err(error) => return lost(error),
        };
        disk.save(&stored.sandbox, tree, archive).await?;
        let is_quiet = !was_busy && self.memory.borrow().uses == uses && state.processes == 0;
        self.change(|stored| {
            let before = stored.head.replace(Head { tree, saved_at });
            stored.garbage.retain(|garbage| *garbage != tree);
            stored.garbage.extend(before.map(|head| head.tree));
            // What runs, or has run meanwhile, may have changed files after they were read.
            stored.unsaved_since = (!is_quiet).then_some(saved_at);
            stored.save_failing = None;
        })?;
        self.memory.borrow_mut().save_again_at = None;
        self.collect_garbage().await;
        Ok(())
    }

    /// Deletes trees that are not the head. What fails is tried again with the next save.
    pub(super) async fn collect_garbage(&self) {
        let Ok(Some(stored)) = self.stored() else { return };
        for tree in stored.garbage {
            match self.ports.disk.delete(&stored.sandbox, tree).await {
                Ok(()) => {
                    let forgotten = self.change(|stored| stored.garbage.retain(|garbage| *garbage != tree));
                    if let Err(error) = forgotten {
                        return self.runtime.log_failure("A deleted tree could not be forgotten.", &error.0);
                    }
                }
                Err(error) => return self.runtime.log_failure("An old tree could not be deleted.", &error.0),
            }
        }
    }
}
