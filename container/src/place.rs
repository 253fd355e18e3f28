//! Places: how many runs go on at once, and what each has for itself while it does.
//!
//! A place is a user and a control group that serve one run after another. A run also reserves its memory, so that
//! the promises made to all runs together fit into the machine.

use crate::jail::cgroup::{Group, Kind};
use crate::jail::handle::Jailer;
use crate::jail::jailer::Settings;
use crate::jail::root::{Root, Tier};
use docle_protocol::limits::MAX_QUEUE_MS;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Users of the runs count from here: far above the users of any distribution.
pub const FIRST_UID: u32 = 100_000;
/// Requests that may wait for a place; more are refused at once, because they could only time out.
const MAX_WAITING: usize = 1_000;

/// All places of this runner. What a place has for itself is a [`Seat`]; the queue in front of it does not care.
#[derive(Debug)]
pub struct Places<S = Seat> {
    free: Mutex<Vec<S>>,
    seats: Arc<Semaphore>,
    memory_mb: Arc<Semaphore>,
    budget_mb: u32,
    waiting: Arc<Semaphore>,
    count: u32,
    running: AtomicU32,
}

/// What belongs to one place for good.
#[derive(Debug)]
pub struct Seat {
    // Dropped before the group, which can only be removed when nobody is in it.
    jailer: Jailer,
    settings: Settings,
    pub group: Group,
    pub uid: u32,
}

/// A place that is taken; dropping it gives it back.
#[derive(Debug)]
pub struct Place<S = Seat> {
    seat: Option<S>,
    owner: Arc<Places<S>>,
    _permits: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

/// Every place stayed taken for [`MAX_QUEUE_MS`].
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl<S> Places<S> {
    /// Opens these places, which may use `budget_mb` MiB of memory together.
    pub fn open(seats: Vec<S>, budget_mb: u32) -> Arc<Self> {
        let count = seats.len();
        Arc::new(Self {
            free: Mutex::new(seats),
            seats: Arc::new(Semaphore::new(count)),
            memory_mb: Arc::new(Semaphore::new(budget_mb as usize)),
            budget_mb,
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            count: count as u32,
            running: AtomicU32::new(0),
        })
    }

    /// Waits for a place and for `memory_mb` MiB; first come, first served.
    pub async fn take(self: &Arc<Self>, memory_mb: u32) -> Result<Place<S>, Full> {
        let _turn = self.waiting.clone().try_acquire_owned().map_err(|_| Full)?;
        // A run that wants more than the whole budget gets all of it: its limit still ends it where the machine does.
        let memory = self.memory_mb.clone().acquire_many_owned(memory_mb.min(self.budget_mb));
        let both = async { Some((memory.await.ok()?, self.seats.clone().acquire_owned().await.ok()?)) };
        let permits = timeout(Duration::from_millis(MAX_QUEUE_MS.into()), both).await.ok().flatten().ok_or(Full)?;
        let seat = self.free.lock().ok().and_then(|mut free| free.pop()).ok_or(Full)?;
        self.running.fetch_add(1, Ordering::Relaxed);
        Ok(Place { seat: Some(seat), owner: self.clone(), _permits: permits })
    }

    /// Waits until no place is taken.
    pub async fn drained(&self) {
        // The semaphore is never closed, so there is no error.
        let _ = self.seats.acquire_many(self.count).await;
    }

    pub fn count(&self) -> u32 {
        self.count
    }

    pub fn running(&self) -> u32 {
        self.running.load(Ordering::Relaxed)
    }
}

impl Seat {
    /// Makes place number `index` on a machine that grants `kind`.
    ///
    /// # Errors
    /// What the environment does not grant, in words.
    pub fn create(kind: &Kind, index: u32, tier: Tier, root: Root, mount_point: PathBuf) -> io::Result<Self> {
        let uid = FIRST_UID + index;
        let group = Group::create(kind, index)?;
        let settings = Settings { tier, root, mount_point, uid };
        let jailer = Jailer::start(&settings, &group)?;
        Ok(Self { jailer, settings, group, uid })
    }

    /// The jailer, started anew where the last one is gone.
    pub fn jailer(&mut self) -> io::Result<&Jailer> {
        if !self.jailer.is_alive() {
            self.jailer = Jailer::start(&self.settings, &self.group)?;
        }
        Ok(&self.jailer)
    }
}

impl<S> Place<S> {
    /// What this place has for itself.
    pub fn seat(&mut self) -> &mut S {
        self.seat.as_mut().expect("a place has its seat until it is dropped")
    }
}

impl<S> Drop for Place<S> {
    fn drop(&mut self) {
        if let (Some(seat), Ok(mut free)) = (self.seat.take(), self.owner.free.lock()) {
            free.push(seat);
        }
        self.owner.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn memory_is_reserved_and_given_back() {
        let places = Places::open(vec![0, 1, 2, 3], 512);
        let first = places.take(256).await.unwrap();
        let second = places.take(256).await.unwrap();
        assert_eq!(places.running(), 2);
        assert_eq!(places.take(16).await.unwrap_err(), Full);
        drop(first);
        let third = places.take(256).await.unwrap();
        drop((second, third));
        assert_eq!(places.running(), 0);
        assert!(places.take(100_000).await.is_ok(), "more than the budget means all of it");
    }

    #[tokio::test(start_paused = true)]
    async fn two_runs_never_share_a_seat() {
        let places = Places::open(vec![0, 1], 512);
        let (mut first, mut second) = (places.take(16).await.unwrap(), places.take(16).await.unwrap());
        assert_ne!(first.seat(), second.seat());
        assert_eq!(places.take(16).await.unwrap_err(), Full);
    }
}
