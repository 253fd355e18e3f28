//! A pool whose account shares out its quotas, is silent, is used up, or is suspended.

use super::*;
use crate::domain::account::amounts::Amounts;
use crate::domain::account::lease::{LEASE_MS, LeaseRequest};
use crate::domain::timestamp::DAY_MS;
use crate::ports::accounts::Accounts;

const USER: &str = "user_1";

/// A pool whose project belongs to an account of 90 s a day and 6 runs at once.
fn owned() -> Setup {
    let setup = Setup::new();
    setup.ledger.owner.replace(Some(USER.to_owned()));
    setup
}

impl Setup {
    /// How often the account was asked for a lease. The blocks that it takes of the time of all strangers do not count.
    fn asked(&self) -> usize {
        self.accounts.asked.borrow().iter().filter(|(account, _)| account == USER).count()
    }

    /// A run ends that has used so much processor time.
    fn end_with_cpu_ms(&mut self, number: u8, cpu_ms: u64) {
        self.emit(number, START);
        self.emit(number, &COMPLETE.replace("\"cpuMs\":1.5", &format!("\"cpuMs\":{cpu_ms}.0")));
        self.runner(number).end(job(number));
        self.bench.settle();
    }

    /// The pool is idle until its alarm has said so.
    fn rest(&mut self) {
        self.bench.pass_ms(1_000);
        self.bench.reach_alarm();
        assert_eq!(self.alarm().result(), Ok(()));
    }

    fn used(&mut self) -> u64 {
        let accounts = Rc::clone(&self.accounts);
        self.bench.run(async move { accounts.usage(USER).await }).unwrap().today.cpu_ms
    }

    fn fails_with(&mut self, number: u8) -> PoolFailure {
        match self.start(number, &ClientSignal::default()).result() {
            Err(failure) => failure,
            Ok(_) => panic!("the run was refused"),
        }
    }
}

#[test]
fn no_warm_run_waits_for_the_account() {
    let mut setup = owned();
    setup.run(0);
    assert_eq!(setup.asked(), 1);
    setup.accounts.lease_faults.next([Fault::NotDone]);
    setup.end(0);
    setup.run(1);
    setup.end(1);
    assert_eq!((setup.asked(), setup.ledger.asked.get()), (1, 1));
    setup.accounts.lease_faults.clear();
    setup.rest();
    assert!(setup.bench.runtime.clock.now() <= Timestamp(21_000), "within 20 seconds of being idle");
    assert_eq!((setup.asked(), setup.used()), (2, 4), "two milliseconds each");
    setup.bench.pass_ms(60_000);
    assert_eq!(setup.asked(), 2, "a pool that is idle asks nothing");
    setup = setup.reset();
    setup.run(2);
    assert_eq!((setup.asked(), setup.ledger.asked.get()), (2, 1), "the object has stored its block");
}

#[test]
fn an_idle_pool_stayed_in_memory_to_say_what_it_had_used() {
    let mut setup = owned();
    setup.run(0);
    setup.end(0);
    setup.bench.pass_ms(1_000);
    assert_eq!(setup.bench.clock.next_end(), None, "nothing waits in the object");
    // An eviction now loses nothing.
    setup = setup.reset();
    setup.accounts.lease_faults.next([Fault::NotDone]);
    setup.rest();
    assert_eq!(setup.used(), 0, "the account did not answer");
    setup.rest();
    assert_eq!((setup.asked(), setup.used()), (3, 2));
    setup.rest();
    assert_eq!(setup.asked(), 3, "it has nothing more to say");
}

#[test]
fn a_project_without_owner_has_no_quotas() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.end_with_cpu_ms(0, 1_000_000);
    setup.run(1);
    assert!(setup.accounts.asked.borrow().is_empty() && setup.ledger.asked.get() == 1);
}

#[test]
fn while_the_account_is_silent_the_block_is_used_up_and_none_is_granted() {
    let mut setup = owned();
    setup.run(0);
    setup.accounts.fails.set(true);
    setup.end_with_cpu_ms(0, 59_000);
    setup.run(1);
    setup.end_with_cpu_ms(1, 2_000);
    assert_eq!(setup.fails_with(2).code, PoolFailureCode::Unavailable);
    setup.accounts.fails.set(false);
    setup.run(3);
    assert_eq!(setup.pool.load(), (1, 0));
}

#[test]
fn an_account_that_answers_too_late_keeps_no_run_waiting() {
    let mut setup = owned();
    let (_release, waits) = oneshot::channel();
    setup.accounts.lease_faults.next([Fault::WaitsFor(waits)]);
    let run = setup.start(0, &ClientSignal::default());
    setup.bench.pass_ms(5_000);
    assert_eq!((code(run.result()), setup.pool.load()), (Some(PoolFailureCode::Unavailable), (0, 0)));
}

