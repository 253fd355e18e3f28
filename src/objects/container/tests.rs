//! A container that fails in every way that it can, and clients that leave at every moment.

use crate::domain::pool::lifecycle::{LONGEST_RUN_MS, START_ATTEMPTS};
use crate::objects::container::instance::ContainerInstance;
use crate::objects::container::lease::ContainerLease;
use crate::objects::container::runner::{Runner, RunnerError};
use crate::objects::container::storage;
use crate::ports::{ClientSignal, Container, Lease, PoolFailure, PoolFailureCode, SentJob};
use crate::tests::fake_runner::{FakeResponse, FakeRunner, FakeWay};
use crate::tests::fault::Fault;
use crate::tests::object_bench::{ObjectBench, Task, job};
use docle_protocol::{RefusalCode, VERSION};
use futures::channel::oneshot;
use std::rc::Rc;

const SLEEP_AFTER_MS: i64 = 600_000;

type Sent = Result<(SentJob<FakeResponse>, ContainerLease), PoolFailure>;

struct Setup {
    bench: ObjectBench,
    runner: Rc<FakeRunner>,
    instance: Rc<ContainerInstance<FakeWay>>,
}

impl Setup {
    fn new() -> Self {
        let (bench, runner) = (ObjectBench::new(), FakeRunner::with_slots(2));
        let instance = instance(&bench, &runner);
        Self { bench, runner, instance }
    }

    /// The object as it is after an eviction: its memory is lost, its storage and its container are not.
    fn reset(&mut self) {
        self.instance = instance(&self.bench, &self.runner);
    }

    /// Starts a run whose client is `client`.
    fn start(&mut self, number: u8, client: &ClientSignal) -> Task<Sent> {
        let (instance, client) = (Rc::clone(&self.instance), client.clone());
        let since = self.bench.runtime.clock.now();
        self.bench.start(async move { instance.run(&job(number), since, &client).await })
    }

    fn run(&mut self, number: u8) -> Sent {
        self.start(number, &ClientSignal::default()).result()
    }

    /// Runs a job to its end.
    fn complete(&mut self, number: u8) {
        let (sent, lease) = self.run(number).unwrap();
        assert!(matches!(sent, SentJob::Running(_)));
        self.runner.end(job(number));
        lease.finished();
    }

    fn up(&mut self) -> Task<Result<u32, PoolFailure>> {
        let instance = Rc::clone(&self.instance);
        self.bench.start(async move { instance.up().await.map(|up| up.slots) })
    }

    fn cancel(&mut self, number: u8) -> Task<bool> {
        let instance = Rc::clone(&self.instance);
        self.bench.start(async move { instance.cancel_unstarted(job(number)).await })
    }

    fn rest(&mut self) -> Task<Option<i64>> {
        let instance = Rc::clone(&self.instance);
        self.bench.start(async move { instance.rest().await.map(|at| at.0) })
    }

    fn destroy(&mut self) {
        let instance = Rc::clone(&self.instance);
        self.bench.run(async move { instance.destroy().await });
    }

    fn secret(&self) -> Option<String> {
        storage::secret(&*self.bench.storage).unwrap()
    }
}

fn instance(bench: &ObjectBench, runner: &Rc<FakeRunner>) -> Rc<ContainerInstance<FakeWay>> {
    let way = FakeWay(Rc::clone(runner));
    ContainerInstance::new(Rc::new(way.clone()), Rc::new(way), bench.runtime.clone(), SLEEP_AFTER_MS)
}

fn code<T>(result: Result<T, PoolFailure>) -> Option<PoolFailureCode> {
    result.err().map(|failure| failure.code)
}

#[test]
fn concurrent_runs_wait_for_one_start_although_the_first_client_leaves() {
    let mut setup = Setup::new();
    let (release, waits) = oneshot::channel();
    setup.runner.check_faults.next([Fault::WaitsFor(waits)]);
    let clients = [ClientSignal::default(), ClientSignal::default(), ClientSignal::default()];
    let runs: Vec<_> = (0..3).map(|number| setup.start(number, &clients[usize::from(number)])).collect();
    clients[0].leave();
    assert!(runs.iter().all(|run| !run.has_ended()));
    release.send(()).unwrap();
    setup.bench.settle();
    assert_eq!(code(runs[0].result()), Some(PoolFailureCode::ClientLeft));
    assert!(runs[1].result().is_ok() && runs[2].result().is_ok());
    assert_eq!((setup.runner.starts.get(), &*setup.runner.executed.borrow()), (1, &vec![job(1), job(2)]));
}

