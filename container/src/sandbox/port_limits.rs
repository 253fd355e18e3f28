//! What bounds the connections to what listens in a sandbox.

use std::sync::Arc;
use tokio::sync::Semaphore;

/// Connections of one sandbox that may be open at once. Each holds at most 64 KiB of a head and two buffers of a socket.
pub const MAX_CONNECTIONS: usize = 256;
/// Workers that begin connections at once: each is a process of the sandbox.
const WORKERS: usize = 2;

/// What bounds the connections of a sandbox.
#[derive(Debug)]
pub struct Ports {
    pub(super) open: Arc<Semaphore>,
    pub(super) workers: Semaphore,
}

impl Default for Ports {
    fn default() -> Self {
        Self { open: Arc::new(Semaphore::new(MAX_CONNECTIONS)), workers: Semaphore::new(WORKERS) }
    }
}
