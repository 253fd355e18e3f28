//! Fakes of the ports that a native test cannot have for real.

use crate::domain::account::mail::Mail;
use crate::domain::timestamp::Timestamp;
use crate::ports::isolates::Isolates;
use crate::ports::{Background, Clock, Entropy, Kv, Level, Log, Mailer, PortError};
use async_trait::async_trait;
use docle_protocol::isolate::{Diagnostic, Diagnostics, IsolateJob, IsolateLanguages, Script as Source};
use futures::FutureExt;
use futures::executor::{LocalPool, LocalSpawner};
use futures::future::{self, LocalBoxFuture};
use futures::task::LocalSpawnExt;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// [`Kv`] in memory, which can be told to fail.
#[derive(Default)]
pub struct FakeKv {
    pub values: RefCell<HashMap<String, (Vec<u8>, u64)>>,
    pub fails: Cell<bool>,
}

#[async_trait(?Send)]
impl Kv for FakeKv {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        if self.fails.get() {
            return Err(PortError("KV is away.".into()));
        }
        Ok(self.values.borrow().get(key).map(|(value, _)| value.clone()))
    }

    async fn put(&self, key: &str, value: &[u8], ttl_seconds: u64) -> Result<(), PortError> {
        if self.fails.get() {
            return Err(PortError("KV is away.".into()));
        }
        self.values.borrow_mut().insert(key.to_owned(), (value.to_vec(), ttl_seconds));
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), PortError> {
        self.values.borrow_mut().remove(key);
        Ok(())
    }
}

/// [`Mailer`] that keeps its mails, and can be told to fail.
#[derive(Default)]
pub struct FakeMailer {
    pub sent: RefCell<Vec<Mail>>,
    pub fails: Cell<bool>,
}

#[async_trait(?Send)]
impl Mailer for FakeMailer {
    async fn send(&self, mail: Mail) -> Result<(), PortError> {
        if self.fails.get() {
            return Err(PortError("Mail is away.".into()));
        }
        self.sent.borrow_mut().push(mail);
        Ok(())
    }
}

/// [`Clock`] that stands still until a caller sleeps: the time then jumps to the end of the sleep, unless something
/// else is ready first.
#[derive(Default)]
pub struct FakeClock {
    now: Rc<Cell<i64>>,
}

impl FakeClock {
    /// Lets time pass.
    pub fn pass_ms(&self, milliseconds: i64) {
        self.now.set(self.now.get() + milliseconds);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.get())
    }

    fn sleep(&self, milliseconds: u32) -> LocalBoxFuture<'static, ()> {
        let (now, mut patience) = (Rc::clone(&self.now), milliseconds);
        let end = now.get() + i64::from(milliseconds);
        // Longer sleeps let more turns pass, so that of two sleeps the shorter one ends first.
        future::poll_fn(move |context| {
            if patience == 0 {
                now.set(now.get().max(end));
                return std::task::Poll::Ready(());
            }
            patience -= 1;
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .boxed_local()
    }
}

/// [`Entropy`] that counts, so that ids differ and tests are the same each time.
#[derive(Default)]
pub struct FakeEntropy(Cell<u16>);

impl Entropy for FakeEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.set(self.0.get() + 1);
        let [high, low] = self.0.get().to_be_bytes();
        bytes.fill(low);
        // The bytes of a small number are all the same, and those of a large one are not.
        if let ([first, second, ..], 1..) = (bytes, high) {
            (*first, *second) = (high, !low);
        }
    }
}

/// [`Background`] on the test's own pool.
pub struct PoolBackground(pub LocalSpawner);

impl PoolBackground {
    /// The port and the pool that does its work.
    pub fn new() -> (Self, LocalPool) {
        let pool = LocalPool::new();
        (Self(pool.spawner()), pool)
    }
}

impl Background for PoolBackground {
    fn spawn(&self, work: LocalBoxFuture<'static, ()>) {
        self.0.spawn_local(work).unwrap();
    }
}

/// [`Log`] that keeps its lines.
#[derive(Default)]
pub struct FakeLog(pub RefCell<Vec<(Level, Value)>>);

impl Log for FakeLog {
    fn write(&self, level: Level, line: Value) {
        self.0.borrow_mut().push((level, line));
    }
}

/// [`Isolates`] that answer as they are told, and keep what they were asked.
#[derive(Default)]
pub struct FakeIsolates {
    /// The report of every execution; without one, executions never end.
    pub report: RefCell<Option<Result<Value, PortError>>>,
    pub jobs: RefCell<Vec<IsolateJob>>,
}

#[async_trait(?Send)]
impl Isolates for FakeIsolates {
    async fn execute(&self, job: &IsolateJob) -> Result<Box<RawValue>, PortError> {
        self.jobs.borrow_mut().push(job.clone());
        let report = self.report.borrow().clone();
        match report {
            Some(report) => Ok(to_raw_value(&report?).unwrap()),
            None => future::pending().await,
        }
    }

    async fn validate(&self, script: &Source) -> Result<Diagnostics, PortError> {
        let finding = |line| Diagnostic {
            rule: "eval".into(),
            message: "No.".into(),
            line,
            column: 1,
            end_line: line,
            end_column: 5,
        };
        Ok(Diagnostics { errors: if script.code.contains("eval") { vec![finding(1)] } else { vec![] } })
    }

    async fn languages(&self) -> Result<IsolateLanguages, PortError> {
        Ok(IsolateLanguages { languages: BTreeMap::from([("typescript".into(), BTreeMap::new())]) })
    }
}
