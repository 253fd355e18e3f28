//! A queue in which one is served at a time, in the order of arrival.

use futures::channel::oneshot;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// The queue. Clones are the same queue.
#[derive(Clone, Default)]
pub struct Turns(Rc<RefCell<Queue>>);

#[derive(Default)]
struct Queue {
    is_taken: bool,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// The turn of one. Dropping it is the turn of the next.
#[derive(Debug)]
pub struct Turn(Option<Turns>);

impl std::fmt::Debug for Turns {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Turns")
    }
}

impl Turns {
    /// Resolves when it is the caller's turn. A caller that drops the future has left the queue.
    pub async fn next(&self) -> Turn {
        let waits = {
            let mut queue = self.0.borrow_mut();
            if !queue.is_taken {
                queue.is_taken = true;
                return Turn(Some(self.clone()));
            }
            let (sender, waits) = oneshot::channel();
            queue.waiting.push_back(sender);
            waits
        };
        match waits.await {
            Ok(turn) => turn,
            // The queue is gone, and everything else with it.
            Err(_) => futures::future::pending().await,
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(turns) = self.0.take() else { return };
        loop {
            let next = turns.0.borrow_mut().waiting.pop_front();
            let Some(next) = next else {
                turns.0.borrow_mut().is_taken = false;
                return;
            };
            match next.send(Self(Some(turns.clone()))) {
                Ok(()) => return,
                // That one has left, and its turn must not pass itself on.
                Err(mut unsent) => drop(unsent.0.take()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn turns_come_in_the_order_of_arrival_and_skip_those_who_have_left() {
        let turns = Turns::default();
        let first = turns.next().now_or_never().unwrap();
        let mut others: Vec<_> = (0..3).map(|_| Box::pin(turns.next())).collect();
        assert!(others.iter_mut().all(|other| other.as_mut().now_or_never().is_none()));
        drop(others.remove(0));
        drop(first);
        let second = others[0].as_mut().now_or_never().unwrap();
        assert!(others[1].as_mut().now_or_never().is_none());
        drop(second);
        drop(others[1].as_mut().now_or_never().unwrap());
        assert!(turns.next().now_or_never().is_some(), "nobody is left");
    }

    #[test]
    fn a_turn_that_was_given_to_one_who_left_at_the_same_time_was_lost() {
        let turns = Turns::default();
        let first = turns.next().now_or_never().unwrap();
        let mut leaves = Box::pin(turns.next());
        assert!(leaves.as_mut().now_or_never().is_none());
        drop(first);
        drop(leaves);
        assert!(turns.next().now_or_never().is_some());
    }
}
