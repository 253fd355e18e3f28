//! The copies of all logs in one database, in simulated time: how busy it is, and how old the copies are.
//!
//! `cargo test -p docle scaling -- --nocapture` prints the table of docs/scaling.md.

use super::name::LogId;
use super::retention::{FLUSH_AFTER_MS, flush_pause_ms};
use crate::domain::simulation::{Random, assert_page_shows};
use std::collections::BTreeSet;
use std::fmt::Write;

/// How long the database works on one copy, in milliseconds: an assumption, five statements of 1 to 2 ms. It does one after
/// the other.
const WORK_MS: f64 = 8.0;
/// The simulated time of each row, in milliseconds. The first half is not counted.
const SPAN_MS: f64 = 1_200_000.0;

/// What a day of such a load makes of the database.
struct Outcome {
    copies_per_second: f64,
    busy: f64,
    /// How long after a run its copy was written, in milliseconds, sorted.
    ages_ms: Vec<f64>,
}

/// The random bits of a project.
fn log(project: u32) -> LogId {
    let [first, second, third, fourth] = project.wrapping_mul(0x9e37_79b9).to_be_bytes();
    LogId::from_bytes([first, second, third, fourth, 0])
}

/// So many projects share these runs evenly, which is the worst case: each of them is active.
fn simulate(runs_per_second: f64, projects: u32) -> Outcome {
    let (mut random, mut free_at) = (Random::default(), 0.0);
    let mean = f64::from(projects) / runs_per_second * 1_000.0;
    let (mut copies, mut ages_ms) = (0, Vec::new());
    // When the next copy of a project is due, and when the oldest run was made that it has. In microseconds, because these
    // are in order.
    let mut agenda = BTreeSet::new();
    let plan = |agenda: &mut BTreeSet<(u64, u64, u32)>, project, run_at: f64, not_before: f64| {
        let due = (run_at + FLUSH_AFTER_MS as f64).max(not_before);
        agenda.insert(((due * 1_000.0) as u64, (run_at * 1_000.0) as u64, project));
    };
    for project in 0..projects {
        plan(&mut agenda, project, random.exponential(mean), 0.0);
    }
    while let Some((due, run_at, project)) = agenda.pop_first() {
        let (due, run_at) = (due as f64 / 1_000.0, run_at as f64 / 1_000.0);
        if due > SPAN_MS {
            break;
        }
        let end = due.max(free_at) + WORK_MS;
        free_at = end;
        if due > SPAN_MS / 2.0 {
            copies += 1;
            ages_ms.push(end - run_at);
        }
        plan(
            &mut agenda,
            project,
            due + random.exponential(mean),
            end + flush_pause_ms((end - due) as i64, log(project)) as f64,
        );
    }
    ages_ms.sort_unstable_by(f64::total_cmp);
    let copies_per_second = f64::from(copies) / (SPAN_MS / 2_000.0);
    Outcome { copies_per_second, busy: copies_per_second * WORK_MS / 1_000.0, ages_ms }
}

fn table() -> String {
    let mut table = String::from(
        "| runs per second | active projects | copies per second | database busy | behind p50 s | p99 s |\n\
         |---:|---:|---:|---:|---:|---:|\n",
    );
    for (runs_per_second, projects) in [
        (100, 1_000),
        (1_000, 100),
        (1_000, 1_000),
        (1_000, 10_000),
        (10_000, 1_000),
        (10_000, 10_000),
        (10_000, 30_000),
    ] {
        let Outcome { copies_per_second, busy, ages_ms } = simulate(f64::from(runs_per_second), projects);
        let age = |share: f64| ages_ms[((ages_ms.len() - 1) as f64 * share) as usize] / 1_000.0;
        let (busy, p50, p99) = (busy * 100.0, age(0.5), age(0.99));
        writeln!(
            table,
            "| {runs_per_second} | {projects} | {copies_per_second:.0} | {busy:.0} % | {p50:.0} | {p99:.0} |"
        )
        .expect("a string takes everything");
    }
    table
}

#[test]
fn the_page_on_scaling_shows_what_the_database_gets() {
    assert_page_shows(&table(), "scaling_shows_what_the_database");
}

#[test]
fn more_runs_of_as_many_projects_make_no_more_copies_and_more_projects_do_not_drown_the_database() {
    let [some, many] = [1_000.0, 10_000.0].map(|runs| simulate(runs, 1_000).copies_per_second);
    assert!((many - some).abs() < some / 4.0, "{some} and {many}");
    let drowning = simulate(10_000.0, 30_000);
    assert!(drowning.ages_ms.last().is_some_and(|oldest| *oldest < 700_000.0), "{:?}", drowning.ages_ms.last());
}
