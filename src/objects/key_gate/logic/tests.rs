//! The gate with a database that waits, fails, and fails after it has written.

use super::*;
use crate::domain::key::rolling_window::Rate;
use crate::domain::project::isolate_settings::IsolateSettings;
use crate::domain::run::record::Owner;
use crate::domain::timestamp::DAY_MS;
use crate::objects::account::call::NoAccounts;
use crate::tests::app::secret;
use crate::tests::fake_storage::FakeStorage;
use crate::tests::fakes::{FakeClock, FakeEntropy};
use crate::tests::fault::{Fault, Faults};
use async_trait::async_trait;
use futures::channel::oneshot;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use std::cell::Cell;
use std::collections::BTreeSet;

const KEY: &str = "0badcafe";

/// A database of one key, with faults.
#[derive(Default)]
struct FakeLedger {
    limit: Cell<u32>,
    is_suspended: Cell<bool>,
    reads: Cell<u32>,
    flushes: Cell<u32>,
    /// Usage as the database keeps it: what comes twice is there once.
    usage: RefCell<BTreeSet<String>>,
    used_at: Cell<Option<Timestamp>>,
    /// How often a use of the key was written.
    uses: Cell<u32>,
    kept: RefCell<Vec<RunId>>,
    read_faults: Faults,
    flush_faults: Faults,
}

#[async_trait(?Send)]
impl KeyLedger for FakeLedger {
    async fn config(&self, _: &str) -> Result<Option<KeyConfig>, PortError> {
        self.reads.set(self.reads.get() + 1);
        self.read_faults.around(async || self.limit.get()).await.map(|limit| {
            (limit > 0).then(|| KeyConfig {
                owner: Owner { project_id: "proj_1".into(), key_id: "key_1".into() },
                account: Some("user_1".into()),
                is_suspended: self.is_suspended.get(),
                is_revoked: false,
                expires_at: None,
                allowed_domains: vec![],
                limit,
                store_ip: false,
                isolates: IsolateSettings::default(),
            })
        })
    }

    async fn flush(&self, _: &str, used_at: Option<Timestamp>, usage: &[String]) -> Result<(), PortError> {
        self.flushes.set(self.flushes.get() + 1);
        let write = async || {
            self.usage.borrow_mut().extend(usage.iter().cloned());
            self.used_at.set(used_at.or(self.used_at.get()));
            self.uses.set(self.uses.get() + u32::from(used_at.is_some()));
        };
        self.flush_faults.around(write).await
    }

    async fn keep(&self, id: RunId, _: &str) -> Result<(), PortError> {
        self.kept.borrow_mut().push(id);
        Ok(())
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
        self.pool
            .run_until(async move { gate.check(KEY, &CheckKey { host: None, counts: true, executes: false }).await })
    }

    fn passes(&mut self) -> bool {
        matches!(self.check(), Ok(Decision::Allowed { .. }))
    }

    fn submit(&mut self, runs: std::ops::Range<u32>) {
        let gate = Rc::clone(&self.gate);
        self.pool.run_until(async move { gate.submit(KEY, runs.map(run).collect()).await }).unwrap();
    }

    fn flush(&mut self) -> Result<(), PortError> {
        let gate = Rc::clone(&self.gate);
        self.pool.run_until(async move { gate.flush(KEY).await })
    }

    /// Fires the alarm when it is due.
    fn alarm(&mut self) -> Result<(), PortError> {
        let at = self.storage.alarm_at().expect("an alarm is set");
        self.clock.pass_ms((at - self.clock.now().0).max(0));
        self.storage.fire();
        let gate = Rc::clone(&self.gate);
        self.pool.run_until(async move { gate.alarm().await })
    }

