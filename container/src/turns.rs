//! Whose turn it is: how many run at once, within how much memory, and who goes first where not all can.
//!
//! First come, first served, except that those that wait for memory let smaller ones pass: they would gain it nothing by
//! waiting with it. It lets [`MOST_PASSED`] pass and then nobody, so that what is given back gathers for it. So a large run
//! waits for those only that were there before it and for a few more, and a small one for a large one at most as long as
//! that takes to begin.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{oneshot, watch};

/// Who may pass one that waits: two rounds of a small machine's places.
const MOST_PASSED: u32 = 16;

/// All turns that can be had.
#[derive(Debug)]
pub struct Turns {
    queue: Mutex<Queue>,
    taken: watch::Sender<u32>,
}

/// The right to run; dropping it gives the next ones theirs.
#[derive(Debug)]
pub struct Turn {
    turns: Arc<Turns>,
    memory_mb: u32,
}

#[derive(Debug)]
struct Queue {
    seats: u32,
    memory_mb: u32,
    /// In the order in which they came.
    waiting: VecDeque<Waiting>,
    granting: HashMap<Ticket, oneshot::Sender<Turn>>,
    next: Ticket,
}

type Ticket = u64;

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    memory_mb: u32,
    /// How many went first that had come later.
    passed: u32,
}

impl Turns {
    /// So many at once, who use so much memory together.
    pub fn new(seats: u32, memory_mb: u32) -> Arc<Self> {
        let queue =
            Queue { seats, memory_mb, waiting: VecDeque::new(), granting: HashMap::new(), next: Ticket::default() };
        Arc::new(Self { queue: Mutex::new(queue), taken: watch::Sender::new(0) })
    }

    /// Waits for a turn with `memory_mb` MiB. Dropping the future ends the wait.
    pub async fn take(self: &Arc<Self>, memory_mb: u32) -> Option<Turn> {
        let (grant, granted) = oneshot::channel();
        let place = InLine { turns: self, ticket: self.locked().join(memory_mb, grant) };
        self.admit();
        let turn = granted.await.ok();
        drop(place);
        turn
    }

    /// A turn without memory where nobody has one and nobody waits.
    pub fn take_idle(self: &Arc<Self>) -> Option<Turn> {
        let mut queue = self.locked();
        if self.taken() > 0 || !queue.waiting.is_empty() || queue.seats == 0 {
            return None;
        }
        queue.seats -= 1;
        drop(queue);
        Some(self.turn(0))
    }

    /// How many have their turn.
    pub fn taken(&self) -> u32 {
        *self.taken.borrow()
    }

    /// Waits until nobody has a turn.
    pub async fn all_given_back(&self) {
        // The sender lives as long as this, so there is no error.
        let _ = self.taken.subscribe().wait_for(|taken| *taken == 0).await;
    }

    /// Gives everybody a turn who may have one.
    fn admit(self: &Arc<Self>) {
        let mut queue = self.locked();
        let admitted: Vec<_> = queue
            .admit()
            .into_iter()
            .map(|one| (queue.granting.remove(&one.ticket), self.turn(one.memory_mb)))
            .collect();
        // A turn that nobody takes any more comes back, which takes the lock.
        drop(queue);
        for (grant, turn) in admitted {
            let _ = grant.map(|grant| grant.send(turn));
        }
    }

    fn turn(self: &Arc<Self>, memory_mb: u32) -> Turn {
        self.taken.send_modify(|taken| *taken += 1);
        Turn { turns: self.clone(), memory_mb }
    }

    fn locked(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut queue = self.turns.locked();
        queue.seats += 1;
        queue.memory_mb += self.memory_mb;
        drop(queue);
        self.turns.taken.send_modify(|taken| *taken -= 1);
        self.turns.admit();
    }
}

/// Leaves the line when dropped. Others may then go who would not pass this one.
struct InLine<'a> {
    turns: &'a Arc<Turns>,
    ticket: Ticket,
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        if self.turns.locked().leave(self.ticket) {
            self.turns.admit();
        }
    }
}

