//! The container that belongs to an object.

use crate::ports::error::PortError;
use async_trait::async_trait;

/// The container of one object.
#[async_trait(?Send)]
pub trait Container {
    /// Whether the container runs or is starting. The logic asks whenever it matters: an open `monitor()` would report
    /// the end of the container, but would keep the object in memory for as long as the container runs.
    fn is_running(&self) -> bool;
    /// Starts the container with these environment variables and with access to the internet, which the jails in it
    /// restrict. After `Ok` the container may still fail to start; it then runs no longer.
    fn start(&self, variables: &[(&str, &str)]) -> Result<(), PortError>;
    /// Lets the container outlive the eviction of its object by `milliseconds`.
    async fn outlive_object(&self, milliseconds: i64) -> Result<(), PortError>;
    /// Ends the container and all programs in it. It may be repeated, also when no container runs.
    async fn destroy(&self) -> Result<(), PortError>;
}
