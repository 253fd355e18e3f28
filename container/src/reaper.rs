//! Being PID 1 of a container: PID 1 has to reap processes whose parents are gone.
//!
//! Whatever loses its parent becomes a child of PID 1, and stays a zombie until that asks how it ended. The runner waits
//! for its own children only, so where it is PID 1, it starts itself once more and does nothing but this.

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// Returns in a process that is not PID 1. Must be called while the process has one thread.
///
/// # Errors
/// When there can be no second process.
pub fn leave_pid_1() -> nix::Result<()> {
    if std::process::id() != 1 {
        return Ok(());
    }
    let mut heard = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        heard.add(signal);
    }
    let mut before = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&heard), Some(&mut before))?;
    // SAFETY: the process has one thread, so the child finds no lock that another thread holds.
    match unsafe { fork() }? {
        ForkResult::Child => sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None),
        ForkResult::Parent { child } => loop {
            match heard.wait()? {
                Signal::SIGCHLD => reap(child),
                // The runner may be gone already, which the next SIGCHLD says.
                signal => drop(kill(child, signal)),
            }
        },
    }
}

/// Reaps processes that have ended; ends with the runner, and as it did.
fn reap(runner: Pid) {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == runner => std::process::exit(code),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == runner => std::process::exit(128 + signal as i32),
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return,
            _ => {}
        }
    }
}
