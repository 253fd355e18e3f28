//! The shells of terminals: how they start, and how they end.

use super::files::FileFailure;
use super::living::Sandbox;
use super::start::{Alone, Launch, NotStarted};
use super::terminal::{ShellExit, Terminal};
use crate::execution::TerminalEnd;
use crate::jail::launch::Exit;
use crate::jail::sandbox::operations::Operation;
use crate::jail::terminal::Size;
use crate::report::signal_name;
use docle_protocol::sandbox::ExecCommand;
use docle_protocol::sandbox::terminal::{MAX_TERMINALS, TerminalJob};
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long output of a shell that has ended is read: processes in its background may have the terminal open.
const REST: Duration = Duration::from_millis(50);
/// How long a shell may go on without its terminal.
const END: Duration = Duration::from_secs(5);

impl Sandbox {
    /// The terminal with this name, which is made with a new shell if there is none.
    ///
    /// # Errors
    /// There are as many as may be, or the shell does not start.
    pub async fn terminal(self: &Arc<Self>, name: &str, job: TerminalJob) -> Result<Arc<Terminal>, NotStarted> {
        if let Some(terminal) = self.terminals.find(name) {
            return Ok(terminal);
        }
        // In a task of its own: if the caller goes while it starts, it is known all the same.
        let (sandbox, name) = (Arc::clone(self), name.to_owned());
        let started = tokio::spawn(async move {
            let _alone = sandbox.terminals.starting.lock().await;
            match sandbox.terminals.find(&name) {
                Some(terminal) => Ok(terminal),
                None if sandbox.terminals.lock().len() >= MAX_TERMINALS => Err(NotStarted::TooManySessions),
                None => sandbox.start_terminal(name, job).await,
            }
        });
        started.await.unwrap_or_else(|error| Err(NotStarted::Failed(io::Error::other(error))))
    }

    /// Ends a terminal with everything that its shell has started; `false` if there is none.
    pub fn end_terminal(&self, name: &str) -> bool {
        let terminal = self.terminals.lock().remove(name);
        if let Some(terminal) = &terminal {
            terminal.close.cancel();
        }
        terminal.is_some()
    }

    async fn start_terminal(self: &Arc<Self>, name: String, job: TerminalJob) -> Result<Arc<Terminal>, NotStarted> {
        let size = Size { cols: job.cols, rows: job.rows };
        let (outer, inner) = self.open_terminal(size).await?;
        self.changed();
        let mut env = job.env;
        env.entry("TERM".to_owned()).or_insert_with(|| "xterm-256color".to_owned());
        let command = ExecCommand::Argv(vec!["/bin/bash".to_owned(), "-i".to_owned()]);
        let launch = Launch { command: &command, cwd: &job.cwd, env: &env };
        let streams = [inner.try_clone()?, inner.try_clone()?, inner];
        let shell = self.start_with(launch, streams, true).await?;
        let terminal = Arc::new(Terminal::new(TerminalEnd::new(outer)?, job.ends_with_viewers));
        self.terminals.lock().insert(name.clone(), Arc::clone(&terminal));
        tokio::spawn(Arc::clone(self).attend_terminal(name, Arc::clone(&terminal), shell));
        Ok(terminal)
    }

    /// Both ends of a new terminal of the sandbox's user.
    async fn open_terminal(&self, size: Size) -> io::Result<(OwnedFd, OwnedFd)> {
        let descriptors = match self.operate(&Operation::OpenTerminal { size }, b"").await {
            Ok((_, descriptors)) => descriptors,
            Err(FileFailure::File(error)) => return Err(io::Error::other(error.message)),
            Err(FileFailure::Broken(error)) => return Err(error),
            Err(FileFailure::Body) => return Err(io::ErrorKind::InvalidInput.into()),
        };
        let ends: [OwnedFd; 2] = descriptors.try_into().map_err(|_| io::ErrorKind::InvalidData)?;
        let [outer, inner] = ends;
        Ok((outer, inner))
    }

    /// Reads the terminal until its shell or the sandbox ends.
    async fn attend_terminal(self: Arc<Self>, name: String, terminal: Arc<Terminal>, shell: Alone) {
        let Alone { exited, group, number, .. } = shell;
        let ended = async {
            tokio::select! {
                exit = exited => exit.ok(),
                () = terminal.close.cancelled() => None,
                () = self.end.cancelled() => None,
            }
        };
        let exit = {
            let (mut reading, mut ended) = (pin!(terminal.read()), pin!(ended));
            tokio::select! {
                exit = &mut ended => {
                    let _ = timeout(REST, reading).await;
                    exit
                }
                // Its shell has closed it, which it does when it ends.
                () = &mut reading => timeout(END, ended).await.ok().flatten(),
            }
        };
        if exit.is_none() && !self.end.is_cancelled() {
            self.end_command(group.as_ref(), number).await;
            self.forget_command(number);
        }
        terminal.exit(exit.map_or_else(killed, |exited| told(exited.exit)));
        self.changed();
        let mut all = self.terminals.lock();
        if all.get(&name).is_some_and(|known| Arc::ptr_eq(known, &terminal)) {
            all.remove(&name);
        }
    }
}

fn told(exit: Exit) -> ShellExit {
    match exit {
        Exit::Code(code) => (code, None),
        Exit::Signal(number) => (128 + number, Some(signal_name(number))),
    }
}

fn killed() -> ShellExit {
    told(Exit::Signal(libc::SIGKILL))
}
