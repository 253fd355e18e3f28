//! Leases of one account: shared out, renewed, given back, left alone.

use super::*;
use crate::domain::timestamp::DAY_MS;
use proptest::prelude::*;
use serde_json::json;

fn cpu(cpu_ms: u64) -> Amounts {
    Amounts { cpu_ms, ..Amounts::default() }
}

fn limits(cpu_seconds: u64, runs: u64) -> QuotaLimits {
    QuotaLimits::default().with(Quota::CpuSeconds, Some(cpu_seconds)).with(Quota::RunsAtOnce, Some(runs))
}

fn ask(lease: &str, used: u64, wants: u64, running: u32, wants_runs: u32) -> LeaseRequest {
    LeaseRequest { lease: lease.into(), used: cpu(used), wants: cpu(wants), running, wants_runs }
}

fn lease(state: &mut AccountState, request: &LeaseRequest, now: i64) -> Grant {
    state.lease(request, &limits(100, 6), Amounts::MAX, Timestamp(now))
}

#[test]
fn a_block_is_granted_used_and_given_back() {
    let mut state = AccountState::default();
    assert_eq!(lease(&mut state, &ask("a", 0, 60_000, 1, 4), 0).granted, cpu(60_000));
    let second = lease(&mut state, &ask("b", 0, 60_000, 1, 4), 0);
    assert_eq!((second.granted, second.runs), (cpu(40_000), 2), "the rest");
    let third = lease(&mut state, &ask("c", 0, 60_000, 0, 1), 0);
    let names: Vec<&str> = third.exhausted.iter().map(|one| one.quota.name()).collect();
    assert_eq!((third.granted, names), (cpu(0), vec!["cpu_seconds", "runs_at_once"]));
    assert_eq!(third.exhausted[0].resets_at, Some(Timestamp(DAY_MS)));

    state.end("a", cpu(10_000), Timestamp(1));
    assert_eq!((state.used(), state.total()), (cpu(10_000), cpu(10_000)));
    assert_eq!(lease(&mut state, &ask("c", 0, 60_000, 0, 1), 1).granted, cpu(50_000), "what a has not used");
    state.end("a", cpu(99_000), Timestamp(1));
    assert_eq!(state.used(), cpu(10_000), "a lease ends once");
}

#[test]
fn a_request_that_is_repeated_changes_nothing() {
    let mut state = AccountState::default();
    let request = ask("a", 20_000, 60_000, 1, 4);
    lease(&mut state, &ask("a", 0, 60_000, 1, 4), 0);
    let first = lease(&mut state, &request, 5);
    let stored = state.clone();
    assert_eq!((lease(&mut state, &request, 5), state), (first.clone(), stored));
    assert_eq!(first.granted, cpu(80_000));
}

#[test]
fn a_lease_that_nobody_renews_ends_by_itself_and_counts_as_used() {
    let mut state = AccountState::default();
    lease(&mut state, &ask("a", 0, 60_000, 3, 4), 0);
    assert_eq!(state.next_end(), Some(Timestamp(LEASE_MS)));
    state.advance(Timestamp(LEASE_MS - 1));
    assert_eq!((state.used(), state.running()), (cpu(0), 3));
    state.advance(Timestamp(LEASE_MS));
    assert_eq!((state.used(), state.running(), state.next_end()), (cpu(60_000), 0, None));
    // Its holder comes back later, with what it has used under a lease that was counted whole.
    let back = lease(&mut state, &ask("a", 50_000, 60_000, 1, 4), LEASE_MS);
    assert_eq!((back.granted, state.used()), (cpu(90_000), cpu(60_000)));
}

#[test]
fn the_runs_of_a_pool_that_is_idle_are_free_for_others() {
    let mut state = AccountState::default();
    assert_eq!(lease(&mut state, &ask("a", 0, 0, 4, 4), 0).runs, 4);
    assert_eq!(lease(&mut state, &ask("b", 0, 0, 1, 4), 0).runs, 2);
    lease(&mut state, &ask("a", 0, 0, 0, 4), 1);
    assert_eq!(lease(&mut state, &ask("b", 0, 0, 1, 4), 1).runs, 4);
}

#[test]
fn a_new_day_counts_from_zero_and_keeps_the_leases() {
    let mut state = AccountState::default();
    lease(&mut state, &ask("a", 0, 60_000, 1, 4), DAY_MS - 10);
    lease(&mut state, &ask("a", 50_000, 50_000, 1, 4), DAY_MS - 5);
    let renewed = lease(&mut state, &ask("a", 55_000, 60_000, 1, 4), DAY_MS + 5);
    assert_eq!((renewed.granted, state.used()), (cpu(115_000), cpu(5_000)));
    assert_eq!(state.total(), cpu(55_000));
}

#[test]
fn a_program_that_used_more_than_its_block_is_counted_whole() {
    let mut state = AccountState::default();
    lease(&mut state, &ask("a", 0, 60_000, 1, 4), 0);
    let renewed = lease(&mut state, &ask("a", 150_000, 60_000, 1, 4), 1);
    assert_eq!((renewed.granted, state.used()), (cpu(150_000), cpu(150_000)));
    assert_eq!(renewed.exhausted[0].quota, Quota::CpuSeconds);
}

#[test]
fn account_state_format_unchanged() {
    let mut state = AccountState::default();
    lease(&mut state, &ask("a", 0, 60_000, 1, 4), 7);
    let amounts = |cpu_ms| json!({ "cpuMs": cpu_ms, "egressBytes": 0, "executions": 0, "aiCalls": 0, "aiNeurons": 0 });
    let one = json!({
        "base": amounts(0), "used": amounts(0), "granted": amounts(60_000), "running": 1, "runs": 4,
        "until": 7 + LEASE_MS,
    });
    let expected = json!({ "day": 0, "ended": amounts(0), "total": amounts(0), "leases": { "a": one } });
    assert_eq!(serde_json::to_value(&state).unwrap(), expected);
    assert_eq!(serde_json::from_value::<AccountState>(expected).unwrap(), state);
    let request = json!({ "lease": "a", "used": amounts(1), "wants": amounts(2), "running": 3, "wantsRuns": 4 });
    assert_eq!(serde_json::to_value(ask("a", 1, 2, 3, 4)).unwrap(), request);
}

proptest! {
    /// Whatever holders do, no more is granted in a day than the limit, as long as none uses more than it has.
    #[test]
    fn the_leases_of_a_day_never_exceed_the_limit(steps in prop::collection::vec((0..4usize, 0..90_000u64, 0..3u8), 1..60)) {
        let (mut state, mut now) = (AccountState::default(), 0);
        let mut held = [(0u64, 0u64); 4];
        let mut used_in_all = 0;
        for (holder, amount, step) in steps {
            now += i64::try_from(amount % 7).unwrap() * 40_000;
            prop_assume!(now < DAY_MS);
            let name = format!("h{holder}");
            let (used, granted) = &mut held[holder];
            let spent = amount.min(*granted - *used);
            *used += spent;
            used_in_all += spent;
            match step {
                0 | 1 => *granted = lease(&mut state, &ask(&name, *used, amount, 1, 2), now).granted.cpu_ms.max(*used),
                _ => {
                    state.end(&name, cpu(*used), Timestamp(now));
                    (*used, *granted) = (0, 0);
                }
            }
            prop_assert!(used_in_all <= 100_000, "{used_in_all}");
            prop_assert!(state.used().cpu_ms <= 100_000);
        }
    }
}
