//! Mail.

use crate::domain::account::mail::Mail;
use crate::ports::error::PortError;
use async_trait::async_trait;

/// Mail.
#[async_trait(?Send)]
pub trait Mailer {
    /// Hands a mail over to whoever delivers it. After an error it may have been handed over nevertheless.
    async fn send(&self, mail: Mail) -> Result<(), PortError>;
}
