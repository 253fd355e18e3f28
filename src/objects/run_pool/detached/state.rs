//! What an object has in memory of its detached runs.

use crate::domain::run::id::RunId;
use crate::objects::run_pool::detached::storage;
use crate::objects::run_pool::detached::turns::Turns;
use crate::objects::runtime::ObjectRuntime;
use std::cell::Cell;
use std::rc::Rc;

/// What an object knows of its detached runs beside what is stored. Clones are of the same object.
#[derive(Clone, Default)]
pub struct DetachedRuns {
    /// The order in which jobs are sent.
    pub turns: Turns,
    /// Whether the runs that were stored before a reset were taken up.
    pub has_taken_up: Rc<Cell<bool>>,
    /// Whether the project was deleted.
    pub is_stopped: Rc<Cell<bool>>,
}

/// The stored job of a run. It is deleted when the run has ended.
pub struct Detached {
    pub runtime: ObjectRuntime,
    pub id: RunId,
}

impl Detached {
    /// The run has ended, and its record can be read.
    pub fn ended(self) {
        delete(&self.runtime, self.id);
    }
}

/// Deletes the job of a run.
pub fn delete(runtime: &ObjectRuntime, id: RunId) {
    let storage = &*runtime.storage;
    if let Err(error) = storage.atomically(&mut || storage::delete(storage, id)) {
        runtime.log_failure("The job of a detached run could not be deleted.", &error.0);
    }
}
