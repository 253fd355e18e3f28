//! A pool under load, in simulated time: how long runs wait, how many runs are refused, how many containers start.
//!
//! `cargo test -p docle scaling -- --nocapture` prints the table of docs/scaling.md.

use super::{Effect, Pool, PoolLimits, Ticket};
use crate::domain::simulation::{Random, assert_page_shows};
use crate::domain::timestamp::Timestamp;
use docle_protocol::limits::MAX_QUEUE_MS;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The pool of docs/scaling.md: the defaults of a deployment, on containers with one core.
const LIMITS: PoolLimits = PoolLimits { max_instances: 3, max_running: 100, max_queued: 300, sleep_after_ms: 600_000 };
const SLOTS: u32 = 4;
/// From a start to the first run, in milliseconds.
const COLD_MS: i64 = 1_000;
/// How long a run keeps its slot on average, in milliseconds; exponentially distributed.
const MEAN_MS: f64 = 300.0;
/// The simulated time of each row, in milliseconds. It begins with a cold pool.
const SPAN_MS: i64 = 600_000;

/// What happens next. Of events at the same time the one that was planned first comes first, so that every simulation is
/// the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Started { member: usize },
    Ended { ticket: Ticket },
    GaveUp { ticket: Ticket },
    Arrived,
}

#[derive(Default)]
struct Outcome {
    waits_ms: Vec<i64>,
    arrived: usize,
    refused: usize,
    gave_up: usize,
    containers: usize,
}

fn simulate(runs_per_second: f64) -> Outcome {
    let (mut pool, mut random) = (Pool::new(LIMITS), Random::default());
    let (mut agenda, mut number) = (BTreeSet::from([(0, 0, Event::Arrived)]), 0u64);
    let (mut arrived_at, mut outcome) = (BTreeMap::<Ticket, i64>::new(), Outcome::default());
    let mut started = BTreeSet::new();
    while let Some((now, _, event)) = agenda.pop_first() {
        if now > SPAN_MS {
            break;
        }
        let mut plan = |at, event| {
            number += 1;
            agenda.insert((at, number, event));
        };
        let at = Timestamp(now);
        let effects = match event {
            Event::Arrived => {
                plan(now + random.exponential(1_000.0 / runs_per_second).round() as i64, Event::Arrived);
                outcome.arrived += 1;
                match pool.enqueue(at) {
                    Ok((ticket, effects)) => {
                        arrived_at.insert(ticket, now);
                        plan(now + i64::from(MAX_QUEUE_MS), Event::GaveUp { ticket });
                        effects
                    }
                    Err(_) => {
                        outcome.refused += 1;
                        Vec::new()
                    }
                }
            }
            Event::Started { member } => pool.ready(member, SLOTS, at),
            Event::Ended { ticket } => pool.finish(ticket, at),
            Event::GaveUp { ticket } => match arrived_at.remove(&ticket) {
                Some(_) => {
                    outcome.gave_up += 1;
                    pool.finish(ticket, at)
                }
                None => Vec::new(),
            },
        };
        for effect in effects {
            match effect {
                Effect::Run { ticket, .. } => {
                    let since = arrived_at.remove(&ticket).expect("a ticket runs once");
                    outcome.waits_ms.push(now - since);
                    plan(now + random.exponential(MEAN_MS).round() as i64, Event::Ended { ticket });
                }
                Effect::Start { member } => {
                    started.insert(member);
                    plan(now + COLD_MS, Event::Started { member });
                }
                Effect::GiveUp { .. } => unreachable!("every start succeeds here"),
            }
        }
    }
    outcome.containers = started.len();
    outcome.waits_ms.sort_unstable();
    outcome
}

fn table() -> String {
    let capacity = f64::from(SLOTS) * LIMITS.max_instances as f64 * 1_000.0 / MEAN_MS;
    let mut table = String::from(
        "| runs per second | of capacity | containers | waited p50 ms | p95 ms | p99 ms | turned away |\n\
         |---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for runs_per_second in [1.0, 5.0, 10.0, 20.0, 30.0, 36.0, 40.0, 60.0, 200.0] {
        let outcome = simulate(runs_per_second);
        let wait = |share: f64| outcome.waits_ms[((outcome.waits_ms.len() - 1) as f64 * share) as usize];
        let away = (outcome.refused + outcome.gave_up) as f64 / outcome.arrived as f64 * 100.0;
        let load = runs_per_second / capacity * 100.0;
        let (containers, p50, p95, p99) = (outcome.containers, wait(0.5), wait(0.95), wait(0.99));
        writeln!(table, "| {runs_per_second} | {load:.0} % | {containers} | {p50} | {p95} | {p99} | {away:.1} % |")
            .expect("a string takes everything");
    }
    table
}

#[test]
fn the_page_on_scaling_shows_what_the_simulation_gives() {
    assert_page_shows(&table(), "scaling");
}

#[test]
fn waits_grow_with_load_and_no_run_is_refused_below_capacity() {
    let p95 = |runs_per_second| {
        let outcome = simulate(runs_per_second);
        assert_eq!(outcome.refused + outcome.gave_up, 0, "{runs_per_second}");
        outcome.waits_ms[outcome.waits_ms.len() * 95 / 100]
    };
    assert!(p95(20.0) <= p95(36.0));
    let overloaded = simulate(200.0);
    assert!(overloaded.refused > overloaded.arrived / 2);
    assert!(overloaded.waits_ms.last().is_some_and(|&longest| longest <= i64::from(MAX_QUEUE_MS)));
}
