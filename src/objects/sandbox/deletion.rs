//! Deletes a sandbox with everything of it.

use crate::domain::sandbox::lifecycle::SAVE_AGAIN_MS;
use crate::objects::sandbox::logic::{SandboxLogic, failure};
use crate::ports::PortError;
use crate::ports::sandboxes::{SandboxOf, SandboxRefusal};
use docle_api::sandboxes::SandboxStatus;

impl SandboxLogic {
    /// Deletes the sandbox. From now on no call finds it. What cannot be deleted at once is deleted from the alarm.
    ///
    /// # Errors
    /// It belongs to another project, or nothing is stored about its deletion.
    pub async fn delete(&self, sandbox: &SandboxOf) -> Result<(), SandboxRefusal> {
        let Some(stored) = self.stored()? else {
            // A creation that was interrupted has left a row.
            return Ok(self.ports.directory.remove(&sandbox.id).await?);
        };
        if stored.sandbox != *sandbox {
            return Err(SandboxRefusal::NotFound);
        }
        self.change(|stored| stored.status = SandboxStatus::Deleting)?;
        self.runtime.storage.schedule_alarm(self.now().plus_ms(SAVE_AGAIN_MS)).await?;
        self.delete_the_rest().await?;
        Ok(())
    }

    /// Deletes what is left, step by step. The row of the directory goes when nothing else is left outside of this object,
    /// because it is what the deletion of a project finds.
    pub(super) async fn delete_the_rest(&self) -> Result<(), PortError> {
        let _alone = self.transition.lock().await;
        let Some(stored) = self.stored()? else { return Ok(()) };
        let deleted = async {
            self.ports.host.end().await.map_err(failure)?;
            self.release().await;
            self.ports.disk.delete_all(&stored.sandbox).await?;
            self.ports.directory.remove(&stored.sandbox.id).await?;
            // From here on no task of a command stores anything.
            self.forget();
            self.runtime.storage.delete_all().await
        };
        match deleted.await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.load_again();
                self.runtime.log_failure("A sandbox is not deleted yet.", &error.0);
                self.runtime.storage.schedule_alarm(self.now().plus_ms(SAVE_AGAIN_MS)).await
            }
        }
    }
}