    fn flushed(&self) -> usize {
        self.ledger.usage.borrow().len()
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

fn run(number: u32) -> FinishedRun {
    let mut bytes = [0; 16];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    let id = RunId::with_key(KEY, Timestamp(0), bytes, &secret());
    FinishedRun { id, usage: format!("usage {number}"), record: Some("{}".to_owned()) }
}

#[test]
fn calls_pass_until_the_limit_and_the_settings_are_read_once() {
    let mut setup = Setup::new();
    let passed: Vec<bool> = (0..5).map(|_| setup.passes()).collect();
    assert_eq!((passed, setup.ledger.reads.get()), (vec![true, true, true, false, false], 1));
    let Ok(Decision::Limited { rate: Rate { limit, remaining, .. } }) = setup.check() else { panic!("limited") };
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
            let decision = gate.check(KEY, &CheckKey { host: None, counts: true, executes: false }).await;
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
        let decision = gate.check(KEY, &CheckKey { host: None, counts: true, executes: false }).await;
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
fn a_reset_forgets_no_call_that_was_saved_and_no_run() {
    let mut setup = Setup::new();
    assert!(setup.passes() && setup.passes());
    setup.submit(0..3);
    setup.alarm().unwrap();
    setup.reset();
    assert_eq!((setup.passes(), setup.passes()), (true, false), "two of three calls were saved");
    assert_eq!(setup.gate.record(run(1).id), Ok(Some("{}".to_owned())));
    setup.flush().unwrap();
    assert_eq!(setup.flushed(), 3);
}

#[test]
fn runs_submitted_while_two_flushes_overlap_are_not_lost() {
    let mut setup = Setup::new();
    setup.submit(0..10);
    let (first, second) = (oneshot::channel(), oneshot::channel());
    setup.ledger.flush_faults.next([Fault::WaitsFor(first.1), Fault::DoneThenWaitsFor(second.1)]);
    for _ in 0..2 {
        setup.start(|gate| async move { gate.flush(KEY).await.unwrap() });
    }
    setup.pool.run_until_stalled();
    first.0.send(()).unwrap();
    setup.pool.run_until_stalled();
    setup.submit(10..20);
    drop(second.0);
    setup.pool.run();
    setup.flush().unwrap();
    assert_eq!(setup.flushed(), 20);
}

#[test]
fn a_flush_ends_when_another_one_has_emptied_the_table() {
    let mut setup = Setup::new();
    for number in 0..250 {
        setup.submit(number..number + 1);
    }
    let (release, waiting) = oneshot::channel();
    setup.ledger.flush_faults.next([Fault::WaitsFor(waiting)]);
    let ended = Rc::new(Cell::new(0));
    for _ in 0..3 {
        let ended = Rc::clone(&ended);
        setup.start(|gate| async move {
            gate.flush(KEY).await.unwrap();
            ended.set(ended.get() + 1);
        });
    }
    setup.pool.run_until_stalled();
    release.send(()).unwrap();
    setup.pool.run();
    assert_eq!((ended.get(), setup.flushed()), (3, 250));
    assert!(setup.ledger.flushes.get() <= 5, "{} flushes for three batches", setup.ledger.flushes.get());
}

#[test]
fn usage_outlives_a_database_that_fails_either_way_and_counts_once() {
    let mut setup = Setup::new();
    setup.submit(0..5);
    setup.ledger.flush_faults.next([Fault::NotDone, Fault::DoneButFailed]);
    for _ in 0..2 {
        assert!(setup.flush().is_err());
    }
    setup.flush().unwrap();
    assert_eq!(setup.flushed(), 5);
}

#[test]
fn a_flush_without_a_use_marked_one() {
    let mut setup = Setup::new();
    assert!(setup.passes());
    setup.submit(0..1);
    setup.flush().unwrap();
    for number in 1..4 {
        setup.submit(number..number + 1);
        setup.flush().unwrap();
    }
    assert_eq!((setup.flushed(), setup.ledger.uses.get()), (4, 1));
    // A use during a flush is written with the next one.
    let (release, waiting) = oneshot::channel();
    setup.ledger.flush_faults.next([Fault::DoneThenWaitsFor(waiting)]);
    assert!(setup.passes());
    setup.submit(4..5);
    setup.start(|gate| async move { gate.flush(KEY).await.unwrap() });
    setup.pool.run_until_stalled();
    setup.clock.pass_ms(1);
    assert!(setup.passes());
    release.send(()).unwrap();
    setup.pool.run();
    setup.submit(5..6);
    setup.flush().unwrap();
    assert_eq!((setup.ledger.uses.get(), setup.ledger.used_at.get()), (3, Some(setup.clock.now())));
}

#[test]
fn an_alarm_that_fails_is_set_again() {
    let mut setup = Setup::new();
    setup.submit(0..1);
    setup.alarm().unwrap();
    setup.ledger.flush_faults.next([Fault::NotDone]);
    setup.clock.pass_ms(10_000);
    setup.submit(1..2);
    let mut failures = 0;
    while setup.flushed() < 2 {
        failures += i32::from(setup.alarm().is_err());
    }
    assert_eq!(failures, 1);
}

#[test]
fn a_gate_without_room_keeps_records_elsewhere_and_usage_here() {
    let mut setup = Setup::new();
    setup.storage.size.set(MAX_STORED_BYTES + 1);
    setup.submit(0..2);
    assert_eq!(*setup.ledger.kept.borrow(), [run(0).id, run(1).id]);
    assert_eq!(setup.gate.record(run(0).id), Ok(None));
    setup.flush().unwrap();
    assert_eq!(setup.flushed(), 2);
}

#[test]
fn a_gate_with_nothing_left_to_do_deletes_its_storage() {
    let mut setup = Setup::new();
    assert!(setup.passes());
    setup.submit(0..1);
    let mut alarms = 0;
    while setup.storage.alarm_at().is_some() {
        setup.alarm().unwrap();
        alarms += 1;
        assert!(alarms < 20, "the alarm fires for ever");
    }
    assert!(setup.storage.is_empty());
    assert!(setup.clock.now().0 >= 8 * DAY_MS, "records are kept for a week");
    assert!(setup.ledger.used_at.get().is_some());
}

#[test]
fn erasing_may_be_repeated_and_leaves_nothing() {
    let mut setup = Setup::new();
    setup.submit(0..2);
    setup.storage.faults.next([Fault::DoneButFailed]);
    let gate = Rc::clone(&setup.gate);
    let erased = setup.pool.run_until(async move { (gate.erase().await.is_err(), gate.erase().await) });
    assert_eq!(erased, (true, Ok(())));
    assert!(setup.storage.is_empty());
    assert_eq!(setup.gate.record(run(0).id), Ok(None));
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
