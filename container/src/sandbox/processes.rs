//! The processes in the background of one sandbox: those that run, and those that ended last.

use super::log::Log;
use super::process::Process;
use docle_protocol::sandbox::FileError;
use docle_protocol::sandbox::process::{KEPT_ENDED_PROCESSES, MAX_RUNNING_PROCESSES, ProcessError, ProcessErrorCode};
use std::io;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// See the module.
#[derive(Debug, Default)]
pub struct Processes {
    known: Mutex<Known>,
    /// What all logs together hold.
    log_bytes: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Known {
    /// In the order of their starts.
    all: Vec<Arc<Process>>,
    /// Ids of those that are being started.
    starting: Vec<String>,
}

/// Why a request is not carried out.
#[derive(Debug)]
pub enum Refusal {
    Process(ProcessError),
    /// The working directory cannot be entered.
    File(FileError),
    Broken(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl Refusal {
    pub(super) fn of(code: ProcessErrorCode, message: impl Into<String>) -> Self {
        Self::Process(ProcessError { code, message: message.into() })
    }
}

/// The id of a process that is being started is taken while this lives.
pub struct Starting(Arc<Processes>, String);

impl Drop for Starting {
    fn drop(&mut self) {
        self.0.lock().starting.retain(|id| *id != self.1);
    }
}

impl Processes {
    /// A log that counts what it holds with the others.
    pub fn log(&self) -> Log {
        Log::new(Arc::clone(&self.log_bytes))
    }

    /// Adds one that was started.
    pub fn add(&self, process: Arc<Process>) {
        self.lock().all.push(process);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them, in the order of their starts.
    pub fn all(&self) -> Vec<Arc<Process>> {
        self.lock().all.clone()
    }

    /// Takes one from the list.
    pub fn forget(&self, process: &Arc<Process>) {
        self.lock().all.retain(|known| !Arc::ptr_eq(known, process));
    }

    /// Forgets the oldest that have ended, if there are too many.
    pub fn forget_oldest(&self) {
        let mut known = self.lock();
        let mut ended: Vec<u64> = known.all.iter().filter_map(|process| process.ended_ms()).collect();
        let Some(too_many) = ended.len().checked_sub(KEPT_ENDED_PROCESSES).filter(|count| *count > 0) else { return };
        ended.sort_unstable();
        let (mut left, limit) = (too_many, ended[too_many - 1]);
        known.all.retain(|process| {
            let is_old = left > 0 && process.ended_ms().is_some_and(|at| at <= limit);
            left -= usize::from(is_old);
            !is_old
        });
    }

    /// The process with this id; or with this process id, first of those that run, then the latest.
    pub fn find(&self, name: &str) -> Result<Arc<Process>, Refusal> {
        let known = self.lock();
        let pid = name.parse::<u32>().ok();
        let same = |process: &&Arc<Process>| process.id() == name || Some(process.pid) == pid;
        let running = known.all.iter().rev().find(|process| same(process) && process.ended_ms().is_none());
        let found = running.or_else(|| known.all.iter().rev().find(same)).cloned();
        found.ok_or_else(|| Refusal::of(ProcessErrorCode::UnknownProcess, "There is no such process in this sandbox."))
    }

    /// Takes an id and a place among those that run.
    pub fn reserve(self: &Arc<Self>, id: &str) -> Result<Starting, Refusal> {
        let mut known = self.lock();
        if known.starting.iter().any(|starting| starting == id) || known.all.iter().any(|process| process.id() == id) {
            return Err(duplicate());
        }
        let running = known.all.iter().filter(|process| process.ended_ms().is_none()).count();
        if running + known.starting.len() >= MAX_RUNNING_PROCESSES {
            let message = format!("{MAX_RUNNING_PROCESSES} processes run in this sandbox, the most that may.");
            return Err(Refusal::of(ProcessErrorCode::TooManyProcesses, message));
        }
        known.starting.push(id.to_owned());
        Ok(Starting(Arc::clone(self), id.to_owned()))
    }
}

/// A process with this id is there.
pub fn duplicate() -> Refusal {
    Refusal::of(ProcessErrorCode::DuplicateProcess, "A process with this id is there.")
}
