//! Looks names up for jails, without letting any of them use up the threads of the runner.
//!
//! The resolver of the C library has a thread for as long as it likes, 30 s where no server answers, also when nobody waits
//! for its answer any more. So a look-up counts until the thread is free.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::lookup_host;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Look-ups of one jail at a time.
const OF_A_JAIL: usize = 8;
/// Those of all jails. The runtime has 512 threads for everything that waits.
static OF_ALL: Semaphore = Semaphore::const_new(128);

/// The look-ups of one jail.
#[derive(Debug, Clone)]
pub struct Resolver(Arc<Semaphore>);

impl Default for Resolver {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(OF_A_JAIL)))
    }
}

impl Resolver {
    /// The addresses of a name, within `patience`.
    pub async fn resolve(&self, host: &str, port: u16, patience: Duration) -> io::Result<Vec<SocketAddr>> {
        let (own, host) = (self.0.clone(), host.to_owned());
        let find = async move {
            let own = own.acquire_owned().await.map_err(io::Error::other)?;
            let common = OF_ALL.acquire().await.map_err(io::Error::other)?;
            // A task of its own: it keeps both until the thread is free, however long anybody waits for it.
            let found = tokio::spawn(async move {
                let found = lookup_host((host, port)).await.map(Iterator::collect);
                drop((own, common));
                found
            });
            found.await.map_err(io::Error::other)?
        };
        timeout(patience, find).await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn look_ups_that_nobody_waits_for_took_every_thread() {
        let resolver = Resolver::default();
        let held: Vec<_> = (0..OF_A_JAIL).map(|_| resolver.0.clone().try_acquire_owned().unwrap()).collect();
        let refused = resolver.resolve("127.0.0.1", 80, Duration::ZERO).await;
        assert!(refused.is_err(), "each of its look-ups still has a thread");
        drop(held);
        let found = resolver.resolve("127.0.0.1", 80, Duration::from_secs(5)).await.unwrap();
        assert_eq!(found, ["127.0.0.1:80".parse().unwrap()]);
        assert_eq!(resolver.0.available_permits(), OF_A_JAIL);
    }
}
