//! The gate with a database that waits, fails, and fails after it has written.

use super::*;
use crate::domain::key::rolling_window::{Rate, WINDOW_MS};
use crate::domain::project::isolate_settings::IsolateSettings;
use crate::domain::run::record::Owner;
use crate::domain::usage_log::name::LogId;
use crate::objects::account::call::NoAccounts;
use crate::tests::fake_storage::FakeStorage;
use crate::tests::fakes::{FakeClock, FakeEntropy};
use crate::tests::fault::{Fault, Faults};
use async_trait::async_trait;
use futures::channel::oneshot;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use std::cell::Cell;

const KEY: &str = "0badcafe";

/// A database of one key, with faults.
#[derive(Default)]
struct FakeLedger {
    limit: Cell<u32>,
    is_suspended: Cell<bool>,
    reads: Cell<u32>,
    used_at: Cell<Option<Timestamp>>,
    /// How often a use of the key was written.
    uses: Cell<u32>,
    read_faults: Faults,
    use_faults: Faults,
}

#[async_trait(?Send)]
impl KeyLedger for FakeLedger {
    async fn config(&self, _: &str) -> Result<Option<KeyConfig>, PortError> {
        self.reads.set(self.reads.get() + 1);
        self.read_faults.around(async || self.limit.get()).await.map(|limit| {
            (limit > 0).then(|| KeyConfig {
                owner: Owner { project_id: "proj_1".into(), log_id: LogId::default(), key_id: "key_1".into() },
                account: Some("user_1".into()),
                is_suspended: self.is_suspended.get(),
                is_revoked: false,
                expires_at: None,
                allowed_domains: vec![],
                limit,
                store_ip: false,
                isolates: IsolateSettings::default(),
                page: None,
                allow_in_url: false,
            })
        })
    }

    async fn note_use(&self, _: &str, used_at: Timestamp) -> Result<(), PortError> {
        self.uses.set(self.uses.get() + 1);
        self.use_faults.around(async || self.used_at.set(Some(used_at))).await
    }
}

struct Setup {
    gate: Rc<KeyGateLogic>,
    ledger: Rc<FakeLedger>,
    storage: Rc<FakeStorage>,
    clock: Rc<FakeClock>,
    pool: LocalPool,
}

impl Setup {
    fn new() -> Self {
        let (ledger, storage, clock) = (Rc::new(FakeLedger::default()), Rc::default(), Rc::new(FakeClock::default()));
        ledger.limit.set(3);
        let gate = logic(&storage, &ledger, &clock);
        Self { gate, ledger, storage, clock, pool: LocalPool::new() }
    }

    /// The object as it is after a reset: what was in memory is lost.
    fn reset(&mut self) {
        self.gate = logic(&self.storage, &self.ledger, &self.clock);
    }

    /// Starts something that goes on beside what follows.
    fn start<F: Future<Output = ()> + 'static>(&self, work: impl FnOnce(Rc<KeyGateLogic>) -> F) {
        self.pool.spawner().spawn_local(work(Rc::clone(&self.gate))).unwrap();
    }

    fn check(&mut self) -> Result<Decision, PortError> {
        let gate = Rc::clone(&self.gate);
        self.pool.run_until(async move {
            gate.check(KEY, &CheckKey { host: None, counts: true, ..CheckKey::default() }).await
        })
    }

    fn passes(&mut self) -> bool {
        matches!(self.check(), Ok(Decision::Allowed { .. }))
    }

    /// Fires the alarm when it is due.
    fn alarm(&mut self) -> Result<(), PortError> {
        let at = self.storage.alarm_at().expect("an alarm is set");
        self.clock.pass_ms((at - self.clock.now().0).max(0));
        self.storage.fire();
        let gate = Rc::clone(&self.gate);
        self.pool.run_until(async move { gate.alarm().await })
    }
}

fn logic(storage: &Rc<FakeStorage>, ledger: &Rc<FakeLedger>, clock: &Rc<FakeClock>) -> Rc<KeyGateLogic> {
    Rc::new(KeyGateLogic::new(storage.clone(), ledger.clone(), clock.clone(), quotas()))
}

