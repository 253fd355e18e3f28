//! A fleet whose storage fails, and whose memory is lost.

use crate::domain::pool::fleet::{Admission, FleetLimits, LEASE_MS, Renewal};
use crate::objects::fleet::logic::FleetLogic;
use crate::tests::fault::Fault;
use crate::tests::object_fixture::ObjectBench;
use std::rc::Rc;

const LIMITS: FleetLimits = FleetLimits { containers: 2, of_account: None };

#[test]
fn a_fleet_that_lost_its_memory_granted_its_containers_again() {
    let mut bench = ObjectBench::new();
    let fleet = Rc::new(FleetLogic::new(bench.runtime.clone(), LIMITS));
    let ask = |fleet: &Rc<FleetLogic>, bench: &mut ObjectBench, object: &'static str, account: &'static str| {
        let fleet = Rc::clone(fleet);
        bench.run(async move { fleet.ask(object, account).await })
    };
    assert_eq!(ask(&fleet, &mut bench, "a1", "a"), Ok(Admission::Granted));
    bench.storage.sql_faults.next([Fault::NotDone]);
    assert!(ask(&fleet, &mut bench, "b1", "b").is_err());
    let fleet = Rc::new(FleetLogic::new(bench.runtime.clone(), LIMITS));
    assert_eq!((fleet.containers_of("a"), fleet.containers_of("b")), (Ok(1), Ok(0)));
    assert_eq!(ask(&fleet, &mut bench, "b1", "b"), Ok(Admission::Granted));
    assert_eq!(ask(&fleet, &mut bench, "c1", "c"), Ok(Admission::Full));
    let renewing = Rc::clone(&fleet);
    let renewed = bench.run(async move { renewing.renew("a1", "a", 0).await });
    assert_eq!(renewed, Ok(Renewal::Reclaimed));
    assert_eq!(fleet.release("a1"), Ok(()));
    assert_eq!(ask(&fleet, &mut bench, "c1", "c"), Ok(Admission::Granted));
}

#[test]
fn a_fleet_without_containers_stores_nothing() {
    let mut bench = ObjectBench::new();
    let fleet = Rc::new(FleetLogic::new(bench.runtime.clone(), LIMITS));
    let asking = Rc::clone(&fleet);
    assert_eq!(bench.run(async move { asking.ask("a1", "a").await }), Ok(Admission::Granted));
    assert_eq!(bench.storage.alarm_at(), Some(LEASE_MS));
    bench.reach_alarm();
    assert_eq!(bench.run(async move { fleet.alarm().await }), Ok(()));
    assert!(bench.storage.is_empty());
}
