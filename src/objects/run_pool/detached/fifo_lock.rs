//! A lock that callers get in the order of arrival.

use futures::channel::oneshot;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// The lock. Clones are the same lock.
#[derive(Clone, Default)]
pub struct FifoLock(Rc<RefCell<Queue>>);

#[derive(Default)]
struct Queue {
    is_taken: bool,
    waiting: VecDeque<oneshot::Sender<FifoGuard>>,
}

/// Holds the lock. Dropping it gives the lock to the next caller.
#[derive(Debug)]
pub struct FifoGuard(Option<FifoLock>);

impl std::fmt::Debug for FifoLock {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("FifoLock")
    }
}

impl FifoLock {
    /// Resolves when the caller has the lock. A caller that drops the future has left the queue.
    pub async fn acquire(&self) -> FifoGuard {
        let waits = {
            let mut queue = self.0.borrow_mut();
            if !queue.is_taken {
                queue.is_taken = true;
                return FifoGuard(Some(self.clone()));
            }
            let (sender, waits) = oneshot::channel();
            queue.waiting.push_back(sender);
            waits
        };
        match waits.await {
            Ok(guard) => guard,
            // The lock is gone, and everything else with it.
            Err(_) => futures::future::pending().await,
        }
    }
}

impl Drop for FifoGuard {
    fn drop(&mut self) {
        let Some(lock) = self.0.take() else { return };
        loop {
            let next = lock.0.borrow_mut().waiting.pop_front();
            let Some(next) = next else {
                lock.0.borrow_mut().is_taken = false;
                return;
            };
            match next.send(Self(Some(lock.clone()))) {
                Ok(()) => return,
                // That caller has left, and its guard must not give the lock away.
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
    fn callers_get_the_lock_in_the_order_of_arrival_without_those_that_have_left() {
        let lock = FifoLock::default();
        let first = lock.acquire().now_or_never().unwrap();
        let mut others: Vec<_> = (0..3).map(|_| Box::pin(lock.acquire())).collect();
        assert!(others.iter_mut().all(|other| other.as_mut().now_or_never().is_none()));
        drop(others.remove(0));
        drop(first);
        let second = others[0].as_mut().now_or_never().unwrap();
        assert!(others[1].as_mut().now_or_never().is_none());
        drop(second);
        drop(others[1].as_mut().now_or_never().unwrap());
        assert!(lock.acquire().now_or_never().is_some(), "nobody is left");
    }

    #[test]
    fn a_lock_that_was_given_to_a_caller_that_left_at_the_same_time_was_lost() {
        let lock = FifoLock::default();
        let first = lock.acquire().now_or_never().unwrap();
        let mut leaves = Box::pin(lock.acquire());
        assert!(leaves.as_mut().now_or_never().is_none());
        drop(first);
        drop(leaves);
        assert!(lock.acquire().now_or_never().is_some());
    }
}
