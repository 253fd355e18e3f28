//! Accounts whose holders, database and shared time wait, fail, and fail after they have done it.

use crate::domain::account::amounts::Amounts;
use crate::domain::account::lease::{Grant, LEASE_MS, LeaseRequest};
use crate::domain::account::quota::{Quota, QuotaLimits};
use crate::domain::timestamp::DAY_MS;
use crate::objects::account::logic::SHARED;
use crate::ports::PortError;
use crate::ports::accounts::{AccountLedger, Accounts, LeaseAnswer, Standing};
use crate::tests::accounts::LocalAccounts;
use crate::tests::fault::{Fault, Faults};
use crate::tests::object_fixture::{ObjectBench, Task};
use async_trait::async_trait;
use futures::channel::oneshot;
use std::cell::Cell;
use std::rc::Rc;

const USER: &str = "user_1";
const OTHER: &str = "user_2";

/// A database in which all accounts have the same standing.
struct FakeLedger {
    standing: Cell<Standing>,
    faults: Faults,
}

#[async_trait(?Send)]
impl AccountLedger for FakeLedger {
    async fn standing(&self, _: &str) -> Result<Option<Standing>, PortError> {
        self.faults.around(async || Some(self.standing.get())).await
    }

    async fn owner_of(&self, _: &str) -> Result<Option<String>, PortError> {
        Ok(Some(USER.to_owned()))
    }
}

struct Setup {
    bench: ObjectBench,
    ledger: Rc<FakeLedger>,
    accounts: Rc<LocalAccounts>,
}

fn cpu(cpu_ms: u64) -> Amounts {
    Amounts { cpu_ms, ..Amounts::default() }
}

impl Setup {
    /// Accounts of 1,000 s a day each, and 1,200 s for all strangers.
    fn new(is_trusted: bool) -> Self {
        let bench = ObjectBench::new();
        let standing = Cell::new(Standing { is_trusted, is_suspended: false });
        let ledger = Rc::new(FakeLedger { standing, faults: Faults::default() });
        let limits = QuotaLimits::default()
            .with(Quota::CpuSeconds, Some(1_000))
            .with(Quota::SharedCpuSeconds, Some(1_200))
            .with(Quota::RunsAtOnce, Some(6));
        let accounts = LocalAccounts::new(bench.runtime.clone(), ledger.clone(), limits);
        Self { bench, ledger, accounts }
    }

    fn start(
        &mut self,
        account: &'static str,
        lease: &str,
        used: u64,
        wants: u64,
    ) -> Task<Result<LeaseAnswer, PortError>> {
        let accounts = Rc::clone(&self.accounts);
        let request =
            LeaseRequest { lease: lease.into(), used: cpu(used), wants: cpu(wants), running: 1, wants_runs: 4 };
        self.bench.start(async move { accounts.lease(account, &request).await })
    }

    fn lease(&mut self, account: &'static str, lease: &str, used: u64, wants: u64) -> Grant {
        match self.start(account, lease, used, wants).result() {
            Ok(LeaseAnswer::Granted(grant)) => grant,
            other => panic!("{other:?} is no grant"),
        }
    }

    fn end(&mut self, account: &'static str, lease: &'static str, used: u64) -> Result<(), PortError> {
        let accounts = Rc::clone(&self.accounts);
        self.bench.run(async move { accounts.end_lease(account, lease, &cpu(used)).await })
    }

    fn used(&mut self, account: &'static str) -> u64 {
        let accounts = Rc::clone(&self.accounts);
        self.bench.run(async move { accounts.usage(account).await }).unwrap().today.cpu_ms
    }

    /// Lets time pass to the alarm of an object, and fires it.
    fn alarm(&mut self, account: &'static str) {
        let at = self.accounts.storage(account).alarm_at().expect("an alarm is set");
        self.bench.pass_ms((at - self.bench.runtime.clock.now().0).max(0));
        let accounts = Rc::clone(&self.accounts);
        self.bench.run(async move { accounts.alarm(account).await }).unwrap();
    }
}

#[test]
fn a_lease_survives_the_eviction_of_its_account() {
    let mut setup = Setup::new(true);
    let first = setup.lease(USER, "a", 0, 60_000);
    assert_eq!((first.granted, first.runs), (cpu(60_000), 4));
    setup.accounts.evict(USER);
    assert_eq!(setup.lease(USER, "b", 0, 60_000).runs, 2, "the runs of the first lease are not free");
    assert_eq!(setup.end(USER, "a", 5_000), Ok(()));
    setup.accounts.evict(USER);
    assert_eq!(setup.used(USER), 5_000);
}

