//! Who may start a container.

use crate::domain::pool::fleet::{Admission, Renewal};
use crate::ports::error::PortError;
use async_trait::async_trait;

/// The containers of one class, shared by all accounts. Every method may be repeated.
#[async_trait(?Send)]
pub trait Fleet {
    /// Asks for a container for the object of this name.
    async fn ask(&self, object: &str, account: &str) -> Result<Admission, PortError>;
    /// Renews the lease of a container that has so many runs in progress.
    async fn renew(&self, object: &str, account: &str, running: u32) -> Result<Renewal, PortError>;
    /// A container has ended. After an error its lease ends by itself.
    async fn release(&self, object: &str) -> Result<(), PortError>;
    /// How many containers an account has.
    async fn containers_of(&self, account: &str) -> Result<u32, PortError>;
}
