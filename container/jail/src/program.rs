//! The last steps of a program's own process, from fork to exec: what it can no longer undo afterwards.

use super::jailer::{Jail, Settings};
use super::launch::{Command, Notice, ProgramStreams};
use super::root::{Tier, map_identity};
use super::seccomp::Network;
use super::{landlock, sys, zygote};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::Resource;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid, setsid};
use std::fs;
use std::io;
use std::os::fd::AsRawFd;

/// Processes and threads that a program may have at once: a few dozen is what parallel builds and thread pools use.
pub const PROCESSES: u64 = 128;
/// Bytes of one file: the documented 100 MB.
const FILE_BYTES: u64 = 100 * 1_024 * 1_024;
/// Processor time of one process: the longest run that may be asked for, on four processors. Only a backstop; the
/// server's clock ends a run.
const CPU_SECONDS: u64 = 4 * 300;

/// Becomes the program: executes `command`, or where there is none returns into the interpreter that this process is
/// a fork of. A failure is told to the server and ends the process.
pub fn start(jail: &Jail, streams: &ProgramStreams, command: Option<&Command>, egress: bool) {
    let Err((step, error)) = become_program(jail, streams, command, egress) else { return };
    let errno = error.raw_os_error().unwrap_or(0);
    let _ = Notice::Failed { step: step.into(), errno }.send(jail.control.as_raw_fd(), None);
    // SAFETY: ends the process without running destructors of state that belongs to init.
    unsafe { libc::_exit(127) }
}

fn become_program(
    jail: &Jail,
    streams: &ProgramStreams,
    command: Option<&Command>,
    egress: bool,
) -> Result<(), (&'static str, io::Error)> {
    let failed = |step| move |error: io::Error| (step, error);
    let settings = jail.settings;
    let network = Network::of(settings.tier, egress);
    sys::allow_tracing().map_err(failed("allow tracing"))?;
    setsid().map_err(|errno| ("make a session", errno.into()))?;
    connect_streams(streams).map_err(failed("connect the streams"))?;
    std::env::set_current_dir("/workspace").map_err(failed("enter the workspace"))?;
    // The kernel's out-of-memory killer takes the program before it takes the jail's first process.
    fs::write("/proc/self/oom_score_adj", "1000").map_err(failed("volunteer for the memory killer"))?;
    unblock_signals().map_err(failed("unblock signals"))?;
    lose_privileges(settings).map_err(failed("lose privileges"))?;
    landlock::restrict(settings, network).map_err(failed("set the file rules"))?;
    let filter = jail.filters.of(network);
    match command {
        Some(command) => {
            reset_signals().map_err(failed("reset signals"))?;
            // Until exec a failure can still be told over the control socket.
            sys::close_at_exec_from(3).map_err(failed("close descriptors"))?;
            filter.install().map_err(failed("install the system call filter"))?;
            command.execute().map_err(failed("execute"))
        }
        None => {
            // What an execution would have done: changing the user has hidden this process from itself.
            sys::allow_tracing().map_err(failed("allow tracing"))?;
            zygote::detach().map_err(failed("take over the memory"))?;
            filter.install().map_err(failed("install the system call filter"))?;
            // What still owns them closes them once more on the way out, which does nothing.
            sys::close_from(3).map_err(failed("close descriptors"))
        }
    }
}

/// Becomes a program's user, within its limits, without capabilities and without a way back.
pub fn lose_privileges(settings: &Settings) -> io::Result<()> {
    change_user(settings.tier, settings.uid)?;
    limit()?;
    sys::keep_capabilities(&[])?;
    sys::forbid_new_privileges()
}

/// Puts the three streams at 0, 1 and 2. Every other descriptor in this process closes at exec.
fn connect_streams(streams: &ProgramStreams) -> io::Result<()> {
    for (target, source) in [&streams.stdin, &streams.stdout, &streams.stderr].into_iter().enumerate() {
        // SAFETY: dup2 takes numbers; 0 to 2 belong to nobody here.
        nix::errno::Errno::result(unsafe { libc::dup2(source.as_raw_fd(), target as i32) })?;
    }
    Ok(())
}

fn limit() -> io::Result<()> {
    sys::limit(Resource::RLIMIT_CORE, 0)?;
    sys::limit(Resource::RLIMIT_FSIZE, FILE_BYTES)?;
    // More than any of the languages needs by default; the table of one process stays small.
    sys::limit(Resource::RLIMIT_NOFILE, 1_024)?;
    sys::limit(Resource::RLIMIT_CPU, CPU_SECONDS)?;
    sys::limit(Resource::RLIMIT_MEMLOCK, 65_536)?;
    sys::limit(Resource::RLIMIT_MSGQUEUE, 0)?;
    sys::limit(Resource::RLIMIT_SIGPENDING, 1_024)?;
    sys::limit(Resource::RLIMIT_NICE, 0)?;
    sys::limit(Resource::RLIMIT_RTPRIO, 0)?;
    // Counted per user and, since Linux 5.14, per user namespace: set once the run has one of its own.
    sys::limit(Resource::RLIMIT_NPROC, PROCESSES)
}

/// The reaper blocks SIGCHLD; a program expects to get it.
fn unblock_signals() -> io::Result<()> {
    Ok(sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?)
}

/// The Rust runtime ignores SIGPIPE, and so would a program that is executed.
fn reset_signals() -> io::Result<()> {
    // SAFETY: the default action runs no code of ours.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }?;
    Ok(())
}

fn change_user(tier: Tier, uid: u32) -> io::Result<()> {
    match tier {
        Tier::Root | Tier::Shared => {
            setgroups(&[])?;
            setresgid(Gid::from_raw(uid), Gid::from_raw(uid), Gid::from_raw(uid))?;
            setresuid(Uid::from_raw(uid), Uid::from_raw(uid), Uid::from_raw(uid))?;
        }
        Tier::UserNamespace => {
            unshare(CloneFlags::CLONE_NEWUSER)?;
            map_identity(uid, 0, 0)?;
        }
    }
    Ok(())
}