#[test]
fn a_grant_that_could_not_be_stored_was_given_again() {
    let mut setup = Setup::new(true);
    setup.lease(USER, "a", 0, 60_000);
    setup.accounts.storage(USER).sql_faults.next([Fault::NotDone]);
    assert!(setup.start(USER, "a", 60_000, 60_000).result().is_err());
    assert_eq!(setup.used(USER), 0, "the memory knows no more than the storage");
    assert_eq!(setup.lease(USER, "a", 60_000, 60_000).granted, cpu(120_000));
}

#[test]
fn a_lease_whose_answer_was_lost_is_granted_once() {
    let mut setup = Setup::new(true);
    setup.accounts.lease_faults.next([Fault::DoneButFailed]);
    assert!(setup.start(USER, "a", 0, 60_000).result().is_err());
    assert_eq!(setup.lease(USER, "a", 0, 60_000).granted, cpu(60_000));
    setup.accounts.end_faults.next([Fault::DoneButFailed]);
    assert!(setup.end(USER, "a", 20_000).is_err());
    assert_eq!((setup.end(USER, "a", 20_000), setup.used(USER)), (Ok(()), 20_000));
}

#[test]
fn an_account_is_nothing_after_its_day() {
    let mut setup = Setup::new(true);
    setup.lease(USER, "a", 0, 60_000);
    setup.alarm(USER);
    assert_eq!((setup.bench.runtime.clock.now().0, setup.used(USER)), (LEASE_MS, 60_000));
    setup.alarm(USER);
    assert_eq!(setup.bench.runtime.clock.now().0, DAY_MS);
    assert!(setup.accounts.storage(USER).is_empty());
}

#[test]
fn a_suspended_account_gets_nothing_and_a_silent_database_changes_nothing() {
    let mut setup = Setup::new(true);
    setup.lease(USER, "a", 0, 60_000);
    setup.ledger.standing.set(Standing { is_trusted: true, is_suspended: true });
    setup.bench.pass_ms(15_000);
    setup.ledger.faults.next([Fault::NotDone]);
    assert_eq!(setup.lease(USER, "a", 0, 60_000).granted, cpu(60_000), "what the database said before");
    assert_eq!(setup.start(USER, "a", 0, 60_000).result(), Ok(LeaseAnswer::Suspended));
    let mut setup = Setup::new(true);
    setup.ledger.faults.next([Fault::NotDone]);
    assert!(setup.start(USER, "a", 0, 60_000).result().is_err(), "nothing is granted to an account that is unknown");
}

#[test]
fn strangers_share_one_budget_however_many_accounts_they_make() {
    let mut setup = Setup::new(false);
    assert_eq!(setup.lease(USER, "a", 0, 700_000).granted, cpu(700_000));
    let second = setup.lease(OTHER, "b", 0, 700_000);
    let exhausted: Vec<_> = second.exhausted.iter().map(|one| one.quota).collect();
    assert_eq!((second.granted, exhausted), (cpu(500_000), vec![]));
    let more = setup.lease(OTHER, "b", 500_000, 60_000);
    let exhausted: Vec<_> = more.exhausted.iter().map(|one| (one.quota, one.limit)).collect();
    assert_eq!((more.granted, exhausted), (cpu(500_000), vec![(Quota::SharedCpuSeconds, 1_200)]));
    // The first has used little, and gives the rest back.
    assert_eq!(setup.end(USER, "a", 10_000), Ok(()));
    setup.alarm(USER);
    assert_eq!(setup.used(SHARED), 510_000);
    assert_eq!(setup.lease(OTHER, "b", 500_000, 60_000).granted, cpu(560_000));
}

#[test]
fn a_trusted_account_takes_nothing_of_what_strangers_share() {
    let mut setup = Setup::new(true);
    assert_eq!(setup.lease(USER, "a", 0, 5_000_000).granted, cpu(5_000_000));
    assert_eq!(setup.used(SHARED), 0);
}

#[test]
fn while_the_shared_time_is_silent_an_account_uses_what_it_holds() {
    let mut setup = Setup::new(false);
    setup.lease(USER, "a", 0, 60_000);
    let (release, waits) = oneshot::channel();
    setup.accounts.lease_faults.next([Fault::None, Fault::NotDone, Fault::None, Fault::WaitsFor(waits)]);
    let grant = setup.lease(USER, "a", 200_000, 400_000);
    assert_eq!(grant.granted, cpu(300_000), "a block of 300 s");
    let waiting = setup.start(USER, "a", 300_000, 60_000);
    assert!(!waiting.has_ended());
    release.send(()).unwrap();
    setup.bench.settle();
    match waiting.result() {
        Ok(LeaseAnswer::Granted(grant)) => assert_eq!(grant.granted, cpu(360_000)),
        other => panic!("{other:?} is no grant"),
    }
    setup.accounts.lease_faults.next([Fault::None, Fault::NotDone]);
    assert!(setup.start(OTHER, "b", 0, 60_000).result().is_err(), "an account that holds nothing gets nothing");
}
