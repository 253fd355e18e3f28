//! The jobs that this runner has had: none of them is executed a second time, however often it is sent.
//!
//! A caller that lost its connection cannot know whether its job arrived. It may send the job again, with the same id and to
//! the same runner: either the job runs now, or it is refused as a duplicate. Or it may cancel the job: a job that has not
//! arrived is then never executed, and a job that runs is ended.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// Ids that are remembered. Callers repeat themselves within seconds; this is a minute of a thousand runs a second, in
/// less than 10 MiB.
const REMEMBERED: usize = 60_000;

/// The jobs of one runner.
#[derive(Debug, Default)]
pub struct RunIds(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    ids: HashSet<Box<str>>,
    /// Oldest first. An id that was forgotten may still be in it.
    order: VecDeque<Box<str>>,
    /// What ends the jobs in progress.
    running: HashMap<Box<str>, CancellationToken>,
}

/// What became of a cancelled job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It has not arrived, and is never executed.
    Unstarted,
    /// It was in progress and is being ended.
    Running,
    /// It has ended.
    Over,
}

/// A job in progress. It is over when this is dropped.
#[derive(Debug)]
pub struct RunningJob {
    ids: Arc<RunIds>,
    id: Box<str>,
}

impl RunningJob {
    /// Gives back a job that never had a slot: nothing of it was executed, so it may come again.
    pub fn give_back(self) {
        self.ids.lock().ids.remove(&self.id);
    }
}

impl Drop for RunningJob {
    fn drop(&mut self) {
        self.ids.lock().running.remove(&self.id);
    }
}

impl RunIds {
    /// Takes a job that `cancel` ends; `None` if it was taken or cancelled before.
    pub fn take(self: &Arc<Self>, id: &str, cancel: &CancellationToken) -> Option<RunningJob> {
        let mut known = self.lock();
        if !known.remember(id) {
            return None;
        }
        known.running.insert(id.into(), cancel.clone());
        Some(RunningJob { ids: Arc::clone(self), id: id.into() })
    }

    /// Cancels a job.
    pub fn cancel(&self, id: &str) -> Cancelled {
        let mut known = self.lock();
        if known.remember(id) {
            return Cancelled::Unstarted;
        }
        match known.running.get(id) {
            Some(running) => {
                running.cancel();
                Cancelled::Running
            }
            None => Cancelled::Over,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Remembers an id; `false` where it is remembered already.
    fn remember(&mut self, id: &str) -> bool {
        if !self.ids.insert(id.into()) {
            return false;
        }
        self.order.push_back(id.into());
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.ids.remove(&oldest);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(ids: &Arc<RunIds>, id: &str) -> Option<RunningJob> {
        ids.take(id, &CancellationToken::new())
    }

    #[test]
    fn a_job_is_taken_once_unless_it_is_given_back() {
        let ids = Arc::default();
        let (first, other) = (take(&ids, "a").unwrap(), take(&ids, "b"));
        assert!(other.is_some() && take(&ids, "a").is_none());
        first.give_back();
        let again = take(&ids, "a");
        assert!(again.is_some() && take(&ids, "a").is_none());
        drop(again);
        assert!(take(&ids, "a").is_none(), "it has run");
    }

    #[test]
    fn a_cancelled_job_ends_or_never_begins() {
        let (ids, cancel) = (Arc::<RunIds>::default(), CancellationToken::new());
        let running = ids.take("a", &cancel).unwrap();
        assert_eq!((ids.cancel("a"), cancel.is_cancelled()), (Cancelled::Running, true));
        drop(running);
        assert_eq!(ids.cancel("a"), Cancelled::Over);
        assert_eq!(ids.cancel("b"), Cancelled::Unstarted);
        assert!(take(&ids, "b").is_none());
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let ids = Arc::default();
        for number in 0..=REMEMBERED {
            assert!(take(&ids, &number.to_string()).is_some());
        }
        assert!(take(&ids, "1").is_none(), "still known");
        assert!(take(&ids, "0").is_some());
    }
}