#[test]
fn a_start_that_fails_twice_succeeds_at_last() {
    let mut setup = Setup::new();
    setup.runner.dies_at_start.set(2);
    let up = setup.up();
    setup.bench.pass_ms(1_000);
    assert_eq!((up.result(), setup.runner.starts.get()), (Ok(2), 3));
    assert_eq!(setup.bench.logged(), ["A container did not start."; 2]);
}

#[test]
fn a_start_that_always_fails_refuses_all_who_wait_and_leaves_no_secret() {
    let mut setup = Setup::new();
    setup.runner.dies_at_start.set(START_ATTEMPTS);
    let waiting = [setup.up(), setup.up()];
    setup.bench.pass_ms(1_000);
    for up in waiting {
        assert_eq!(code(up.result()), Some(PoolFailureCode::Unavailable));
    }
    assert_eq!((setup.runner.starts.get(), setup.secret()), (START_ATTEMPTS, None));
    assert_eq!(setup.up().result(), Ok(2), "the next call tries again");
}

#[test]
fn a_runner_that_does_not_answer_its_health_check_in_time_is_started_again() {
    let mut setup = Setup::new();
    setup.runner.check_faults.next((0..100).map(|_| Fault::NotDone));
    let up = setup.up();
    setup.bench.pass_ms(60_000);
    assert_eq!((up.result(), setup.runner.starts.get()), (Ok(2), 2));
}

#[test]
fn a_runner_of_another_protocol_is_not_started_again() {
    let mut setup = Setup::new();
    setup.runner.speaks.set(Some(VERSION + 1));
    assert_eq!(code(setup.up().result()), Some(PoolFailureCode::Mismatch));
    assert_eq!((setup.runner.starts.get(), setup.secret()), (1, None));
}

#[test]
fn a_container_that_outlived_its_object_is_adopted() {
    let mut setup = Setup::new();
    setup.complete(0);
    setup.reset();
    setup.complete(1);
    assert_eq!(setup.runner.starts.get(), 1);
}

#[test]
fn a_container_whose_secret_is_lost_is_replaced() {
    let mut setup = Setup::new();
    setup.complete(0);
    storage::forget(&*setup.bench.storage, setup.secret().as_deref()).unwrap();
    setup.reset();
    setup.complete(1);
    assert_eq!(setup.runner.starts.get(), 2);
}

#[test]
fn a_container_that_dies_between_the_health_check_and_the_run_has_run_nothing() {
    let mut setup = Setup::new();
    let (release, waits) = oneshot::channel();
    setup.runner.run_faults.next([Fault::WaitsFor(waits)]);
    let run = setup.start(0, &ClientSignal::default());
    setup.runner.die();
    release.send(()).unwrap();
    setup.bench.settle();
    assert_eq!(code(run.result()), Some(PoolFailureCode::Unavailable));
    assert!(setup.runner.executed.borrow().is_empty());
    setup.complete(1);
    assert_eq!(setup.runner.starts.get(), 2);
}

#[test]
fn a_job_whose_connection_broke_before_it_arrived_runs() {
    let mut setup = Setup::new();
    setup.runner.run_faults.next([Fault::NotDone]);
    assert!(matches!(setup.run(0), Ok((SentJob::Running(_), _))));
    assert_eq!(*setup.runner.executed.borrow(), [job(0)]);
}

#[test]
fn a_job_whose_connection_broke_after_it_arrived_is_unknown_and_runs_once() {
    let mut setup = Setup::new();
    setup.runner.run_faults.next([Fault::DoneButFailed]);
    assert!(matches!(setup.run(0), Ok((SentJob::Unknown(_), _))), "the runner calls it a duplicate");
    assert_eq!(*setup.runner.executed.borrow(), [job(0)]);
    assert_eq!((setup.secret(), setup.bench.logged()), (None, vec!["A container is replaced.".to_owned()]));
    setup.complete(1);
    assert_eq!(setup.runner.starts.get(), 2);
}

#[test]
fn a_job_whose_connections_break_twice_is_unknown() {
    let mut setup = Setup::new();
    setup.runner.run_faults.next([Fault::NotDone, Fault::NotDone]);
    assert!(matches!(setup.run(0), Ok((SentJob::Unknown(_), _))));
}

