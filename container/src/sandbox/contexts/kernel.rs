//! The kernel of a context: a command of its sandbox, from its start to its end.

use super::context::NotReady;
use crate::jail::sandbox::Request;
use crate::kernel::channel::{Channel, Event, Socket};
use crate::kernel::message::Order;
use crate::kernel::programs;
use crate::report::milliseconds;
use crate::sandbox::exited::Exited;
use crate::sandbox::living::Sandbox;
use crate::sandbox::start::{Alone, Launch, NotStarted, Started};
use docle_languages::ContextLanguage;
use docle_protocol::context::ContextSpec;
use docle_protocol::sandbox::ExecCommand;
use std::io;
use std::time::Duration;
use tokio::time::timeout;

/// After everything was killed.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub struct Kernel {
    process: Alone,
    channel: Channel,
    language: ContextLanguage,
    /// Of the sandbox, when its last cell began.
    pub memory_failures: u64,
    /// Cells that it has begun.
    pub cells: u32,
    /// What its start took.
    pub start_ms: f64,
}

/// Why a kernel has ended.
#[derive(Debug, Clone, Copy)]
pub struct Ending {
    pub exited: Option<Exited>,
    /// Whether the sandbox has run out of memory since it started.
    pub is_memory: bool,
}

impl Kernel {
    /// Starts one, and waits until it can take a cell.
    pub async fn start(sandbox: &Sandbox, spec: &ContextSpec) -> Result<Self, NotReady> {
        let memory_failures = sandbox.memory_failures();
        let (theirs, socket) = Socket::pair().map_err(NotReady::Failed)?;
        let command = ExecCommand::Argv(programs::command(spec.language, None));
        let launch = Launch { command: &command, cwd: &spec.cwd, env: &spec.env };
        let started = {
            // While all files are read, nothing begins.
            let _changes = sandbox.archive.read().await;
            sandbox.start(launch, theirs.into()).await.map_err(|failure| match failure {
                NotStarted::Directory(errno) => NotReady::Directory(errno),
                NotStarted::Failed(error) => NotReady::Failed(error),
                NotStarted::Duplicate | NotStarted::TooManySessions => {
                    NotReady::Failed(io::ErrorKind::AlreadyExists.into())
                }
            })?
        };
        let Started { stdout, stderr, exited, group, number, pid, began } = started;
        let channel = socket.connect(spec.language, [stdout, stderr]);
        let process = Alone { exited, group, number, pid, began };
        let mut kernel = Self { process, channel, language: spec.language, memory_failures, cells: 0, start_ms: 0.0 };
        match kernel.channel.ready().await {
            Ok(()) => {
                kernel.start_ms = milliseconds(kernel.process.began.elapsed());
                Ok(kernel)
            }
            Err(said) => {
                kernel.end(sandbox).await;
                Err(NotReady::Failed(io::Error::other(format!("an interpreter does not start: {said}"))))
            }
        }
    }

    /// Says something. False if it does not listen.
    pub fn say(&self, order: &Order<'_>) -> bool {
        self.channel.say(order)
    }

    /// Interrupts its cell, with the commands that the cell waits for.
    pub async fn interrupt(&self, sandbox: &Sandbox) {
        if self.language == ContextLanguage::Bash {
            // A shell reads nothing while a command runs. Its process leads the group that the signal is for.
            let request = Request::Signal { pid: self.process.pid, signal: libc::SIGINT };
            if let Err(error) = sandbox.ask(request, &[]).await {
                eprintln!("context.not_interrupted error={:?}", error.to_string());
            }
        } else {
            self.say(&Order::Interrupt);
        }
    }

    /// Waits until no interrupt of its last cell is on its way any more: it must not hit the next one.
    pub async fn settle(&self, sandbox: &Sandbox) {
        if self.language == ContextLanguage::Bash {
            // Init answers after it has sent the signals that it was asked for before. Without init there is no next cell.
            let _ = sandbox.state().await;
        }
    }

    /// What it does next. It may be dropped while it waits.
    pub async fn next(&mut self) -> Event {
        self.channel.next().await
    }

    /// See [`Channel::written`].
    pub fn written(&self) -> [Vec<u8>; 2] {
        self.channel.written()
    }

    /// Ends it with everything that it has started, and says why it has ended if that was before.
    pub async fn end(mut self, sandbox: &Sandbox) -> Ending {
        // One that has closed its socket is about to end by itself.
        let grace = Duration::from_millis(200);
        let mut exited = timeout(grace, &mut self.process.exited).await.ok().and_then(Result::ok);
        sandbox.end_command(self.process.group.as_ref(), self.process.number).await;
        let is_memory = sandbox.memory_failures() > self.memory_failures;
        if exited.is_none() {
            exited = timeout(END_PATIENCE, &mut self.process.exited).await.ok().and_then(Result::ok);
        }
        if let Some(group) = &self.process.group {
            group.emptied().await;
        }
        Ending { exited, is_memory }
    }

    /// Ends it at once.
    pub async fn kill(self, sandbox: &Sandbox) {
        sandbox.end_command(self.process.group.as_ref(), self.process.number).await;
        let _ = timeout(END_PATIENCE, self.process.exited).await;
        if let Some(group) = &self.process.group {
            group.emptied().await;
        }
    }

    /// Processor time of everything that it has started, where something counts it.
    pub fn cpu_ms(&self) -> Option<f64> {
        let micros = self.process.group.as_ref()?.cpu_micros()?;
        Some(milliseconds(Duration::from_micros(micros)))
    }
}