#[test]
fn a_quota_that_is_used_up_refuses_runs_until_the_next_day() {
    let mut setup = owned();
    setup.run(0);
    setup.end_with_cpu_ms(0, 100_000);
    let refused = setup.fails_with(1);
    let quota = refused.quota.unwrap();
    assert_eq!((refused.code, quota.quota, quota.limit), (PoolFailureCode::QuotaExceeded, Quota::CpuSeconds, 90));
    assert_eq!(quota.resets_at, Some(Timestamp(DAY_MS)));
    setup.bench.pass_ms(DAY_MS);
    setup.run(2);
}

#[test]
fn the_runs_of_a_suspended_account_end_within_a_minute() {
    let mut setup = owned();
    setup.run(0);
    let waiting = [1, 2].map(|number| setup.start(number, &ClientSignal::default()));
    assert_eq!(setup.pool.load(), (2, 1));
    setup.ledger.is_suspended.set(true);
    setup.bench.pass_ms(20_000);
    assert_eq!(*setup.runners[0].cancelled.borrow(), [job(0)]);
    assert_eq!(*setup.runners[1].cancelled.borrow(), [job(1)]);
    assert!(waiting.iter().all(Task::has_ended));
    assert_eq!(setup.fails_with(3).code, PoolFailureCode::Suspended);
}

#[test]
fn what_a_pool_has_not_used_is_given_back() {
    let mut setup = owned();
    setup.run(0);
    setup.end(0);
    setup.bench.pass_ms(20_000);
    let stored = |setup: &Setup| lease_storage::load(&*setup.bench.storage).unwrap().is_some();
    assert!(stored(&setup));
    while stored(&setup) {
        setup.bench.reach_alarm();
        assert_eq!(setup.alarm().result(), Ok(()));
    }
    assert!(setup.bench.runtime.clock.now().0 < 20_000 + LEASE_MS, "before the lease ends by itself");
    setup.bench.pass_ms(LEASE_MS);
    assert_eq!(setup.used(), 2);
}

#[test]
fn a_block_that_could_not_be_given_back_counts_as_used() {
    let mut setup = owned();
    setup.run(0);
    setup.end(0);
    setup.rest();
    setup.accounts.end_faults.next([Fault::NotDone]);
    let quota = Rc::clone(&setup.runs.quota);
    setup.bench.run(async move { quota.give_back().await });
    setup.bench.pass_ms(LEASE_MS);
    assert_eq!(setup.used(), 60_002);
}

#[test]
fn runs_wait_while_the_account_has_too_many_at_once() {
    let mut setup = owned();
    let accounts = Rc::clone(&setup.accounts);
    let (used, wants) = (Amounts::default(), Amounts::default());
    let elsewhere = LeaseRequest { lease: "elsewhere".into(), used, wants, running: 5, wants_runs: 5 };
    let other = Rc::clone(&accounts);
    setup.bench.run(async move { other.lease(USER, &elsewhere).await }).unwrap();
    setup.run(0);
    let second = setup.start(1, &ClientSignal::default());
    assert_eq!((setup.pool.load(), second.has_ended()), ((1, 1), false));
    setup.bench.pass_ms(i64::from(MAX_QUEUE_MS));
    let refused = second.result().unwrap_err();
    let quota = refused.quota.unwrap();
    assert_eq!((refused.code, quota.quota, quota.limit), (PoolFailureCode::QuotaExceeded, Quota::RunsAtOnce, 6));

    let third = setup.start(2, &ClientSignal::default());
    setup.bench.run(async move { accounts.end_lease(USER, "elsewhere", &Amounts::default()).await }).unwrap();
    setup.bench.pass_ms(2_000);
    setup.clients.push(third.result().unwrap());
    assert_eq!(setup.pool.load(), (2, 0));
}

#[test]
fn an_account_that_has_sent_too_much_runs_programs_without_network() {
    let mut setup = owned();
    setup.has_network = true;
    setup.run(0);
    setup.emit(0, START);
    setup.emit(0, &COMPLETE.replace("\"blockedConnections\":0", "\"blockedConnections\":0,\"egressBytes\":1100000000"));
    setup.runner(0).end(job(0));
    setup.bench.settle();
    let quota = setup.fails_with(1).quota.unwrap();
    assert_eq!((quota.quota, quota.limit), (Quota::EgressMegabytes, 1_000));
    setup.has_network = false;
    setup.run(2);
    setup.bench.pass_ms(20_000);
    let accounts = Rc::clone(&setup.accounts);
    let usage = setup.bench.run(async move { accounts.usage(USER).await }).unwrap();
    assert_eq!(usage.today.of(Quota::EgressMegabytes), 1_100.0);
}