impl Queue {
    fn join(&mut self, memory_mb: u32, grant: oneshot::Sender<Turn>) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        self.waiting.push_back(Waiting { ticket, memory_mb, passed: 0 });
        self.granting.insert(ticket, grant);
        ticket
    }

    /// Whether it was still in line.
    fn leave(&mut self, ticket: Ticket) -> bool {
        self.waiting.retain(|one| one.ticket != ticket);
        self.granting.remove(&ticket).is_some()
    }

    /// Takes those out of the line whose turn it is.
    fn admit(&mut self) -> Vec<Waiting> {
        let mut admitted = Vec::new();
        let mut index = 0;
        while self.seats > 0
            && let Some(one) = self.waiting.get(index)
        {
            if one.memory_mb <= self.memory_mb {
                self.seats -= 1;
                self.memory_mb -= one.memory_mb;
                admitted.extend(self.waiting.remove(index));
                self.waiting.iter_mut().take(index).for_each(|passed| passed.passed += 1);
                // One of those may have let the last one pass that it lets.
                index = 0;
            } else if one.passed >= MOST_PASSED {
                break;
            } else {
                index += 1;
            }
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use proptest::prelude::*;

    /// A queue in which those with so much memory wait, in this order.
    fn queue(seats: u32, memory_mb: u32, waiting: &[u32]) -> Queue {
        let waiting = waiting.iter().enumerate();
        let waiting = waiting.map(|(index, &memory_mb)| Waiting { ticket: index as u64, memory_mb, passed: 0 });
        Queue { seats, memory_mb, waiting: waiting.collect(), granting: HashMap::new(), next: 0 }
    }

    fn tickets(admitted: &[Waiting]) -> Vec<Ticket> {
        admitted.iter().map(|one| one.ticket).collect()
    }

    #[test]
    fn the_first_goes_first() {
        assert_eq!(tickets(&queue(2, 512, &[256, 16, 16]).admit()), [0, 1]);
        assert_eq!(tickets(&queue(8, 512, &[256, 256, 256]).admit()), [0, 1]);
    }

    #[test]
    fn small_ones_pass_one_that_waits_for_memory() {
        let mut queue = queue(8, 256, &[512, 128, 128, 128]);
        assert_eq!(tickets(&queue.admit()), [1, 2]);
        assert_eq!(queue.waiting[0].passed, 2);
    }

    #[test]
    fn but_not_for_ever() {
        let many = 2 * MOST_PASSED as usize;
        let mut queue = queue(1, 256, &[&[512], &vec![128; many][..]].concat());
        for passed in 1..=MOST_PASSED {
            assert_eq!(tickets(&queue.admit()), [u64::from(passed)]);
            (queue.seats, queue.memory_mb) = (1, 256);
        }
        assert!(queue.admit().is_empty(), "memory gathers for the large one");
        queue.memory_mb = 512;
        assert_eq!(tickets(&queue.admit()), [0]);
    }

    #[tokio::test]
    async fn whoever_gives_up_blocks_nobody() {
        let turns = Turns::new(8, 512);
        let running = turns.take(256).await.unwrap();
        let mut large = Box::pin(turns.take(512));
        assert!((&mut large).now_or_never().is_none());
        for _ in 0..MOST_PASSED {
            drop(turns.take(16).await);
        }
        let mut small = Box::pin(turns.take(16));
        assert!((&mut small).now_or_never().is_none());
        drop(large);
        drop((small.await.unwrap(), running));
        assert_eq!(turns.taken(), 0);
        assert!(turns.take(512).await.is_some(), "everything was given back");
    }

    #[tokio::test]
    async fn a_turn_that_nobody_takes_any_more_is_given_back() {
        let turns = Turns::new(1, 512);
        let running = turns.take(16).await.unwrap();
        let mut gone = Box::pin(turns.take(16));
        assert!((&mut gone).now_or_never().is_none());
        drop(running);
        assert_eq!(turns.taken(), 1, "it is the other one's turn now");
        drop(gone);
        assert_eq!(turns.taken(), 0);
        turns.all_given_back().await;
        assert!(turns.take_idle().is_some());
    }

    proptest! {
        /// Everybody gets a turn as long as those that run end, in whatever order.
        #[test]
        fn nobody_waits_for_ever(wanted in prop::collection::vec(1..=512u32, 1..80), ends in prop::collection::vec(any::<prop::sample::Index>(), 80)) {
            let mut queue = queue(4, 512, &wanted);
            let mut running = queue.admit();
            for end in ends {
                if running.is_empty() { break }
                let ended = running.swap_remove(end.index(running.len()));
                queue.seats += 1;
                queue.memory_mb += ended.memory_mb;
                running.extend(queue.admit());
            }
            prop_assert!(queue.waiting.is_empty() && running.is_empty());
            prop_assert_eq!((queue.seats, queue.memory_mb), (4, 512));
        }
    }
}
