//! The contexts of a sandbox, by id.

use super::attend::attend;
use super::context::{Cell, Context, NotReady};
use crate::sandbox::exec::{Entry, Running};
use crate::sandbox::living::Sandbox;
use docle_languages::ContextLanguage;
use docle_protocol::context::{CellJob, ContextSpec, ContextState, MAX_CONTEXTS};
use std::sync::{Arc, MutexGuard, PoisonError};
use tokio::sync::mpsc::channel;

/// Lines that wait for a slow reader before the cell waits, too.
const LINES: usize = 16;

/// A context, and whether it is new.
#[derive(Debug)]
pub struct Opened {
    pub state: ContextState,
    pub is_new: bool,
}

/// Why a context does not do what it is asked for.
#[derive(Debug)]
pub enum NoContext {
    Unknown,
    /// There are as many contexts as there may be.
    TooMany,
    /// As many cells wait as may.
    Busy,
    NotReady(NotReady),
    /// A command or a cell with this id runs.
    Duplicate,
}

impl Sandbox {
    /// The contexts, the oldest first.
    pub fn contexts(&self) -> Vec<ContextState> {
        self.lock_contexts().iter().map(|context| context.state()).collect()
    }

    /// Makes a context unless it is there, and starts its interpreter.
    pub async fn open_context(self: &Arc<Self>, id: &str, spec: ContextSpec) -> Result<Opened, NoContext> {
        let (context, is_new) = {
            let mut contexts = self.lock_contexts();
            match contexts.iter().find(|context| context.id == id) {
                Some(found) => (Arc::clone(found), false),
                None if contexts.len() >= MAX_CONTEXTS => return Err(NoContext::TooMany),
                None => {
                    let (context, work) = Context::new(id.to_owned(), spec, self.end.child_token());
                    let context = Arc::new(context);
                    contexts.push(Arc::clone(&context));
                    tokio::spawn(attend(Arc::clone(self), Arc::clone(&context), work));
                    (context, true)
                }
            }
        };
        if is_new && let Err(failure) = context.start(false).await {
            self.close_context(id).await;
            return Err(NoContext::NotReady(failure));
        }
        Ok(Opened { state: context.state(), is_new })
    }

    /// Ends a context with everything that it has started. False if there is none.
    pub async fn close_context(&self, id: &str) -> bool {
        let found = {
            let mut contexts = self.lock_contexts();
            let place = contexts.iter().position(|context| context.id == id);
            place.map(|place| contexts.remove(place))
        };
        let Some(context) = found else { return false };
        context.end.cancel();
        context.ended.cancelled().await;
        true
    }

    /// Starts the interpreter of a context anew.
    pub async fn restart_context(&self, id: &str) -> Result<ContextState, NoContext> {
        let context = self.context(id)?;
        context.start(true).await.map_err(NoContext::NotReady)?;
        Ok(context.state())
    }

    /// Interrupts the cell that runs.
    pub fn interrupt_context(&self, id: &str) -> Result<(), NoContext> {
        self.context(id)?.interrupt();
        Ok(())
    }

    /// Lets a cell wait for its turn. Its events end with a report, also if its context is deleted before.
    pub fn run_cell(self: &Arc<Self>, context: &str, job: CellJob) -> Result<Running, NoContext> {
        let context = self.context(context)?;
        let cancel = self.end.child_token();
        let entry = Entry::new(self, &job.id, &cancel).ok_or(NoContext::Duplicate)?;
        let (lines, received) = channel(LINES);
        let is_typescript = context.spec.language == ContextLanguage::TypeScript;
        context
            .run(Cell { job, lines, cancel: cancel.clone(), is_typescript, id_taken: Box::new(entry) })
            .map_err(|_| NoContext::Busy)?;
        Ok(Running { lines: received, _guard: cancel.drop_guard() })
    }

    fn context(&self, id: &str) -> Result<Arc<Context>, NoContext> {
        let contexts = self.lock_contexts();
        contexts.iter().find(|context| context.id == id).cloned().ok_or(NoContext::Unknown)
    }

    fn lock_contexts(&self) -> MutexGuard<'_, Vec<Arc<Context>>> {
        self.contexts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