#[test]
fn a_job_is_sent_once_to_a_runner_whose_process_is_not_known() {
    let mut bench = ObjectBench::new();
    let fake = FakeRunner::with_slots(1);
    let way = Rc::new(FakeWay(Rc::clone(&fake)));
    way.start(&[("", "secret")]).unwrap();
    fake.run_faults.next([Fault::DoneButFailed]);
    let runner = Runner::new(way, Rc::clone(&bench.runtime.clock), "secret".to_owned());
    let since = bench.runtime.clock.now();
    let sent = bench.run(async move { runner.run(&job(0), since, &ClientSignal::default()).await });
    assert!(matches!(sent, Err(RunnerError::Lost(_))));
    assert_eq!(*fake.executed.borrow(), [job(0)]);
}

#[test]
fn a_runner_that_neither_accepts_nor_refuses_a_job_is_replaced() {
    let mut setup = Setup::new();
    let (_first, waits) = oneshot::channel();
    let (_second, still_waits) = oneshot::channel();
    setup.runner.run_faults.next([Fault::WaitsFor(waits), Fault::WaitsFor(still_waits)]);
    let run = setup.start(0, &ClientSignal::default());
    setup.bench.pass_ms(60_000);
    assert!(matches!(run.result(), Ok((SentJob::Unknown(_), _))));
    assert_eq!(setup.secret(), None);
}

#[test]
fn a_refusal_replaces_the_container_only_when_the_runner_cannot_go_on() {
    for (refusal, failure, starts) in [
        (RefusalCode::Busy, PoolFailureCode::Busy, 1),
        (RefusalCode::InvalidJob, PoolFailureCode::Rejected, 1),
        (RefusalCode::Duplicate, PoolFailureCode::Lost, 1),
        (RefusalCode::Internal, PoolFailureCode::Unavailable, 1),
        (RefusalCode::Stopping, PoolFailureCode::Unavailable, 2),
        (RefusalCode::Unauthorized, PoolFailureCode::Unavailable, 2),
        (RefusalCode::OtherInstance, PoolFailureCode::Unavailable, 2),
        (RefusalCode::ProtocolMismatch, PoolFailureCode::Mismatch, 2),
    ] {
        let mut setup = Setup::new();
        setup.complete(0);
        setup.runner.refuses.set(Some(refusal));
        assert_eq!(code(setup.run(1)), Some(failure), "{refusal:?}");
        setup.complete(2);
        assert_eq!(setup.runner.starts.get(), starts, "{refusal:?}");
    }
}

#[test]
fn a_client_that_leaves_during_its_run_ends_the_run_and_the_runner_is_checked_before_the_next() {
    let mut setup = Setup::new();
    let client = ClientSignal::default();
    let (_, lease) = setup.start(0, &client).result().unwrap();
    client.leave();
    drop(lease);
    assert_eq!((&*setup.runner.aborted.borrow(), setup.runner.checks.get()), (&vec![job(0)], 1));
    setup.complete(1);
    assert_eq!((setup.runner.checks.get(), setup.runner.starts.get()), (2, 1));
    setup.complete(2);
    assert_eq!(setup.runner.checks.get(), 2, "the last run came to its end");
}

#[test]
fn a_runner_that_is_stuck_after_a_run_is_replaced() {
    let mut setup = Setup::new();
    drop(setup.run(0).unwrap());
    let (_release, waits) = oneshot::channel();
    setup.runner.check_faults.next([Fault::WaitsFor(waits)]);
    let run = setup.start(1, &ClientSignal::default());
    setup.bench.pass_ms(1_000);
    assert!(run.result().is_ok());
    assert_eq!(setup.runner.starts.get(), 2);
}

#[test]
fn a_job_is_cancelled_when_no_container_can_have_it() {
    let mut setup = Setup::new();
    assert!(setup.cancel(0).result(), "no container was started");
    setup.complete(1);
    setup.destroy();
    assert!(setup.cancel(0).result(), "this object ended the container");
}

#[test]
fn a_cancelled_job_that_arrives_later_does_not_run_and_a_job_that_arrived_is_not_cancelled() {
    let mut setup = Setup::new();
    setup.complete(0);
    assert!(setup.cancel(1).result());
    assert_eq!(code(setup.run(1)), Some(PoolFailureCode::Lost));
    assert!(!setup.cancel(0).result());
    assert_eq!(*setup.runner.executed.borrow(), [job(0)]);
}

#[test]
fn nothing_is_cancelled_in_a_container_that_died() {
    let mut setup = Setup::new();
    setup.complete(0);
    setup.runner.die();
    assert!(!setup.cancel(1).result());
    setup.complete(2);
    assert!(setup.cancel(1).result(), "the next run started another container, which never had the job");
}

