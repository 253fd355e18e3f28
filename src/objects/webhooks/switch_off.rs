//! Switches the webhooks of a project off, and tells its owner.

use crate::domain::account::mail::webhooks_disabled;
use crate::domain::timestamp::Timestamp;
use crate::objects::webhooks::logic::{RETRY_AFTER_MS, WebhooksLogic};
use crate::objects::webhooks::storage;
use crate::ports::PortError;

impl WebhooksLogic {
    /// Goes on with every project whose webhooks are being switched off: first in the database, then by a mail. What fails is
    /// repeated, so an owner may get the mail twice.
    ///
    /// # Errors
    /// The storage has failed.
    pub(super) async fn switch_off(&self) -> Result<(), PortError> {
        let storage = &*self.runtime.storage;
        for (project_id, off_at) in storage::switching_off(storage, self.runtime.clock.now())? {
            match self.disable(&project_id, off_at).await {
                // Reports are dropped from here on, so there are no attempts to count.
                Ok(()) => storage::forget_failures(storage, &project_id)?,
                Err(error) => {
                    let message = "The webhooks of a project could not be switched off; the object tries again.";
                    self.runtime.log_failure(message, &error.0);
                    storage::try_again(storage, &project_id, self.runtime.clock.now().plus_ms(RETRY_AFTER_MS))?;
                }
            }
        }
        Ok(())
    }

    async fn disable(&self, project_id: &str, off_at: Timestamp) -> Result<(), PortError> {
        // A secret that was made meanwhile has switched the webhooks on again.
        let Some(owner) = self.ports.ledger.disable(project_id, off_at).await? else { return Ok(()) };
        match &self.ports.mailer {
            Some(mailer) => mailer.send(webhooks_disabled(owner.email, &owner.project_name)).await,
            None => {
                let why = "The deployment sends no mail.";
                self.runtime.log_failure("The owner of a project was not told that its webhooks are off.", why);
                Ok(())
            }
        }
    }
}
