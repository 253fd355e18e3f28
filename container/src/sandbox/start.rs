//! How anything starts in a sandbox: a command, a process in the background, the shell of a session.

use super::environment::environment;
use super::exited::Exited;
use super::groups::CommandGroup;
use super::living::Sandbox;
use crate::jail::handle::{STREAM_BYTES, own_descriptor, pipe as new_pipe, set_nonblocking};
use crate::jail::sandbox::{Request, Spawn, StartFailure};
use docle_protocol::sandbox::ExecCommand;
use nix::fcntl::{FcntlArg, fcntl};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};
use tokio::net::unix::pipe;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Starting takes milliseconds; after this long something is broken.
const START_PATIENCE: Duration = Duration::from_secs(10);

/// What to start, and with what.
pub(super) struct Launch<'a> {
    pub command: &'a ExecCommand,
    /// An empty one is `/workspace`.
    pub cwd: &'a str,
    /// Variables beside those of the sandbox.
    pub env: &'a BTreeMap<String, String>,
}

/// The runner's ends of what was started.
#[derive(Debug)]
pub(super) struct Started {
    pub stdout: pipe::Receiver,
    pub stderr: pipe::Receiver,
    pub exited: oneshot::Receiver<Exited>,
    pub group: Option<CommandGroup>,
    pub number: u64,
    pub pid: u32,
    /// When it was started. The server may come to watch it later, on a busy machine after its end.
    pub began: Instant,
}

/// What was started, without its streams.
#[derive(Debug)]
pub(super) struct Alone {
    pub exited: oneshot::Receiver<Exited>,
    pub group: Option<CommandGroup>,
    pub number: u64,
    pub pid: u32,
    pub began: Instant,
}

/// Why nothing was started.
#[derive(Debug)]
pub enum NotStarted {
    /// A command with this id runs.
    Duplicate,
    /// The working directory cannot be entered, for this error number of the kernel.
    Directory(i32),
    /// The sandbox has as many sessions as it may.
    TooManySessions,
    Failed(io::Error),
}

impl From<io::Error> for NotStarted {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// A pipe for standard input: the end that is read, and ours.
pub(super) fn input() -> io::Result<(OwnedFd, OwnedFd)> {
    let (theirs, ours) = new_pipe()?;
    set_nonblocking(&ours)?;
    Ok((theirs, ours))
}

impl Sandbox {
    /// Starts something with this standard input.
    pub(super) async fn start(&self, launch: Launch<'_>, stdin: OwnedFd) -> Result<Started, NotStarted> {
        let (stdout_ours, stdout) = new_pipe()?;
        let (stderr_ours, stderr) = new_pipe()?;
        for stream in [&stdout, &stderr] {
            // Where it may not be larger it stays as it is.
            let _ = fcntl(stream, FcntlArg::F_SETPIPE_SZ(STREAM_BYTES));
        }
        [&stdout_ours, &stderr_ours].into_iter().try_for_each(set_nonblocking)?;
        // A command may open its streams once more by name, which asks for their owner.
        for theirs in [&stdin, &stdout, &stderr] {
            own_descriptor(theirs, self.uid)?;
        }
        let alone = self.start_with(launch, [stdin, stdout, stderr], false).await?;
        Ok(Started {
            stdout: pipe::Receiver::from_owned_fd(stdout_ours)?,
            stderr: pipe::Receiver::from_owned_fd(stderr_ours)?,
            exited: alone.exited,
            group: alone.group,
            number: alone.number,
            pid: alone.pid,
            began: alone.began,
        })
    }

    /// Starts something with these standard streams, which may be the same terminal three times.
    pub(super) async fn start_with(
        &self,
        launch: Launch<'_>,
        [stdin, stdout, stderr]: [OwnedFd; 3],
        has_terminal: bool,
    ) -> Result<Alone, NotStarted> {
        let (status_ours, status) = new_pipe()?;
        let (number, awaited) = self.expect_command();
        let group = self.programs.as_ref().map(|programs| programs.command(number)).transpose()?;
        let opened = group.as_ref().map(CommandGroup::open).transpose()?;
        let argv = match launch.command {
            ExecCommand::Shell(text) => ["/bin/bash", "-c", text].map(str::to_owned).into(),
            ExecCommand::Argv(argv) => argv.clone(),
        };
        let env = environment(&self.path, &self.spec, &self.env(), launch.env);
        let cwd = if launch.cwd.is_empty() { "/workspace" } else { launch.cwd }.to_owned();
        let file = Spawn { id: number, argv, env, cwd, has_terminal }.file()?;
        let descriptors: Vec<&OwnedFd> =
            [&file, &stdin, &stdout, &stderr, &status].into_iter().chain(&opened).collect();
        let began = Instant::now();
        self.ask(Request::Spawn, &descriptors).await?;
        drop((stdin, stdout, stderr, status, file, opened));
        let said = async {
            let failure = said(status_ours).await?;
            let pid = if failure.is_none() { Some(awaited.spawned.await) } else { None };
            Ok::<_, io::Error>((failure, pid))
        };
        let started = timeout(START_PATIENCE, said).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let pid = match started {
            Ok((None, Some(Ok(pid)))) => pid,
            Ok((Some(StartFailure { step, errno }), _)) => {
                self.forget_command(number);
                if step == StartFailure::DIRECTORY {
                    return Err(NotStarted::Directory(errno));
                }
                let error = io::Error::from_raw_os_error(errno);
                return Err(io::Error::other(format!("a command cannot {step}: {error}")).into());
            }
            // What has not started in time must not start later.
            other => {
                self.end_command(group.as_ref(), number).await;
                self.forget_command(number);
                return Err(io::Error::other(format!("a command does not start: {other:?}")).into());
            }
        };
        Ok(Alone { exited: awaited.exited, group, number, pid, began })
    }

    /// Ends a command and everything that it has started.
    pub(super) async fn end_command(&self, group: Option<&CommandGroup>, number: u64) {
        let ended = match group {
            Some(group) => group.kill(),
            None => self.ask(Request::Kill { id: number }, &[]).await,
        };
        if let Err(error) = ended {
            // The sandbox may have ended, and everything with it.
            eprintln!("exec.not_ended error={:?}", error.to_string());
        }
    }
}

/// What a command that could not start has said. The pipe ends when the command is executed.
async fn said(status: OwnedFd) -> io::Result<Option<StartFailure>> {
    let mut receiver = {
        set_nonblocking(&status)?;
        pipe::Receiver::from_owned_fd(status)?
    };
    let mut bytes = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut receiver, &mut bytes).await?;
    Ok(StartFailure::read(&bytes))
}
