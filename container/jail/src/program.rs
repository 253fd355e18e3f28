//! The last steps of a program's own process, from fork to exec: what it can no longer undo afterwards.

use super::jailer::{Jail, Settings};
use super::launch::{Command, Notice};
use super::root::{Tier, map_identity};
use super::seccomp::Network;
use super::stdio::Stdio;
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
/// The same where a control group counts them: its limit ends a bomb, and this one, which the kernel counts for each user
/// of the machine, must not be used up by what other containers run as the same user.
const PROCESSES_OF_USER: u64 = 8 * PROCESSES;
/// Bytes of one file: the largest memory that a run may ask for. What a file really holds is limited by the file system
/// of the jail; this one keeps a sparse file from being larger than any of them.
const FILE_BYTES: u64 = 2 << 30;
/// Descriptors of one process: more than any of the languages needs by default, and the table stays small.
const DESCRIPTORS: u64 = 1_024;
/// The same where nothing counts what the kernel holds for descriptors: pipes, queues of sockets, tables.
const DESCRIPTORS_UNCOUNTED: u64 = 256;
/// Processor time of one process: the longest run that may be asked for, on four processors. Only a backstop; the
/// server's clock ends a run.
const CPU_SECONDS: u64 = 4 * 300;

/// What a program gets that not every program does. One that starts before it is known gets nothing of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extras {
    /// See [`super::launch::Launch::egress`].
    pub egress: bool,
    /// See [`super::launch::Bounds::file_bytes`].
    pub file_bytes: Option<u64>,
}

/// Becomes the program: executes `command`, or where there is none returns into the interpreter that this process is
/// a fork of. A failure is told to the server and ends the process.
pub fn start(jail: &Jail, stdio: &Stdio, command: Option<&Command>, extras: Extras) {
    let Err((step, error)) = become_program(jail, stdio, command, extras) else { return };
    let errno = error.raw_os_error().unwrap_or(0);
    let _ = Notice::Failed { step: step.into(), errno }.send(jail.control.as_raw_fd(), None);
    // SAFETY: ends the process without running destructors of state that belongs to init.
    unsafe { libc::_exit(127) }
}

fn become_program(
    jail: &Jail,
    stdio: &Stdio,
    command: Option<&Command>,
    Extras { egress, file_bytes }: Extras,
) -> Result<(), (&'static str, io::Error)> {
    let failed = |step| move |error: io::Error| (step, error);
    let settings = jail.settings;
    let network = Network::of(settings.tier, egress);
    sys::allow_tracing().map_err(failed("allow tracing"))?;
    setsid().map_err(|errno| ("make a session", errno.into()))?;
    stdio.connect().map_err(failed("connect the streams"))?;
    std::env::set_current_dir("/workspace").map_err(failed("enter the workspace"))?;
    // The kernel's out-of-memory killer takes the program before it takes the jail's first process.
    fs::write("/proc/self/oom_score_adj", "1000").map_err(failed("volunteer for the memory killer"))?;
    unblock_signals().map_err(failed("unblock signals"))?;
    let filter = jail.filters.of(network);
    let restrict = || landlock::restrict(settings, network).map_err(failed("set the file rules"));
    let install = || filter.install().map_err(failed("install the system call filter"));
    if settings.tier == Tier::Root {
        restrict()?;
        // The kernel takes the machine code of filters from one budget of the whole machine, and gives a process with
        // CAP_SYS_ADMIN what it needs even where others have used the budget up. Every later step is on the list.
        install()?;
    }
    lose_privileges(settings).map_err(failed("lose privileges"))?;
    if let Some(bytes) = file_bytes {
        sys::limit(Resource::RLIMIT_FSIZE, bytes.min(FILE_BYTES)).map_err(failed("limit files"))?;
    }
    if settings.tier != Tier::Root {
        // Without the capability a filter needs no_new_privs first, and the further user namespace needs its own calls.
        restrict()?;
    }
    match command {
        Some(command) => {
            reset_signals().map_err(failed("reset signals"))?;
            // Until exec a failure can still be told over the control socket.
            sys::close_at_exec_from(3).map_err(failed("close descriptors"))?;
            if settings.tier != Tier::Root {
                install()?;
            }
            command.execute().map_err(failed("execute"))
        }
        None => {
            // What an execution would have done: changing the user has hidden this process from itself.
            sys::allow_tracing().map_err(failed("allow tracing"))?;
            zygote::detach().map_err(failed("take over the memory"))?;
            if settings.tier != Tier::Root {
                install()?;
            }
            // What still owns them closes them once more on the way out, which does nothing.
            sys::close_from(3).map_err(failed("close descriptors"))
        }
    }
}

/// Becomes a program's user, within its limits, without capabilities and without a way back.
pub fn lose_privileges(settings: &Settings) -> io::Result<()> {
    become_user(settings)?;
    // Counted for each process alone.
    sys::limit(Resource::RLIMIT_CPU, CPU_SECONDS)
}

/// The same for a process of a sandbox, which may compute for as long as its sandbox lasts.
pub fn become_user(settings: &Settings) -> io::Result<()> {
    change_user(settings.tier, settings.uid)?;
    if settings.tier == Tier::Shared {
        // No namespace ends what a jail's first process leaves. The change of the user has cleared an earlier request.
        sys::die_with_parent()?;
    }
    limit(settings)?;
    sys::keep_capabilities(&[])?;
    sys::forbid_new_privileges()
}

fn limit(settings: &Settings) -> io::Result<()> {
    let counted = settings.tier == Tier::Root;
    // Not 0: that keeps the kernel from writing a file, but it starts a handler of the host (core_pattern with a pipe) all
    // the same. 1 is the value that starts none, and a file of one byte is never written either, see core(5).
    sys::limit(Resource::RLIMIT_CORE, 1)?;
    sys::limit(Resource::RLIMIT_FSIZE, FILE_BYTES)?;
    sys::limit(Resource::RLIMIT_NOFILE, if counted { DESCRIPTORS } else { DESCRIPTORS_UNCOUNTED })?;
    sys::limit(Resource::RLIMIT_MEMLOCK, 65_536)?;
    sys::limit(Resource::RLIMIT_MSGQUEUE, 0)?;
    sys::limit(Resource::RLIMIT_SIGPENDING, 1_024)?;
    sys::limit(Resource::RLIMIT_NICE, 0)?;
    sys::limit(Resource::RLIMIT_RTPRIO, 0)?;
    // Counted per user and, since Linux 5.14, per user namespace: set once the run has one of its own.
    let processes = if settings.counts_processes { PROCESSES_OF_USER } else { PROCESSES };
    sys::limit(Resource::RLIMIT_NPROC, processes)
}

/// The reaper blocks SIGCHLD; a program expects to get it.
pub(super) fn unblock_signals() -> io::Result<()> {
    Ok(sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?)
}

/// The Rust runtime ignores SIGPIPE, and so would a program that is executed.
pub(super) fn reset_signals() -> io::Result<()> {
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
