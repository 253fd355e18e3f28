//! The processes in the background of one sandbox: started, listed, fed and ended.

use super::files::file_error;
use super::living::Sandbox;
use super::log::Log;
use super::process::{InputFailure, Process};
use super::start::{Launch, NotStarted, input};
use docle_protocol::sandbox::FileError;
use docle_protocol::sandbox::process::{
    KEPT_ENDED_PROCESSES, MAX_RUNNING_PROCESSES, ProcessError, ProcessErrorCode, ProcessJob, ProcessRequest,
    ProcessResponse,
};
use std::io;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::unix::pipe;

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
struct Starting(Arc<Sandbox>, String);

impl Drop for Starting {
    fn drop(&mut self) {
        self.0.processes.lock().starting.retain(|id| *id != self.1);
    }
}

impl Processes {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Arc<Process>> {
        self.lock().all.clone()
    }

    fn forget(&self, process: &Arc<Process>) {
        self.lock().all.retain(|known| !Arc::ptr_eq(known, process));
    }

    /// Forgets the oldest that have ended, if there are too many.
    fn forget_oldest(&self) {
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
}

impl Sandbox {
    /// The process with this id; or with this process id, first of those that run, then the latest.
    pub fn process(&self, name: &str) -> Result<Arc<Process>, Refusal> {
        let known = self.processes.lock();
        let pid = name.parse::<u32>().ok();
        let same = |process: &&Arc<Process>| process.id() == name || Some(process.pid) == pid;
        let running = known.all.iter().rev().find(|process| same(process) && process.ended_ms().is_none());
        let found = running.or_else(|| known.all.iter().rev().find(same)).cloned();
        found.ok_or_else(|| Refusal::of(ProcessErrorCode::UnknownProcess, "There is no such process in this sandbox."))
    }

    /// Carries out one request about processes.
    pub async fn process_request(self: &Arc<Self>, request: ProcessRequest) -> Result<ProcessResponse, Refusal> {
        let process = match request {
            ProcessRequest::Start { job } => {
                // In a task of its own: if whoever asked goes while it starts, it is listed nevertheless.
                let sandbox = Arc::clone(self);
                let started = tokio::spawn(async move { sandbox.start_process(job).await });
                started.await.unwrap_or_else(|error| Err(Refusal::Broken(io::Error::other(error))))?
            }
            ProcessRequest::List => return Ok(self.listed()),
            ProcessRequest::Get { process } => self.process(&process)?,
            ProcessRequest::Stdin { process, data, close } => {
                let process = self.process(&process)?;
                process.write(&data.0, close).await.map_err(|failure| match failure {
                    InputFailure::Closed => {
                        Refusal::of(ProcessErrorCode::StdinClosed, "The standard input of the process is closed.")
                    }
                    InputFailure::Ended => ended(),
                    InputFailure::Unread => Refusal::of(
                        ProcessErrorCode::StdinClosed,
                        "The process has not read its standard input for 20 seconds, and not all was written.",
                    ),
                })?;
                process
            }
            ProcessRequest::Signal { process, signal } => {
                let process = self.process(&process)?;
                if process.ended_ms().is_some() {
                    return Err(ended());
                }
                process.signal(self, signal).await?;
                process
            }
            ProcessRequest::Kill { process, forget } => {
                let process = self.process(&process)?;
                process.kill(self).await;
                if forget {
                    self.processes.forget(&process);
                }
                process
            }
            ProcessRequest::KillAll => {
                let all = self.processes.all();
                futures_util::future::join_all(all.iter().map(|process| process.kill(self))).await;
                return Ok(self.listed());
            }
        };
        Ok(ProcessResponse::Process { process: process.state() })
    }

    fn listed(&self) -> ProcessResponse {
        ProcessResponse::Processes { processes: self.processes.all().iter().map(|process| process.state()).collect() }
    }

    async fn start_process(self: Arc<Self>, job: ProcessJob) -> Result<Arc<Process>, Refusal> {
        let _starting = self.reserve(&job.id)?;
        self.changed();
        let memory_failures = self.memory_failures();
        let (theirs, ours) = input()?;
        let launch = Launch { command: &job.command, cwd: &job.cwd, env: &job.env };
        let started = {
            // While all files are read, nothing begins.
            let _changes = self.archive.read().await;
            self.start(launch, theirs).await
        };
        let started = started.map_err(|failure| match failure {
            NotStarted::Directory(errno) => Refusal::File(file_error(errno, job.cwd.as_bytes())),
            NotStarted::Duplicate => duplicate(),
            NotStarted::Failed(error) => Refusal::Broken(error),
        })?;
        let stdin = if job.stdin { Some(pipe::Sender::from_owned_fd(ours)?) } else { None };
        let log = Log::new(Arc::clone(&self.processes.log_bytes));
        let (process, started) = Process::new(job, log, stdin, started);
        self.processes.lock().all.push(Arc::clone(&process));
        let (sandbox, attended) = (Arc::clone(&self), Arc::clone(&process));
        tokio::spawn(async move {
            attended.attend(Arc::clone(&sandbox), started, memory_failures).await;
            sandbox.processes.forget_oldest();
        });
        Ok(process)
    }

    /// Takes an id and a place among those that run.
    fn reserve(self: &Arc<Self>, id: &str) -> Result<Starting, Refusal> {
        let mut known = self.processes.lock();
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

fn duplicate() -> Refusal {
    Refusal::of(ProcessErrorCode::DuplicateProcess, "A process with this id is there.")
}

fn ended() -> Refusal {
    Refusal::of(ProcessErrorCode::ProcessEnded, "The process has ended.")
}
