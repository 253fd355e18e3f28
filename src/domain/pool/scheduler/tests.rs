//! What a pool does, case by case and for any sequence of events.

use super::*;
use proptest::prelude::*;

const LIMITS: PoolLimits = PoolLimits { max_instances: 3, max_running: 6, max_queued: 4, sleep_after_ms: 1_000 };
const NOW: Timestamp = Timestamp(0);

fn run(ticket: Ticket, member: usize) -> Effect {
    Effect::Run { ticket, member }
}

fn start(member: usize) -> Effect {
    Effect::Start { member }
}

fn enqueue(pool: &mut Pool, now: Timestamp) -> Vec<Effect> {
    pool.enqueue(now).unwrap().1
}

#[test]
fn a_first_run_starts_a_container_and_gets_a_slot_in_it() {
    let mut pool = Pool::new(LIMITS);
    assert_eq!(enqueue(&mut pool, NOW), [start(0)]);
    assert_eq!(enqueue(&mut pool, NOW), [], "the one that is coming has room for both");
    assert_eq!(pool.ready(0, 2, NOW), [run(0, 0), run(1, 0)]);
    assert_eq!(enqueue(&mut pool, NOW), [start(1)], "a full one is not waited for");
    assert_eq!(pool.finish(0, NOW), [run(2, 0)], "whichever is free first");
    assert_eq!(pool.ready(1, 2, NOW), []);
    assert_eq!((pool.running(), pool.queued()), (2, 0));
}

#[test]
fn runs_keep_together_until_a_container_is_half_full() {
    let mut pool = Pool::new(LIMITS);
    enqueue(&mut pool, NOW);
    pool.ready(0, 4, NOW);
    for _ in 0..4 {
        enqueue(&mut pool, NOW);
    }
    pool.ready(1, 4, NOW);
    pool.finish(0, NOW);
    pool.finish(1, NOW);
    assert_eq!(enqueue(&mut pool, NOW), [run(5, 1)], "2 of 4 here, 1 of 4 there");
    pool.finish(2, NOW);
    assert_eq!(enqueue(&mut pool, NOW), [run(6, 0)], "1 of 4 here, 2 of 4 there");
}

#[test]
fn a_project_has_its_limits() {
    let mut pool = Pool::new(PoolLimits { max_running: 2, ..LIMITS });
    enqueue(&mut pool, NOW);
    pool.ready(0, 8, NOW);
    assert_eq!(enqueue(&mut pool, NOW), [run(1, 0)]);
    for _ in 0..4 {
        assert_eq!(enqueue(&mut pool, NOW), [], "it may not run more at once, so nothing is started for it");
    }
    assert_eq!(pool.enqueue(NOW), Err(Full { retry_after_s: 1 }));
    assert_eq!(pool.finish(5, NOW), [], "a client that leaves makes room in the queue");
    assert!(pool.enqueue(NOW).is_ok());
}

#[test]
fn no_run_queues_beside_a_free_slot() {
    let mut pool = Pool::new(PoolLimits { max_queued: 0, ..LIMITS });
    assert!(pool.enqueue(NOW).is_err(), "a cold start is waiting, too");
    pool.ready(0, 1, NOW);
    assert_eq!(enqueue(&mut pool, NOW), [run(0, 0)]);
    assert!(pool.enqueue(NOW).is_err());
}

#[test]
fn retry_after_follows_the_pace() {
    let mut pool = Pool::new(PoolLimits { max_instances: 1, max_queued: 8, ..LIMITS });
    let mut now = NOW;
    enqueue(&mut pool, now);
    pool.ready(0, 1, now);
    for ticket in 0..64 {
        enqueue(&mut pool, now);
        now = now.plus_ms(4_000);
        pool.finish(ticket, now);
    }
    assert_eq!(pool.retry_after_s(), 4);
    for _ in 0..8 {
        enqueue(&mut pool, now);
    }
    assert_eq!(pool.enqueue(now), Err(Full { retry_after_s: 36 }));
}

#[test]
fn a_container_that_is_gone_is_replaced_and_its_run_goes_first() {
    let mut pool = Pool::new(PoolLimits { max_instances: 1, ..LIMITS });
    enqueue(&mut pool, NOW);
    pool.ready(0, 1, NOW);
    enqueue(&mut pool, NOW);
    assert_eq!(pool.requeue(0, NOW), [start(0)]);
    assert_eq!(pool.ready(0, 2, NOW), [run(0, 0), run(1, 0)]);
}

