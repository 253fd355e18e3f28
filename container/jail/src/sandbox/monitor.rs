//! The parent of one command where no control group holds what it starts: everything that loses its parent below it
//! becomes its child, so it can find and end all of it.
//!
//! It is a process of ours beside the command. As an ordinary user it has the user of the command, which may end it; then
//! the command counts as ended, and what it has started lasts as long as the sandbox.

use super::children::{processes, reap_one};
use super::command;
use crate::jailer::Jail;
use crate::launch::Notice;
use crate::requests::{Reply, Spawn, StartFailure};
use crate::shared::adopt_orphans;
use crate::stdio::Stdio;
use crate::sys;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// Between two looks for processes that were born meanwhile.
const LOOK_MS: u8 = 5;

/// Starts the command and stays until everything below it has ended.
pub fn run(jail: &Jail, spawn: &Spawn, stdio: Stdio, status: OwnedFd) -> ! {
    let mut status = Some(status);
    let result = watch(jail, spawn, stdio, &mut status);
    let code = i32::from(result.is_err());
    if let (Err(error), Some(status)) = (result, status) {
        let errno = error.raw_os_error().unwrap_or(0);
        let _ = StartFailure { step: "watch the command".into(), errno }.write(&status);
    }
    // SAFETY: ends the process without running destructors of state that belongs to init.
    unsafe { libc::_exit(code) }
}

fn watch(jail: &Jail, spawn: &Spawn, stdio: Stdio, status: &mut Option<OwnedFd>) -> io::Result<()> {
    sys::die_with_parent()?;
    // What is to be ended may keep every processor busy.
    sys::be_prompt();
    adopt_orphans()?;
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    mask.add(Signal::SIGTERM);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&mask), None)?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    let say = |reply| Notice::Sandbox(reply).send(jail.control.as_raw_fd(), None);
    // SAFETY: this process has one thread.
    let program = match (unsafe { sys::fork_into_group(None) }?, &*status) {
        (None, Some(status)) => command::start(jail, spawn, &stdio, status),
        (None, None) => return Err(io::ErrorKind::InvalidInput.into()),
        (Some(program), _) => program,
    };
    // Nobody else keeps the ends of the streams, so that they end with those who write to them.
    drop(stdio);
    say(Reply::Spawned { id: spawn.id, pid: program.as_raw() as u32 })?;
    // The command's own copy closes when it is executed.
    drop(status.take());
    let mut is_ending = false;
    loop {
        let patience = if is_ending { PollTimeout::from(LOOK_MS) } else { PollTimeout::NONE };
        match poll(&mut [PollFd::new(signals.as_fd(), PollFlags::POLLIN)], patience) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        while let Some(received) = signals.read_signal()? {
            is_ending |= received.ssi_signo == Signal::SIGTERM as u32;
        }
        if is_ending {
            end_descendants();
        }
        while let Some(ended) = reap_one()? {
            if ended.pid == program {
                say(ended.reply(spawn.id))?;
            }
        }
        if !has_children() {
            return Ok(());
        }
    }
}

/// Whether there is a child, also one that has ended and waits to be reaped.
fn has_children() -> bool {
    // SAFETY: all numbers of the structure may be 0, and it outlives the call.
    let found = unsafe {
        let mut information: libc::siginfo_t = std::mem::zeroed();
        libc::waitid(libc::P_ALL, 0, &raw mut information, libc::WEXITED | libc::WNOHANG | libc::WNOWAIT)
    };
    found == 0
}

/// Stops everything below this process until nothing new is found, then kills it. What is stopped forks no more, and
/// keeps its place in the number of processes that there may be. Each one is stopped as soon as it is found, so that hundreds
/// of busy ones leave this one more and more of the processors.
fn end_descendants() {
    let own = Pid::this();
    let mut stopped = HashSet::new();
    loop {
        let before = stopped.len();
        // Those with lower numbers come first, and those are mostly the parents.
        for pid in processes().filter(|pid| *pid != own) {
            let is_below = |parent| parent == own || stopped.contains(&parent);
            if !stopped.contains(&pid) && parent(pid).is_some_and(is_below) {
                let _ = kill(pid, Signal::SIGSTOP);
                stopped.insert(pid);
            }
        }
        if stopped.len() == before {
            break;
        }
    }
    for pid in stopped {
        let _ = kill(pid, Signal::SIGKILL);
    }
}

/// Field 4 of proc_pid_stat(5); what the process calls itself comes before it, in parentheses.
fn parent(pid: Pid) -> Option<Pid> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after = stat.iter().rposition(|&byte| byte == b')')? + 1;
    let fields = str::from_utf8(stat.get(after..)?).ok()?;
    fields.split_whitespace().nth(1)?.parse().ok().map(Pid::from_raw)
}
