//! Which interpreters should wait: of each language its share of recent runs, weighed by what starting one costs.

use crate::jail::launch::Warm;
use docle_protocol::RunLanguage;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What remains of earlier runs' weight with every further one: half of it after 44, so that a class that changes
/// its language is served after one exercise.
const MEMORY: f64 = 63.0 / 64.0;
/// The share of runs that a language is expected to have which nobody has used lately.
const LEAST_SHARE: f64 = 0.05;

/// Counts runs by language and forgets them slowly.
#[derive(Debug)]
pub struct Demand {
    /// Language → what starting an interpreter costs, in forks.
    costs: BTreeMap<RunLanguage, f64>,
    weights: Mutex<BTreeMap<RunLanguage, f64>>,
}

impl Demand {
    /// Expects as many runs in each language.
    pub fn new(warm: &BTreeMap<RunLanguage, Warm>) -> Self {
        let cost = |warm: &Warm| match warm {
            Warm::Fork { .. } => 1.0,
            // A start takes about ten times the processor time of a fork, and some of it may be had while it is awaited.
            Warm::Execute(_) => 3.0,
        };
        let costs: BTreeMap<_, _> = warm.iter().map(|(&language, warm)| (language, cost(warm))).collect();
        let weights = costs.keys().map(|&language| (language, 1.0)).collect();
        Self { costs, weights: Mutex::new(weights) }
    }

    /// Counts a run that a waiting interpreter of `language` serves.
    pub fn note(&self, language: RunLanguage) {
        let mut weights = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
        weights.values_mut().for_each(|weight| *weight *= MEMORY);
        *weights.entry(language).or_default() += 1.0 - MEMORY;
    }

    /// The language of which most are missing among `waiting`, if `places` could wait, and how many too few that are.
    pub fn most_wanted(&self, waiting: &BTreeMap<RunLanguage, u32>, places: u32) -> Option<(RunLanguage, f64)> {
        let weights = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
        let total: f64 = weights.values().sum();
        let worth = |language: &RunLanguage| {
            let share = weights.get(language).map_or(0.0, |weight| weight / total);
            share.max(LEAST_SHARE) * self.costs.get(language).copied().unwrap_or(0.0)
        };
        let all: f64 = self.costs.keys().map(worth).sum();
        // Two of each wait always, so that one run and the next need not meet in the same place.
        let languages = self.costs.len().max(1) as u32;
        let least = f64::from(places / languages).min(2.0);
        let most = f64::from(places) - least * f64::from(languages - 1);
        let missing = |language: &RunLanguage| {
            let wanted = (worth(language) / all * f64::from(places)).clamp(least, most);
            wanted - f64::from(waiting.get(language).copied().unwrap_or(0))
        };
        let found = self.costs.keys().map(|language| (*language, missing(language)));
        found.max_by(|one, other| one.1.total_cmp(&other.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PYTHON: RunLanguage = RunLanguage::named("python");
    const NODE: RunLanguage = RunLanguage::named("node");
    use crate::jail::launch::Command;

    fn demand() -> Demand {
        let node = Command { argv: vec![], env: vec![], script: "main.js".into() };
        Demand::new(&BTreeMap::from([(PYTHON, Warm::Fork { script: "main.py".into() }), (NODE, Warm::Execute(node))]))
    }

    /// Fills eight places one after the other.
    fn filled(demand: &Demand) -> BTreeMap<RunLanguage, u32> {
        let mut waiting = BTreeMap::new();
        for _ in 0..8 {
            *waiting.entry(demand.most_wanted(&waiting, 8).unwrap().0).or_default() += 1;
        }
        waiting
    }

    #[test]
    fn what_is_dear_to_start_waits_in_greater_numbers() {
        assert_eq!(filled(&demand()), BTreeMap::from([(PYTHON, 2), (NODE, 6)]));
    }

    #[test]
    fn demand_moves_places_but_never_all_of_them() {
        let demand = demand();
        (0..500).for_each(|_| demand.note(PYTHON));
        assert_eq!(filled(&demand), BTreeMap::from([(PYTHON, 6), (NODE, 2)]));
        (0..100).for_each(|_| demand.note(NODE));
        assert_eq!(filled(&demand), BTreeMap::from([(PYTHON, 2), (NODE, 6)]));
    }
}
