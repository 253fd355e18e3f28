//! Requests about the processes in the background: they are started, listed, fed and ended.

use super::files::file_error;
use super::living::Sandbox;
use super::process::{InputFailure, Process};
use super::processes::{Refusal, duplicate};
use super::start::{Launch, NotStarted, input};
use docle_protocol::sandbox::process::{ProcessErrorCode, ProcessJob, ProcessRequest, ProcessResponse};
use std::io;
use std::sync::Arc;
use tokio::net::unix::pipe;

impl Sandbox {
    /// Carries out one request about processes.
    pub async fn process_request(self: &Arc<Self>, request: ProcessRequest) -> Result<ProcessResponse, Refusal> {
        let process = match request {
            ProcessRequest::Start { job } => {
                // In a task of its own: if the caller goes while it starts, it is listed nevertheless.
                let sandbox = Arc::clone(self);
                let started = tokio::spawn(async move { sandbox.start_process(job).await });
                started.await.unwrap_or_else(|error| Err(Refusal::Broken(io::Error::other(error))))?
            }
            ProcessRequest::List => return Ok(self.listed()),
            ProcessRequest::Get { process } => self.processes.find(&process)?,
            ProcessRequest::Stdin { process, data, close } => {
                let process = self.processes.find(&process)?;
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
                let process = self.processes.find(&process)?;
                if process.ended_ms().is_some() {
                    return Err(ended());
                }
                self.signal(&process, signal).await?;
                process
            }
            ProcessRequest::Kill { process, forget } => {
                let process = self.processes.find(&process)?;
                self.kill(&process).await;
                if forget {
                    self.processes.forget(&process);
                }
                process
            }
            ProcessRequest::KillAll => {
                let all = self.processes.all();
                futures_util::future::join_all(all.iter().map(|process| self.kill(process))).await;
                return Ok(self.listed());
            }
        };
        Ok(ProcessResponse::Process { process: process.state() })
    }

    fn listed(&self) -> ProcessResponse {
        ProcessResponse::Processes { processes: self.processes.all().iter().map(|process| process.state()).collect() }
    }

    async fn start_process(self: Arc<Self>, job: ProcessJob) -> Result<Arc<Process>, Refusal> {
        let _starting = self.processes.reserve(&job.id)?;
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
            NotStarted::TooManySessions => Refusal::Broken(io::Error::other("a process has no session")),
            NotStarted::Failed(error) => Refusal::Broken(error),
        })?;
        let stdin = if job.stdin { Some(pipe::Sender::from_owned_fd(ours)?) } else { None };
        let (mut started, log) = (started, self.processes.log());
        let process = Process::new(job, log, stdin, (started.number, started.pid), started.group.take());
        self.processes.add(Arc::clone(&process));
        let (sandbox, attended) = (Arc::clone(&self), Arc::clone(&process));
        tokio::spawn(async move {
            sandbox.attend_process(&attended, started, memory_failures).await;
            sandbox.processes.forget_oldest();
        });
        Ok(process)
    }
}

fn ended() -> Refusal {
    Refusal::of(ProcessErrorCode::ProcessEnded, "The process has ended.")
}
