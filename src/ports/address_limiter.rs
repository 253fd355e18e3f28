//! The limit on requests from one network.

use async_trait::async_trait;

/// Counts requests by network. It protects the service and is no exact limit: each location of the platform counts for
/// itself.
#[async_trait(?Send)]
pub trait AddressLimiter {
    /// Counts one request of `network`, and says whether it may go on. A limiter that fails lets it go on.
    async fn allows(&self, network: &str) -> bool;
}
