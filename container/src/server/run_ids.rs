//! The jobs that this runner has had: none of them is executed a second time, however often it is sent.
//!
//! A caller that lost its connection cannot know whether its job arrived. It may send the job again, with the same id
//! and to the same runner: either it runs now, or it is refused as a duplicate, whatever became of the first one. Or it may
//! withdraw the job: then it is taken, and nobody executes it.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Ids that are remembered. Callers repeat themselves within seconds; this is a minute of a thousand runs a second, in
/// less than 10 MiB.
const REMEMBERED: usize = 60_000;

/// See the module.
#[derive(Debug, Default)]
pub struct RunIds(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    ids: HashSet<Box<str>>,
    /// Oldest first. An id that was forgotten may still be in it.
    order: VecDeque<Box<str>>,
}

impl RunIds {
    /// Takes a job; `false` where it was taken before.
    pub fn take(&self, id: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.ids.insert(id.into()) {
            return false;
        }
        known.order.push_back(id.into());
        while known.order.len() > REMEMBERED {
            if let Some(oldest) = known.order.pop_front() {
                known.ids.remove(&oldest);
            }
        }
        true
    }

    /// Gives a job back that never had a place: nothing of it was executed, so it may come again.
    pub fn give_back(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).ids.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_taken_once_unless_it_is_given_back() {
        let ids = RunIds::default();
        assert!(ids.take("a") && ids.take("b"));
        assert!(!ids.take("a"));
        ids.give_back("a");
        assert!(ids.take("a") && !ids.take("a"));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let ids = RunIds::default();
        for number in 0..=REMEMBERED {
            assert!(ids.take(&number.to_string()));
        }
        assert!(!ids.take("1"), "still known");
        assert!(ids.take("0"));
    }
}
