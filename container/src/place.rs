//! Places: how many runs go on at once, and what each has for itself while it does.
//!
//! A place is a user and a control group that serve one run after another. A run also reserves its memory, so that
//! the promises made to all runs together fit into the machine.

use crate::turns::{Turn, Turns};
use docle_protocol::limits::MAX_QUEUE_MS;
use std::cmp::Reverse;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Requests that may wait for a place; more are refused at once, because they could only time out.
const MAX_WAITING: usize = 1_000;

/// All places of this runner. What a place has for itself, `S`, is the next run's business and not the queue's.
#[derive(Debug)]
pub struct Places<S> {
    free: Mutex<Vec<S>>,
    turns: Arc<Turns>,
    budget_mb: u32,
    waiting: Semaphore,
    count: u32,
    running: AtomicU32,
    taken: AtomicU64,
}

/// A place that is taken; dropping it gives it back.
#[derive(Debug)]
pub struct Place<S> {
    seat: Option<S>,
    owner: Arc<Places<S>>,
    /// Whether a run is in progress here.
    runs: bool,
    /// Dropped after the seat has been put back.
    _turn: Turn,
}

/// Every place stayed taken for [`MAX_QUEUE_MS`].
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl<S> Places<S> {
    /// Opens these places, which may use `budget_mb` MiB of memory together.
    pub fn open(seats: Vec<S>, budget_mb: u32) -> Arc<Self> {
        let count = seats.len() as u32;
        Arc::new(Self {
            free: Mutex::new(seats),
            turns: Turns::new(count, budget_mb),
            budget_mb,
            waiting: Semaphore::new(MAX_WAITING),
            count,
            running: AtomicU32::new(0),
            taken: AtomicU64::new(0),
        })
    }

    /// Waits for a place and for `memory_mb` MiB; [`Turns`] says who goes first. Among the free ones the place that
    /// `suits` best is taken, and among equals the one that has been free for longest.
    pub async fn take<F: Ord>(self: &Arc<Self>, memory_mb: u32, suits: impl Fn(&mut S) -> F) -> Result<Place<S>, Full> {
        let _waits = self.waiting.try_acquire().map_err(|_| Full)?;
        // A run that wants more than the whole budget gets all of it: its limit still ends it where the machine does.
        let turn = self.turns.take(memory_mb.min(self.budget_mb));
        let patience = Duration::from_millis(MAX_QUEUE_MS.into());
        let turn = timeout(patience, turn).await.ok().flatten().ok_or(Full)?;
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        // Of several that suit best, `min` finds the first.
        let best = free.iter_mut().enumerate().map(|(index, seat)| (Reverse(suits(seat)), index)).min();
        // Whose turn it is finds a seat free.
        let seat = free.remove(best.ok_or(Full)?.1);
        drop(free);
        self.running.fetch_add(1, Ordering::Relaxed);
        self.taken.fetch_add(1, Ordering::Relaxed);
        Ok(Place { seat: Some(seat), owner: self.clone(), runs: true, _turn: turn })
    }

    /// A place that is free and `suits`, where nobody runs and nobody waits.
    pub fn take_idle(self: &Arc<Self>, suits: impl Fn(&mut S) -> bool) -> Option<Place<S>> {
        let turn = self.turns.take_idle()?;
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let index = free.iter_mut().position(suits)?;
        let seat = free.remove(index);
        drop(free);
        Some(Place { seat: Some(seat), owner: self.clone(), runs: false, _turn: turn })
    }

    /// Places taken since the beginning.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Waits until no place is taken.
    pub async fn drained(&self) {
        self.turns.all_given_back().await;
    }

    /// Looks at every place that is free.
    pub fn each_free(&self, mut look: impl FnMut(&mut S)) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).iter_mut().for_each(&mut look);
    }

    pub fn count(&self) -> u32 {
        self.count
    }

    /// Runs in progress. A place that is being prepared for the next one has none.
    pub fn running(&self) -> u32 {
        self.running.load(Ordering::Relaxed)
    }
}

impl<S> Place<S> {
    /// What this place has for itself.
    pub fn seat(&mut self) -> &mut S {
        self.seat.as_mut().expect("a place has its seat until it is dropped")
    }

    /// Says that the run is over, though the place is not free yet.
    pub fn end_run(&mut self) {
        if std::mem::take(&mut self.runs) {
            self.owner.running.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl<S> Drop for Place<S> {
    fn drop(&mut self) {
        self.end_run();
        let mut free = self.owner.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.extend(self.seat.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn memory_is_reserved_and_given_back() {
        let places = Places::open(vec![0, 1, 2, 3], 512);
        let first = places.take(256, |_| true).await.unwrap();
        let second = places.take(256, |_| true).await.unwrap();
        assert_eq!(places.running(), 2);
        assert_eq!(places.take(16, |_| true).await.unwrap_err(), Full);
        drop(first);
        let third = places.take(256, |_| true).await.unwrap();
        drop((second, third));
        assert_eq!(places.running(), 0);
        assert!(places.take(100_000, |_| true).await.is_ok(), "more than the budget means all of it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_suits_goes_first() {
        let places = Places::open(vec![0, 1, 2], 512);
        assert_eq!(*places.take(16, |seat| *seat == 2).await.unwrap().seat(), 2);
        assert_eq!(*places.take(16, |seat| *seat == 7).await.unwrap().seat(), 0, "any does when none suits");
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_place_is_one_beside_which_nobody_runs() {
        let places = Places::open(vec![0, 1], 512);
        let running = places.take(16, |_| true).await.unwrap();
        assert!(places.take_idle(|_| true).is_none());
        drop(running);
        assert!(places.take_idle(|seat| *seat == 7).is_none(), "none suits");
        assert_eq!(*places.take_idle(|seat| *seat == 1).unwrap().seat(), 1);
        assert_eq!(places.taken(), 1, "nobody's run took the idle one");
    }

    #[tokio::test(start_paused = true)]
    async fn two_runs_never_share_a_seat() {
        let places = Places::open(vec![0, 1], 512);
        let (mut first, mut second) =
            (places.take(16, |_| true).await.unwrap(), places.take(16, |_| true).await.unwrap());
        assert_ne!(first.seat(), second.seat());
        assert_eq!(places.take(16, |_| true).await.unwrap_err(), Full);
    }
}
