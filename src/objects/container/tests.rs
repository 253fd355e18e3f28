//! A container that fails in every way that it can, and clients that leave at every moment.

use crate::domain::pool::lifecycle::{LONGEST_RUN_MS, START_ATTEMPTS};
use crate::objects::container::instance::ContainerInstance;
use crate::objects::container::lease::ContainerLease;
use crate::objects::container::runner::{Runner, RunnerError};
use crate::objects::container::storage;
use crate::ports::{ClientSignal, Container, Lease, PoolFailure, PoolFailureCode, SentJob};
use crate::tests::fake_runner::{FakeResponse, FakeRunner, FakeWay};
use crate::tests::fault::Fault;
use crate::tests::object_fixture::{ObjectBench, Task, job};
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
        self.bench.start(async move { instance.cancel(job(number)).await })
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
    ContainerInstance::new(Rc::new(way.clone()), Rc::new(way), bench.runtime.clone(), SLEEP_AFTER_MS, None)
}

fn code<T>(result: Result<T, PoolFailure>) -> Option<PoolFailureCode> {
    result.err().map(|failure| failure.code)
}

mod cancel;
mod permit;
mod run;
mod sleep;
mod start;
