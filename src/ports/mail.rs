//! Mail.

use crate::domain::account::mail::Mail;
use crate::ports::error::PortError;
use async_trait::async_trait;

/// Mail.
#[async_trait(?Send)]
pub trait Mailer {
    /// Submits a mail to the mail service. After an error the service may have accepted it.
    async fn send(&self, mail: Mail) -> Result<(), PortError>;
}
