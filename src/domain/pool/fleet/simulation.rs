//! One greedy account among a hundred, in simulated time: how long the others wait for a container.

use super::*;
use crate::domain::simulation::Random;
use std::collections::VecDeque;

const LIMITS: FleetLimits = FleetLimits { containers: 50, of_account: None };
/// Accounts with few runs.
const OTHERS: usize = 99;
/// From one run of such an account to the next, on average, in milliseconds; exponentially distributed.
const PAUSE_MS: f64 = 1_800_000.0;
/// A container without runs sleeps after this long, in milliseconds.
const SLEEP_MS: i64 = 600_000;
/// From a start to the first run, in milliseconds.
const COLD_MS: i64 = 1_000;
/// A run of the greedy account, in milliseconds.
const LONG_MS: i64 = 60_000;
const STEP_MS: i64 = 500;
const SPAN_MS: i64 = 6 * 3_600_000;

struct Container {
    object: String,
    renew_at: i64,
    /// When its run ends, or when it was used last.
    used_at: i64,
    is_reclaimed: bool,
}

impl Container {
    fn new(object: String, now: i64, random: &mut Random) -> Self {
        let renew_at = now + (random.uniform() * RENEW_EVERY_MS as f64) as i64;
        Self { object, renew_at, used_at: now, is_reclaimed: false }
    }
}

#[derive(Default)]
struct Other {
    next_run: i64,
    /// The runs that wait, by their arrival.
    waiting: VecDeque<i64>,
    container: Option<Container>,
}

/// How long each run of the other accounts that needed a container has waited, in milliseconds, in order.
fn waits(with_greedy: bool) -> Vec<i64> {
    let (mut fleet, mut random) = (FleetState::default(), Random::default());
    let mut others: Vec<Other> = Vec::new();
    for _ in 0..OTHERS {
        others.push(Other { next_run: random.exponential(PAUSE_MS).round() as i64, ..Other::default() });
    }
    let (mut greedy, mut started, mut waits) = (Vec::<Container>::new(), 0, Vec::new());
    for now in (0..SPAN_MS).step_by(usize::try_from(STEP_MS).unwrap()) {
        let at = Timestamp(now);
        for (number, other) in others.iter_mut().enumerate() {
            let account = format!("other{number}");
            if other.next_run <= now {
                other.next_run = now + random.exponential(PAUSE_MS).round() as i64;
                other.waiting.push_back(now);
            }
            if let Some(container) = &mut other.container {
                let is_over = now - container.used_at >= SLEEP_MS;
                if container.renew_at <= now {
                    container.renew_at = now + RENEW_EVERY_MS;
                    container.is_reclaimed =
                        fleet.renew(&container.object, &account, 0, LIMITS, at) == Renewal::Reclaimed;
                }
                if is_over || container.is_reclaimed {
                    fleet.release(&container.object);
                    other.container = None;
                } else if other.waiting.pop_front().is_some() {
                    container.used_at = now;
                }
            }
            if other.container.is_none()
                && let Some(&since) = other.waiting.front()
                && fleet.ask(&account, &account, LIMITS, at) == Admission::Granted
            {
                other.waiting.pop_front();
                waits.push(now - since + COLD_MS);
                other.container = Some(Container::new(account, now, &mut random));
            }
        }
        if !with_greedy {
            continue;
        }
        for container in &mut greedy {
            if container.renew_at <= now {
                container.renew_at = now + RENEW_EVERY_MS;
                container.is_reclaimed = fleet.renew(&container.object, "greedy", 1, LIMITS, at) == Renewal::Reclaimed;
            }
            if container.used_at <= now && !container.is_reclaimed {
                container.used_at = now + LONG_MS;
            }
        }
        greedy.retain(|container| {
            let stays = !container.is_reclaimed || container.used_at > now;
            if !stays {
                fleet.release(&container.object);
            }
            stays
        });
        let object = format!("greedy{started}");
        if fleet.ask(&object, "greedy", LIMITS, at) == Admission::Granted {
            started += 1;
            greedy.push(Container::new(object, now, &mut random));
        }
    }
    waits.sort_unstable();
    waits
}

fn p95(waits: &[i64]) -> i64 {
    waits[waits.len() * 95 / 100]
}

#[test]
fn one_greedy_account_made_the_others_wait() {
    let (alone, beside_greedy) = (waits(false), waits(true));
    println!(
        "{} and {} starts; p50 {} and {} ms, p95 {} and {} ms",
        alone.len(),
        beside_greedy.len(),
        alone[alone.len() / 2],
        beside_greedy[beside_greedy.len() / 2],
        p95(&alone),
        p95(&beside_greedy)
    );
    assert!(alone.len() > 500 && beside_greedy.len() > 500);
    assert!(p95(&beside_greedy) <= 2 * p95(&alone), "{} after {}", p95(&beside_greedy), p95(&alone));
}