/// No account answers.
fn quotas() -> GateQuotaPorts {
    let accounts = Rc::new(NoAccounts(PortError("No account answers.".to_owned())));
    GateQuotaPorts { accounts, entropy: Rc::new(FakeEntropy::default()) }
}

#[test]
fn calls_pass_until_the_limit_and_the_settings_are_read_once() {
    let mut setup = Setup::new();
    let passed: Vec<bool> = (0..5).map(|_| setup.passes()).collect();
    assert_eq!((passed, setup.ledger.reads.get()), (vec![true, true, true, false, false], 1));
    let Ok(Decision::Limited { rate: Rate { limit, remaining, .. }, .. }) = setup.check() else { panic!("limited") };
    assert_eq!((limit, remaining), (3, 0));
}

#[test]
fn concurrent_calls_wait_for_one_query_and_exactly_the_limit_passes() {
    let mut setup = Setup::new();
    let (release, waiting) = oneshot::channel();
    setup.ledger.read_faults.next([Fault::WaitsFor(waiting)]);
    let passed = Rc::new(Cell::new(0));
    for _ in 0..100 {
        let passed = Rc::clone(&passed);
        setup.start(|gate| async move {
            let decision = gate.check(KEY, &CheckKey { host: None, counts: true, ..CheckKey::default() }).await;
            passed.set(passed.get() + i32::from(matches!(decision, Ok(Decision::Allowed { .. }))));
        });
    }
    setup.pool.run_until_stalled();
    assert_eq!(passed.get(), 0);
    release.send(()).unwrap();
    setup.pool.run();
    assert_eq!((passed.get(), setup.ledger.reads.get()), (3, 1));
}

#[test]
fn a_refresh_during_a_query_drops_the_older_answer() {
    let mut setup = Setup::new();
    let (release, waiting) = oneshot::channel();
    setup.ledger.read_faults.next([Fault::DoneThenWaitsFor(waiting)]);
    let passed = Rc::new(Cell::new(None));
    let answer = Rc::clone(&passed);
    setup.start(|gate| async move {
        let decision = gate.check(KEY, &CheckKey { host: None, counts: true, ..CheckKey::default() }).await;
        answer.set(Some(matches!(decision, Ok(Decision::Allowed { .. }))));
    });
    setup.pool.run_until_stalled();
    setup.ledger.limit.set(0);
    setup.gate.refresh();
    release.send(()).unwrap();
    setup.pool.run();
    assert_eq!(passed.get(), Some(false), "the key is gone");
}

#[test]
fn a_database_that_fails_refuses_the_call_and_is_asked_again_by_the_next() {
    let mut setup = Setup::new();
    setup.ledger.read_faults.next([Fault::NotDone]);
    assert!(setup.check().is_err());
    assert!(setup.passes());
}

#[test]
fn a_reset_forgets_no_call_that_was_saved() {
    let mut setup = Setup::new();
    assert!(setup.passes() && setup.passes());
    setup.alarm().unwrap();
    setup.reset();
    assert_eq!((setup.passes(), setup.passes()), (true, false), "two of three calls were saved");
}

#[test]
fn the_latest_use_is_written_soon_and_then_once_a_minute() {
    let mut setup = Setup::new();
    setup.ledger.limit.set(1_000);
    for _ in 0..300 {
        setup.clock.pass_ms(1_000);
        assert!(setup.passes());
        while setup.storage.alarm_at().is_some_and(|at| at <= setup.clock.now().0) {
            setup.alarm().unwrap();
        }
    }
    assert_eq!(setup.ledger.uses.get(), 5, "in five minutes");
    // The settings are read again every 20 s.
    assert_eq!(setup.ledger.reads.get(), 16);
    while setup.storage.alarm_at().is_some() {
        setup.alarm().unwrap();
    }
    assert_eq!(setup.ledger.used_at.get(), Some(Timestamp(300_000)));
}