#[test]
fn nothing_is_cancelled_when_the_container_was_replaced_meanwhile() {
    let mut setup = Setup::new();
    drop(setup.run(0).unwrap());
    let (release, waits) = oneshot::channel();
    setup.runner.check_faults.next([Fault::WaitsFor(waits)]);
    let cancelled = setup.cancel(1);
    let secret = setup.secret();
    setup.bench.pass_ms(1_000);
    assert!(!cancelled.result(), "the runner was stuck, and may have had the job");
    assert_ne!(setup.secret(), secret);
    drop(release);
}

#[test]
fn nothing_is_cancelled_when_the_runner_does_not_answer() {
    for fault in [Fault::NotDone, Fault::DoneButFailed] {
        let mut setup = Setup::new();
        setup.complete(0);
        setup.runner.cancel_faults.next([fault]);
        assert!(!setup.cancel(1).result());
    }
    let mut setup = Setup::new();
    setup.complete(0);
    let (_release, waits) = oneshot::channel();
    setup.runner.cancel_faults.next([Fault::WaitsFor(waits)]);
    let cancelled = setup.cancel(1);
    setup.bench.pass_ms(2_000);
    assert!(!cancelled.result());
}

#[test]
fn a_container_sleeps_when_it_was_idle_for_long_enough() {
    let mut setup = Setup::new();
    assert_eq!(setup.rest().result(), None, "nothing runs");
    setup.complete(0);
    assert_eq!(setup.bench.storage.alarm_at(), Some(SLEEP_AFTER_MS));
    setup.bench.pass_ms(SLEEP_AFTER_MS - 1);
    assert_eq!(setup.rest().result(), Some(SLEEP_AFTER_MS));
    setup.bench.pass_ms(1);
    assert_eq!((setup.rest().result(), setup.secret()), (None, None));
}

#[test]
fn two_alarms_during_a_run_leave_it_alone_and_the_next_one_ends_the_container() {
    let mut setup = Setup::new();
    let (_, lease) = setup.run(0).unwrap();
    for alarm in 1..=2 {
        // Of a run that takes longer than any can, the count is wrong.
        let step = LONGEST_RUN_MS / 4;
        setup.bench.pass_ms(step);
        assert_eq!(setup.rest().result(), Some(SLEEP_AFTER_MS), "alarm {alarm}");
    }
    assert!(setup.runner.runs(job(0)));
    lease.finished();
    setup.bench.pass_ms(SLEEP_AFTER_MS);
    assert_eq!(setup.rest().result(), None);
}

#[test]
fn a_container_that_cannot_be_ended_keeps_its_secret_and_is_ended_the_next_time() {
    let mut setup = Setup::new();
    setup.complete(0);
    setup.bench.pass_ms(SLEEP_AFTER_MS);
    setup.runner.destroy_faults.next([Fault::NotDone]);
    assert_eq!(setup.rest().result(), Some(2 * SLEEP_AFTER_MS));
    assert!(setup.secret().is_some());
    setup.bench.pass_ms(SLEEP_AFTER_MS);
    assert_eq!((setup.rest().result(), setup.secret()), (None, None));
    assert_eq!(setup.bench.logged(), ["A container could not be ended."]);
}

#[test]
fn a_container_that_is_starting_is_not_put_to_sleep() {
    let mut setup = Setup::new();
    setup.complete(0);
    setup.reset();
    let (release, waits) = oneshot::channel();
    setup.runner.check_faults.next([Fault::WaitsFor(waits)]);
    let up = setup.up();
    setup.bench.pass_ms(10);
    assert_eq!(setup.rest().result(), Some(10 + SLEEP_AFTER_MS));
    release.send(()).unwrap();
    setup.bench.settle();
    assert_eq!((up.result(), setup.runner.starts.get()), (Ok(2), 1));
}

#[test]
fn a_run_that_comes_while_the_container_ends_gets_another_container() {
    let mut setup = Setup::new();
    setup.complete(0);
    setup.bench.pass_ms(SLEEP_AFTER_MS);
    let (release, waits) = oneshot::channel();
    setup.runner.destroy_faults.next([Fault::WaitsFor(waits)]);
    let rest = setup.rest();
    // The health check of the run reaches the container that is about to end.
    setup.runner.check_faults.next([Fault::NotDone]);
    let run = setup.start(1, &ClientSignal::default());
    release.send(()).unwrap();
    setup.bench.pass_ms(1_000);
    assert!(run.result().is_ok());
    assert_eq!(setup.runner.starts.get(), 2);
    assert!(rest.result().is_some_and(|at| at >= 2 * SLEEP_AFTER_MS), "the alarm comes back for the new container");
    assert!(setup.secret().is_some());
}
