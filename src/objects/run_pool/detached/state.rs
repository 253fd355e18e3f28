//! What an object has in memory of its detached runs.

use crate::domain::run::draft::RunDraft;
use crate::domain::run::id::RunId;
use crate::objects::run_pool::detached::fifo_lock::FifoLock;
use crate::objects::run_pool::detached::storage;
use crate::objects::run_pool::notices::{self, RunNotices};
use crate::objects::runtime::ObjectRuntime;
use crate::ports::PortError;
use futures::future::LocalBoxFuture;
use std::cell::Cell;
use std::rc::Rc;

/// What an object knows of its detached runs beside what is stored. Clones are of the same object.
#[derive(Clone, Default)]
pub struct DetachedRuns {
    /// Jobs are sent one at a time, in the order of their calls.
    pub send_lock: FifoLock,
    /// Whether the runs that were stored before a reset were taken up.
    pub has_taken_up: Rc<Cell<bool>>,
    /// Whether the project was deleted.
    pub is_stopped: Rc<Cell<bool>>,
}

/// The stored job of a run. It is deleted when the run has ended.
pub struct Detached {
    pub runtime: ObjectRuntime,
    pub runs: DetachedRuns,
    pub notices: Rc<RunNotices>,
    /// Tells the runner that the end of the run is stored; `None` if no runner has it.
    pub forget: Option<LocalBoxFuture<'static, ()>>,
}

impl Detached {
    /// The run has ended, and its record can be read. Its job is deleted, and its end is reported if its draft says so.
    pub fn ended(self, draft: &RunDraft) {
        let Self { runtime, runs, notices, forget } = self;
        // Nothing of a deleted project is reported.
        let notice = draft.notice(runtime.clock.now()).filter(|_| !runs.is_stopped.get());
        let storage = &*runtime.storage;
        let changed = storage.atomically(&mut || {
            notice.iter().try_for_each(|notice| notices::add(storage, notice))?;
            storage::delete(storage, draft.id)
        });
        if let Some(forget) = forget.filter(|_| changed.is_ok()) {
            runtime.background.spawn(forget);
        }
        match changed {
            // Until the webhooks have the notice, it is stored.
            Ok(()) if notice.is_some() => runtime.background.spawn(Box::pin(async move { notices.send_now().await })),
            Ok(()) => {}
            Err(error) => log_failure(&runtime, &error),
        }
    }
}

/// Deletes the job of a run.
pub fn delete(runtime: &ObjectRuntime, id: RunId) {
    let storage = &*runtime.storage;
    if let Err(error) = storage.atomically(&mut || storage::delete(storage, id)) {
        log_failure(runtime, &error);
    }
}

fn log_failure(runtime: &ObjectRuntime, error: &PortError) {
    runtime.log_failure("The job of a detached run could not be deleted.", &error.0);
}
