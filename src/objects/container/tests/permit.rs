//! A container whose class is shared by accounts: it starts with a lease of the fleet, renews it, and gives it back.

use super::*;
use crate::domain::pool::fleet::{FleetLimits, LEASE_MS, RENEW_EVERY_MS};
use crate::domain::pool::name::PoolName;
use crate::objects::container::permit::ContainerPermit;
use crate::ports::PortError;
use crate::ports::accounts::{AccountLedger, Standing};
use crate::ports::fleet::Fleet;
use crate::tests::accounts::LocalFleet;
use async_trait::async_trait;

/// The database of accounts: every project belongs to `user_1`.
struct OwnerLedger;

#[async_trait(?Send)]
impl AccountLedger for OwnerLedger {
    async fn standing(&self, _: &str) -> Result<Option<Standing>, PortError> {
        Ok(None)
    }

    async fn owner_of(&self, _: &str) -> Result<Option<String>, PortError> {
        Ok(Some("user_1".to_owned()))
    }
}

struct Shared {
    setup: Setup,
    fleet: Rc<LocalFleet>,
}

impl Shared {
    /// A fleet of two containers, of which this object may start one.
    fn new() -> Self {
        let mut setup = Setup::new();
        let limits = FleetLimits { containers: 2, of_account: Some(2) };
        let fleet = LocalFleet::new(setup.bench.runtime.clone(), limits);
        setup.instance = limited(&setup.bench, &setup.runner, &fleet, Some("proj_1"));
        Self { setup, fleet }
    }

    /// Others start containers for an account.
    fn others_start(&mut self, account: &'static str, objects: &[&'static str]) {
        for &object in objects {
            let fleet = Rc::clone(&self.fleet);
            self.setup.bench.run(async move { fleet.ask(object, account).await }).unwrap();
        }
    }

    fn containers_of(&mut self, account: &'static str) -> u32 {
        let fleet = Rc::clone(&self.fleet);
        self.setup.bench.run(async move { fleet.containers_of(account).await }).unwrap()
    }
}

fn limited(
    bench: &ObjectBench,
    runner: &Rc<FakeRunner>,
    fleet: &Rc<LocalFleet>,
    project: Option<&str>,
) -> Rc<ContainerInstance<FakeWay>> {
    let way = FakeWay(Rc::clone(runner));
    let permit = ContainerPermit::new(fleet.clone(), Rc::new(OwnerLedger), bench.runtime.clone());
    let container = Rc::new(way.clone());
    let instance = ContainerInstance::new(container, Rc::new(way), bench.runtime.clone(), SLEEP_AFTER_MS, Some(permit));
    if let Some(project) = project {
        instance.set_name(&PoolName::of_project(project));
    }
    instance
}

#[test]
fn a_container_has_a_lease_from_its_start_to_its_end() {
    let mut shared = Shared::new();
    shared.setup.complete(0);
    assert_eq!(shared.containers_of("user_1"), 1);
    assert_eq!(shared.setup.bench.storage.alarm_at(), Some(RENEW_EVERY_MS));
    // An alarm that wakes the object does not say its name.
    shared.setup.instance = limited(&shared.setup.bench, &shared.setup.runner, &shared.fleet, None);
    let up = shared.setup.up();
    assert_eq!((up.result(), shared.setup.runner.starts.get()), (Ok(2), 1), "it takes over the container");
    for alarm in 1..=4 {
        shared.setup.bench.pass_ms(RENEW_EVERY_MS);
        let next = shared.setup.rest().result();
        assert_eq!(next, Some((alarm + 1) * RENEW_EVERY_MS));
    }
    assert!(shared.setup.bench.runtime.clock.now().0 > LEASE_MS);
    assert_eq!(shared.containers_of("user_1"), 1);
    shared.setup.destroy();
    assert_eq!(shared.containers_of("user_1"), 0);
}

#[test]
fn a_run_waits_while_all_containers_are_in_use() {
    let mut shared = Shared::new();
    shared.others_start("user_2", &["a", "b"]);
    let run = shared.setup.start(0, &ClientSignal::default());
    shared.setup.bench.pass_ms(3_000);
    assert!(!run.has_ended() && shared.setup.runner.starts.get() == 0);
    let fleet = Rc::clone(&shared.fleet);
    shared.setup.bench.run(async move { fleet.release("a").await }).unwrap();
    shared.setup.bench.pass_ms(1_000);
    assert!(run.result().is_ok());

    let mut shared = Shared::new();
    shared.others_start("user_2", &["a", "b"]);
    let run = shared.setup.start(0, &ClientSignal::default());
    shared.setup.bench.pass_ms(10_000);
    assert_eq!((code(run.result()), shared.setup.runner.starts.get()), (Some(PoolFailureCode::Busy), 0));
}

#[test]
fn an_account_starts_no_more_containers_than_it_may() {
    let mut shared = Shared::new();
    shared.others_start("user_1", &["a", "b"]);
    let failure = shared.setup.run(0).err().unwrap();
    let quota = failure.quota.unwrap();
    assert_eq!(
        (failure.code, quota.quota.name(), quota.limit),
        (PoolFailureCode::QuotaExceeded, "containers_at_once", 2)
    );
}

#[test]
fn a_container_that_another_account_needs_ends_with_its_runs() {
    let mut shared = Shared::new();
    let (_, lease) = shared.setup.run(0).unwrap();
    shared.others_start("user_1", &["further"]);
    shared.others_start("user_2", &["waits"]);
    shared.setup.bench.pass_ms(RENEW_EVERY_MS - 1_000);
    shared.others_start("user_2", &["waits"]);
    shared.setup.bench.pass_ms(1_000);
    assert!(shared.setup.rest().result().is_some() && shared.setup.runner.runs(job(0)));
    assert_eq!(code(shared.setup.run(1)), Some(PoolFailureCode::Unavailable), "it takes no further run");
    let instance = Rc::clone(&shared.setup.instance);
    let up = shared.setup.bench.run(async move { instance.up_for_runs().await.map(|up| up.slots) });
    assert_eq!(code(up), Some(PoolFailureCode::Unavailable));
    shared.setup.runner.end(job(0));
    lease.finished();
    shared.setup.bench.pass_ms(1_000);
    assert_eq!((shared.setup.rest().result(), shared.setup.secret()), (None, None));
    assert_eq!(shared.containers_of("user_1"), 1);
    shared.others_start("user_2", &["waits"]);
    assert_eq!(shared.containers_of("user_2"), 1);
}

#[test]
fn a_fleet_that_is_silent_ends_no_container_and_starts_none() {
    let mut shared = Shared::new();
    shared.fleet.faults.next([Fault::NotDone]);
    assert_eq!(code(shared.setup.run(0)), Some(PoolFailureCode::Unavailable));
    shared.setup.complete(1);
    shared.setup.bench.pass_ms(RENEW_EVERY_MS);
    shared.fleet.faults.next([Fault::NotDone, Fault::DoneButFailed]);
    assert_eq!(shared.setup.rest().result(), Some(2 * RENEW_EVERY_MS));
    shared.setup.bench.pass_ms(RENEW_EVERY_MS);
    assert_eq!(shared.setup.rest().result(), Some(3 * RENEW_EVERY_MS));
    assert!(shared.setup.secret().is_some());
    assert_eq!(shared.setup.bench.logged(), ["The lease of a container could not be renewed."; 2]);
}
