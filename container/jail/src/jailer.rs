//! The jailer: one process, one thread, starts the jails of one place and knows nothing else.
//!
//! It joins the place's control group once, before its first jail, and every jail inherits that. Moving each jail's
//! process instead would cost a grace period of the kernel, about 10 ms, whenever nothing else was moved lately.

use super::launch::{Creation, Descriptors, Notice, ProgramStreams};
use super::root::{Root, Tier};
use super::seccomp::Filters;
use super::zygote::{self, Zygote};
use super::{init, sys};
use nix::sys::signal::{SigHandler, Signal, signal};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

/// What the server tells a new jailer on standard input, as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    pub tier: Tier,
    pub root: Root,
    /// An existing directory to mount the jails' root on.
    pub mount_point: PathBuf,
    /// The user that programs run as, so that it has a name.
    pub uid: u32,
    /// Whether a control group limits how many processes a program has.
    pub counts_processes: bool,
    /// The interpreter that the jailer is to become, where it can.
    pub zygote: Option<Zygote>,
}

/// What a process is after a fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    Jailer,
    /// A program that has taken its last steps but for executing something.
    Program,
}

/// What the jailer says once it can make jails.
pub const READY: &str = "ready";

/// Namespaces that every jail gets of its own where it may.
const NAMESPACES: i32 = libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// Runs the jailer until the server goes away. The first line on standard output says [`READY`], or what failed.
pub fn serve(socket: OwnedFd) -> io::Result<()> {
    let settings: Settings = serde_json::from_reader(io::stdin()).map_err(io::Error::other)?;
    let mut answer = io::stdout();
    if let Err(error) = prepare(&settings, &socket) {
        return writeln!(answer, "{error}");
    }
    writeln!(answer, "{READY}")?;
    answer.flush()?;
    make_jails(&settings, &socket).map(drop)
}

fn prepare(settings: &Settings, socket: &OwnedFd) -> io::Result<()> {
    sys::die_with_parent()?;
    let layout = zygote::layout()?;
    settings.root.enter(settings)?;
    if let Some(zygote) = &settings.zygote {
        return Err(zygote.execute(settings, socket, &layout));
    }
    sys::forbid_tracing()
}

/// Makes jails until the server goes away.
pub fn make_jails(settings: &Settings, socket: &OwnedFd) -> io::Result<Process> {
    let filters = Filters::of_tier(settings.tier);
    // SAFETY: ignoring a signal runs no code; children are then reaped by the kernel.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }?;
    while let Some((creation, descriptors)) = Creation::receive(socket.as_raw_fd())? {
        let Descriptors { control, streams } = descriptors;
        match start(&Jail { settings, filters: &filters, creation: &creation, control: &control }, streams, socket) {
            Ok(Process::Program) => return Ok(Process::Program),
            Ok(Process::Jailer) => {}
            Err(error) => {
                let notice = Notice::Failed { step: "create".into(), errno: error.raw_os_error().unwrap_or(0) };
                // The server sees the end of the socket if even this cannot be said.
                let _ = notice.send(control.as_raw_fd(), None);
            }
        }
    }
    Ok(Process::Jailer)
}

/// Everything that is known about a jail before its program.
#[derive(Debug, Clone, Copy)]
pub struct Jail<'a> {
    pub settings: &'a Settings,
    pub filters: &'a Filters,
    pub creation: &'a Creation,
    pub control: &'a OwnedFd,
}

/// Starts one jail. Returns in its program as well, where that is a fork of this process.
fn start(jail: &Jail, streams: ProgramStreams, socket: &OwnedFd) -> io::Result<Process> {
    // SAFETY: the jailer has one thread.
    match unsafe { sys::fork_into(if jail.settings.tier == Tier::Shared { 0 } else { NAMESPACES }) }? {
        None => {
            // SAFETY: the child's copy of the jailer's socket; it never touches it again.
            unsafe { libc::close(socket.as_raw_fd()) };
            init::run(jail, streams);
            Ok(Process::Program)
        }
        Some(pidfd) => {
            Notice::Created.send(jail.control.as_raw_fd(), Some(pidfd.as_raw_fd()))?;
            Ok(Process::Jailer)
        }
    }
}