#[test]
fn a_use_before_an_eviction_is_written_after_it() {
    let mut setup = Setup::new();
    assert!(setup.passes());
    setup.alarm().unwrap();
    setup.reset();
    assert_eq!(setup.ledger.uses.get(), 0);
    while setup.storage.alarm_at().is_some() {
        setup.alarm().unwrap();
    }
    assert_eq!((setup.ledger.used_at.get(), setup.ledger.uses.get()), (Some(Timestamp(0)), 1));
    assert!(setup.storage.is_empty());
}

#[test]
fn a_use_that_the_database_has_is_not_written_again_after_an_eviction() {
    let mut setup = Setup::new();
    assert!(setup.passes());
    for _ in 0..2 {
        setup.alarm().unwrap();
    }
    assert_eq!(setup.ledger.uses.get(), 1);
    setup.reset();
    while setup.storage.alarm_at().is_some() {
        setup.alarm().unwrap();
    }
    assert_eq!(setup.ledger.uses.get(), 1);
}

#[test]
fn a_use_during_the_write_of_an_earlier_one_is_written_with_the_next() {
    let mut setup = Setup::new();
    let (release, waiting) = oneshot::channel();
    setup.ledger.use_faults.next([Fault::DoneThenWaitsFor(waiting)]);
    assert!(setup.passes());
    setup.alarm().unwrap();
    setup.clock.pass_ms(WINDOW_MS);
    setup.storage.fire();
    setup.start(|gate| async move { gate.alarm().await.unwrap() });
    setup.pool.run_until_stalled();
    setup.clock.pass_ms(1);
    assert!(setup.passes());
    release.send(()).unwrap();
    setup.pool.run();
    while setup.storage.alarm_at().is_some() {
        setup.alarm().unwrap();
    }
    assert_eq!((setup.ledger.uses.get(), setup.ledger.used_at.get()), (2, Some(Timestamp(WINDOW_MS + 1_001))));
}

#[test]
fn an_alarm_that_fails_is_set_again() {
    let mut setup = Setup::new();
    assert!(setup.passes());
    setup.alarm().unwrap();
    setup.ledger.use_faults.next([Fault::NotDone, Fault::DoneButFailed]);
    let mut failures = 0;
    while setup.storage.alarm_at().is_some() {
        failures += i32::from(setup.alarm().is_err());
        assert!(failures < 20, "the alarm fires for ever");
    }
    assert_eq!((failures, setup.ledger.used_at.get()), (2, Some(Timestamp(0))));
}

#[test]
fn a_gate_with_nothing_left_to_do_deletes_its_storage() {
    let mut setup = Setup::new();
    assert!(setup.passes());
    let mut alarms = 0;
    while setup.storage.alarm_at().is_some() {
        setup.alarm().unwrap();
        alarms += 1;
        assert!(alarms < 20, "the alarm fires for ever");
    }
    assert!(setup.storage.is_empty());
    assert_eq!(setup.clock.now(), Timestamp(WINDOW_MS));
}

#[test]
fn erasing_may_be_repeated_and_leaves_nothing() {
    let mut setup = Setup::new();
    assert!(setup.passes());
    setup.alarm().unwrap();
    setup.storage.faults.next([Fault::DoneButFailed]);
    let gate = Rc::clone(&setup.gate);
    let erased = setup.pool.run_until(async move { (gate.erase().await.is_err(), gate.erase().await) });
    assert_eq!(erased, (true, Ok(())));
    assert!(setup.storage.is_empty());
}

#[test]
fn a_key_of_a_suspended_account_worked_for_as_long_as_its_gate_was_in_memory() {
    let mut setup = Setup::new();
    assert!(setup.passes());
    setup.ledger.is_suspended.set(true);
    assert!(setup.passes(), "the settings were read just now");
    setup.clock.pass_ms(RECENT_MS);
    assert_eq!(setup.check(), Ok(Decision::Suspended));
    setup.ledger.is_suspended.set(false);
    setup.clock.pass_ms(RECENT_MS);
    setup.ledger.read_faults.next([Fault::NotDone]);
    assert_eq!(
        setup.check(),
        Ok(Decision::Suspended),
        "while the database does not answer, what it said before stands"
    );
    setup.clock.pass_ms(RECENT_MS);
    assert!(setup.passes());
}