#[test]
fn two_runs_that_lose_the_same_container_start_it_once() {
    let mut pool = Pool::new(PoolLimits { max_instances: 1, ..LIMITS });
    enqueue(&mut pool, NOW);
    pool.ready(0, 2, NOW);
    enqueue(&mut pool, NOW);
    assert_eq!(pool.requeue(0, NOW), [start(0)]);
    assert_eq!(pool.requeue(1, NOW), []);
    assert_eq!(pool.ready(0, 2, NOW), [run(1, 0), run(0, 0)]);
}

#[test]
fn runs_that_wait_in_vain_are_refused() {
    let mut pool = Pool::new(LIMITS);
    enqueue(&mut pool, NOW);
    assert_eq!(pool.failed(0), [Effect::GiveUp { ticket: 0 }]);
    assert_eq!(enqueue(&mut pool, NOW), [start(0)], "the next one tries again");
    for _ in 0..2 {
        enqueue(&mut pool, NOW);
    }
    pool.ready(0, 1, NOW);
    assert_eq!(pool.failed(1), [], "the others have the first one to wait for");
    assert_eq!(pool.queued(), 2);
}

#[test]
fn an_idle_container_sleeps_whatever_the_clock_does() {
    let mut pool = Pool::new(LIMITS);
    enqueue(&mut pool, NOW);
    pool.ready(0, 1, NOW);
    pool.finish(0, NOW);
    for now in [999, -1_000_000] {
        let effects = enqueue(&mut pool, Timestamp(now));
        assert!(matches!(effects[..], [Effect::Run { member: 0, .. }]), "{now} {effects:?}");
        pool.finish(pool.next - 1, NOW);
    }
    assert_eq!(enqueue(&mut pool, Timestamp(1_000)), [start(0)]);
}

#[derive(Debug, Clone)]
enum Happens {
    Arrive,
    Leave(usize),
    Lose(usize),
    Ready(u32),
    Fail,
    Pass(i64),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => Just(Happens::Arrive),
        3 => (0usize..16).prop_map(Happens::Leave),
        1 => (0usize..16).prop_map(Happens::Lose),
        2 => (1u32..5).prop_map(Happens::Ready),
        1 => Just(Happens::Fail),
        1 => (-2_000i64..2_000).prop_map(Happens::Pass),
    ]
}

proptest! {
    #[test]
    fn limits_hold_and_no_run_waits_beside_a_free_slot(events in prop::collection::vec(happens(), 0..200)) {
        let mut pool = Pool::new(LIMITS);
        let (mut now, mut starting, mut running) = (NOW, Vec::new(), Vec::new());
        for event in events {
            let effects = match event {
                Happens::Arrive => pool.enqueue(now).map(|(_, effects)| effects).unwrap_or_default(),
                Happens::Leave(at) if at < running.len() => pool.finish(running.swap_remove(at), now),
                Happens::Lose(at) if at < running.len() => pool.requeue(running.swap_remove(at), now),
                Happens::Ready(slots) if !starting.is_empty() => pool.ready(starting.remove(0), slots, now),
                Happens::Fail if !starting.is_empty() => pool.failed(starting.remove(0)),
                Happens::Pass(ms) => { now = now.plus_ms(ms); Vec::new() }
                _ => Vec::new(),
            };
            for effect in effects {
                match effect {
                    Effect::Run { ticket, .. } => running.push(ticket),
                    Effect::Start { member } => starting.push(member),
                    Effect::GiveUp { .. } => prop_assert!(starting.is_empty()),
                }
            }
            prop_assert_eq!(running.len(), pool.running());
            prop_assert!(pool.running() <= LIMITS.max_running && pool.queued() <= LIMITS.max_queued + LIMITS.max_running);
            let counted: u32 = pool.members.iter().map(|member| member.running).sum();
            prop_assert_eq!(counted as usize, running.len());
            let ready = pool.members.iter().filter(|member| matches!(member.phase, Phase::Ready { .. })).count();
            prop_assert!(ready + starting.len() <= LIMITS.max_instances);
            if pool.queued() > 0 && pool.running() < LIMITS.max_running {
                let free = pool.choose(now);
                prop_assert!(free.is_none(), "{:?}", pool);
                prop_assert!(ready + starting.len() > 0, "a run waits for nothing: {:?}", pool);
            }
        }
    }
}
