//! What registries have said no to: remembered for a moment, so that a misspelt name in a loop is not looked up each time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An author who has just published what was missing waits no longer than this.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);
/// Each holds what an installer said, a few hundred bytes and 64 KiB at most.
const MOST: usize = 256;

/// How an installer ended that found no such package, or no such version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub exit_code: i32,
    pub message: String,
}

/// Refusals by the name of the layer that was wanted.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<String, (Instant, Refusal)>>);

impl Refusals {
    /// What was said about this layer not long before `now`.
    pub fn find(&self, layer: &str, now: Instant) -> Option<Refusal> {
        let refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, refusal) = refusals.get(layer)?;
        is_fresh(*since, now).then(|| refusal.clone())
    }

    /// Remembers what was said. Of too many the oldest is forgotten.
    pub fn remember(&self, layer: &str, refusal: Refusal, now: Instant) {
        let mut refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.retain(|_, (since, _)| is_fresh(*since, now));
        if refusals.len() >= MOST {
            let oldest = refusals.iter().min_by_key(|(_, (since, _))| *since).map(|(name, _)| name.clone());
            oldest.and_then(|name| refusals.remove(&name));
        }
        refusals.insert(layer.to_owned(), (now, refusal));
    }
}

fn is_fresh(since: Instant, now: Instant) -> bool {
    now.duration_since(since) < REMEMBERED_FOR
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal() -> Refusal {
        Refusal { exit_code: 1, message: "no such package".into() }
    }

    #[test]
    fn a_refusal_is_remembered_for_a_minute() {
        let (refusals, then) = (Refusals::default(), Instant::now());
        refusals.remember("a", refusal(), then);
        assert_eq!(refusals.find("a", then + Duration::from_secs(59)), Some(refusal()));
        assert_eq!(refusals.find("b", then), None);
        assert_eq!(refusals.find("a", then + REMEMBERED_FOR), None);
    }

    #[test]
    fn the_oldest_makes_room() {
        let (refusals, then) = (Refusals::default(), Instant::now());
        for number in 0..=MOST as u64 {
            refusals.remember(&number.to_string(), refusal(), then + Duration::from_millis(number));
        }
        let now = then + Duration::from_secs(1);
        assert_eq!(refusals.find("0", now), None);
        assert!(refusals.find("1", now).is_some() && refusals.find(&MOST.to_string(), now).is_some());
    }
}
