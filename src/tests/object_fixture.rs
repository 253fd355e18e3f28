//! One object's logic on a bench: fakes for the runtime, tasks that go on beside the test, and time that the test moves.

use crate::domain::run::id::RunId;
use crate::objects::runtime::ObjectRuntime;
use crate::tests::fake_storage::FakeStorage;
use crate::tests::fakes::{FakeEntropy, FakeLog, PoolBackground};
use crate::tests::step_clock::StepClock;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use std::cell::RefCell;
use std::rc::Rc;

/// The fakes around the logic of one object.
pub struct ObjectBench {
    pub clock: Rc<StepClock>,
    pub storage: Rc<FakeStorage>,
    pub log: Rc<FakeLog>,
    pub runtime: ObjectRuntime,
    pool: LocalPool,
}

/// The result of a task that may still be going on.
pub struct Task<T>(Rc<RefCell<Option<T>>>);

impl<T> Task<T> {
    /// The result; a test that asks too early fails.
    pub fn result(&self) -> T {
        self.0.take().expect("the task has ended")
    }

    pub fn has_ended(&self) -> bool {
        self.0.borrow().is_some()
    }
}

impl ObjectBench {
    pub fn new() -> Self {
        let (background, pool) = PoolBackground::new();
        let (clock, storage, log) = (Rc::new(StepClock::default()), Rc::new(FakeStorage::default()), Rc::default());
        let runtime = ObjectRuntime {
            storage: storage.clone(),
            clock: clock.clone(),
            entropy: Rc::new(FakeEntropy::default()),
            background: Rc::new(background),
            log: Rc::clone(&log) as _,
        };
        Self { clock, storage, log, runtime, pool }
    }

    /// Starts a task, and lets everything go on until nothing moves.
    pub fn start<T: 'static>(&mut self, task: impl Future<Output = T> + 'static) -> Task<T> {
        let result = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&result);
        self.pool.spawner().spawn_local(async move { drop(slot.replace(Some(task.await))) }).unwrap();
        self.settle();
        Task(result)
    }

    /// The result of a task that ends without time passing.
    pub fn run<T: 'static>(&mut self, task: impl Future<Output = T> + 'static) -> T {
        self.start(task).result()
    }

    /// Lets everything go on until nothing moves.
    pub fn settle(&mut self) {
        self.pool.run_until_stalled();
    }

    /// Lets time pass, from the end of each sleep to that of the next.
    pub fn pass_ms(&mut self, milliseconds: i64) {
        let end = self.runtime.clock.now().0 + milliseconds;
        while let Some(next) = self.clock.next_end().filter(|next| *next <= end) {
            self.clock.set(next);
            self.settle();
        }
        self.clock.set(end);
        self.settle();
    }

    /// Lets time pass to the alarm that is set, and takes the alarm away, as the runtime does before it calls the object.
    pub fn reach_alarm(&mut self) {
        let at = self.storage.alarm_at().expect("an alarm is set");
        self.pass_ms((at - self.runtime.clock.now().0).max(0));
        self.storage.fire();
    }

    /// The messages that were logged.
    pub fn logged(&self) -> Vec<String> {
        let lines = self.log.0.borrow();
        lines.iter().map(|(_, line)| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// The id of the job with this number. All jobs are of one project, whose log is named after zeros.
pub fn job(number: u8) -> RunId {
    let mut bytes = [number; 16];
    bytes[..6].fill(0);
    RunId::from_random(bytes)
}
