//! What a program has as its standard input, output and error: three pipes, or a terminal.

use super::launch::ProgramStreams;
use nix::errno::Errno;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// A program's own ends.
#[derive(Debug)]
pub enum Stdio {
    Pipes(ProgramStreams),
    /// One terminal for all three, which controls the program's session.
    Terminal(OwnedFd),
}

impl Stdio {
    /// Puts them at 0, 1 and 2. Every other descriptor in this process closes at exec. The process leads a session that has no
    /// terminal yet.
    pub fn connect(&self) -> io::Result<()> {
        match self {
            Self::Pipes(ProgramStreams { stdin, stdout, stderr }) => connect([stdin, stdout, stderr]),
            Self::Terminal(terminal) => {
                connect([terminal; 3])?;
                // Its process group is then the one in the foreground, which signals of the terminal go to.
                // SAFETY: the call takes numbers only.
                Errno::result(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0) })?;
                Ok(())
            }
        }
    }
}

fn connect(streams: [&OwnedFd; 3]) -> io::Result<()> {
    for (target, source) in streams.into_iter().enumerate() {
        // SAFETY: dup2 takes numbers; 0 to 2 belong to nobody here.
        Errno::result(unsafe { libc::dup2(source.as_raw_fd(), target as i32) })?;
    }
    Ok(())
}
