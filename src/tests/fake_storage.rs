//! A Durable Object's storage natively: SQLite in memory, an alarm, and failures when a test asks for them.

use crate::domain::timestamp::Timestamp;
use crate::ports::{LocalSql, ObjectStorage, PortError, SqlValue};
use crate::tests::fault::{Fault, Faults};
use crate::tests::sqlite::Sqlite;
use async_trait::async_trait;
use std::cell::{Cell, RefCell};

/// [`ObjectStorage`] in memory.
pub struct FakeStorage {
    sql: RefCell<Sqlite>,
    alarm: Cell<Option<Timestamp>>,
    /// The size that the database reports.
    pub size: Cell<u64>,
    /// What happens at the next calls that set the alarm or delete everything.
    pub faults: Faults,
    /// What happens at the next statements, queries included.
    pub sql_faults: Faults,
}

impl Default for FakeStorage {
    fn default() -> Self {
        Self {
            sql: RefCell::new(Sqlite::empty()),
            alarm: Cell::default(),
            size: Cell::default(),
            faults: Faults::default(),
            sql_faults: Faults::default(),
        }
    }
}

impl FakeStorage {
    /// The alarm that is set.
    pub fn alarm_at(&self) -> Option<i64> {
        self.alarm.get().map(|at| at.0)
    }

    /// Takes the alarm away, as the runtime does before it calls the object.
    pub fn fire(&self) {
        self.alarm.set(None);
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.exec("SELECT 1 FROM sqlite_master", &[]).unwrap().is_empty()
    }
}

impl LocalSql for FakeStorage {
    fn exec(&self, query: &str, args: &[SqlValue]) -> Result<Vec<Vec<SqlValue>>, PortError> {
        self.sql_faults.around_at_once(|| self.sql.borrow().exec(query, args))?
    }
}

#[async_trait(?Send)]
impl ObjectStorage for FakeStorage {
    fn size(&self) -> u64 {
        self.size.get()
    }

    fn atomically(&self, writes: &mut dyn FnMut() -> Result<(), PortError>) -> Result<(), PortError> {
        self.sql.borrow().run("BEGIN");
        let done = writes();
        self.sql.borrow().run(if done.is_ok() { "COMMIT" } else { "ROLLBACK" });
        done
    }

    async fn alarm(&self) -> Result<Option<Timestamp>, PortError> {
        Ok(self.alarm.get())
    }

    async fn set_alarm(&self, at: Timestamp) -> Result<(), PortError> {
        self.faults.around(async || self.alarm.set(Some(at))).await
    }

    async fn delete_all(&self) -> Result<(), PortError> {
        self.faults
            .around(async || {
                self.alarm.set(None);
                self.sql.replace(Sqlite::empty());
            })
            .await
    }
}

#[test]
fn storage_fails_as_it_is_told() {
    let storage = FakeStorage::default();
    storage.faults.next([Fault::NotDone, Fault::DoneButFailed]);
    let set = |at| futures::executor::block_on(storage.set_alarm(Timestamp(at)));
    assert!(set(1).is_err() && storage.alarm_at().is_none());
    assert!(set(2).is_err() && storage.alarm_at() == Some(2));
    assert!(set(3).is_ok() && storage.alarm_at() == Some(3));
}
