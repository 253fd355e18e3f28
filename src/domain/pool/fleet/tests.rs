//! Accounts that share the containers of a class.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const TEN: FleetLimits = FleetLimits { containers: 10, of_account: None };

fn ask(state: &mut FleetState, object: &str, account: &str, now: i64) -> Admission {
    state.ask(object, account, TEN, Timestamp(now))
}

fn renew(state: &mut FleetState, object: &str, account: &str, running: u32, now: i64) -> Renewal {
    state.renew(object, account, running, TEN, Timestamp(now))
}

/// One account that has taken all that it gets: nine of ten.
fn greedy() -> FleetState {
    let mut state = FleetState::default();
    let granted = (0..20).filter(|n| ask(&mut state, &format!("a{n}"), "a", 0) == Admission::Granted).count();
    assert_eq!(granted, 9);
    state
}

#[test]
fn an_account_gets_what_is_free_up_to_its_quota() {
    let mut state = FleetState::default();
    let limits = FleetLimits { of_account: Some(2), ..TEN };
    for (object, expected) in [
        ("a1", Admission::Granted),
        ("a2", Admission::Granted),
        ("a3", Admission::AccountFull { limit: 2 }),
        ("a1", Admission::Granted),
    ] {
        assert_eq!(state.ask(object, "a", limits, Timestamp(0)), expected, "{object}");
    }
    assert_eq!(state.of_account("a"), 2);
    state.release("a1");
    assert_eq!(state.ask("a3", "a", limits, Timestamp(0)), Admission::Granted);
}

#[test]
fn the_last_tenth_is_for_accounts_with_less_than_an_even_part() {
    let mut state = greedy();
    assert_eq!(ask(&mut state, "a9", "a", 0), Admission::Full);
    assert_eq!(ask(&mut state, "b1", "b", 0), Admission::Granted);
    assert_eq!(ask(&mut state, "c1", "c", 0), Admission::Full);
}

#[test]
fn a_busy_container_of_an_account_with_more_ends_with_its_runs() {
    let mut state = greedy();
    assert_eq!(renew(&mut state, "a0", "a", 4, 1), Renewal::Renewed, "nobody waits, and one is free");
    assert_eq!(ask(&mut state, "b1", "b", 1), Admission::Granted);
    assert_eq!(ask(&mut state, "c1", "c", 1), Admission::Full);
    assert_eq!(renew(&mut state, "b1", "b", 1, 2), Renewal::Renewed);
    assert_eq!(renew(&mut state, "a0", "a", 4, 2), Renewal::Reclaimed);
    assert_eq!(renew(&mut state, "a0", "a", 4, 3), Renewal::Reclaimed, "it stays so");
    assert_eq!(ask(&mut state, "c1", "c", 3), Admission::Full, "its runs go on");
    state.release("a0");
    assert_eq!(ask(&mut state, "a0", "a", 4), Admission::Full, "it is for the account that waits");
    assert_eq!(ask(&mut state, "c1", "c", 4), Admission::Granted);
}

#[test]
fn no_more_is_reclaimed_than_accounts_wait_for() {
    let mut state = greedy();
    assert_eq!(ask(&mut state, "b1", "b", 1), Admission::Granted);
    assert_eq!(ask(&mut state, "c1", "c", 1), Admission::Full);
    let reclaimed = (0..9).filter(|n| renew(&mut state, &format!("a{n}"), "a", 0, 1) == Renewal::Reclaimed).count();
    assert_eq!(reclaimed, 1);
}

#[test]
fn an_account_with_one_busy_container_keeps_it() {
    let mut state = FleetState::default();
    for n in 0..10 {
        assert_eq!(ask(&mut state, &format!("o{n}"), &format!("account{n}"), 0), Admission::Granted);
    }
    assert_eq!(ask(&mut state, "b1", "b", 0), Admission::Full);
    assert_eq!(renew(&mut state, "o0", "account0", 1, 1), Renewal::Renewed);
    assert_eq!(renew(&mut state, "o1", "account1", 0, 1), Renewal::Reclaimed, "an idle one is not needed there");
}

#[test]
fn a_lease_that_nobody_renews_ends_by_itself() {
    let mut state = greedy();
    assert_eq!(state.next_end(), Some(Timestamp(LEASE_MS)));
    state.advance(Timestamp(LEASE_MS));
    assert_eq!((state.of_account("a"), state.next_end()), (0, None));
    assert_eq!(renew(&mut state, "a0", "a", 0, LEASE_MS + 1), Renewal::Renewed, "the container is there");
    assert_eq!(state.of_account("a"), 1);
}

#[test]
fn fleet_format_unchanged() {
    let mut state = FleetState::default();
    ask(&mut state, "pool:proj_1", "user_1", 5);
    let expected = json!({
        "leases": { "pool:proj_1": { "account": "user_1", "until": 5 + LEASE_MS } }, "waiting": {}, "reclaimed": [],
    });
    assert_eq!(serde_json::to_value(&state).unwrap(), expected);
    assert_eq!(serde_json::from_value::<FleetState>(expected).unwrap(), state);
    assert_eq!(serde_json::to_value(Admission::Granted).unwrap(), json!("granted"));
    let full = Admission::AccountFull { limit: 3 };
    assert_eq!(serde_json::to_value(full).unwrap(), json!({ "accountFull": { "limit": 3 } }));
    assert_eq!(serde_json::to_value(Renewal::Reclaimed).unwrap(), json!("reclaimed"));
}

proptest! {
    #[test]
    fn there_are_never_more_containers_than_the_class_has(steps in prop::collection::vec((0..6u8, 0..12u8, 0..3u8), 1..200)) {
        let mut state = FleetState::default();
        for (now, (account, object, step)) in steps.into_iter().enumerate() {
            let (account, object) = (format!("a{account}"), format!("a{account}o{object}"));
            match step {
                0 | 1 => drop(ask(&mut state, &object, &account, i64::try_from(now).unwrap() * 1_000)),
                _ => state.release(&object),
            }
            prop_assert!(state.leases.len() <= 10);
        }
    }
}
